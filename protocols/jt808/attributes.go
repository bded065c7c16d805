package jt808

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"abnormal_degree":  {Type: "number", Meaning: "degree of abnormal driving"},
	"abnormal_driving": {Type: "number", Meaning: "bits of abnormal driving: fatigue, telephone, smoking"},
	"adc1":             {Type: "number", Meaning: "analog input 1 as sent"},
	"adc2":             {Type: "number", Meaning: "analog input 2 as sent"},
	"alarm_bits":       {Type: "number", Meaning: "alarm flags as sent"},
	"device_date":      {Type: "text", Meaning: "the time as sent, in hex, where it is no usable one"},
	"encryption":       {Type: "number", Meaning: "encryption bits of a message that can not be read"},
	"fence_type":       {Type: "number", Meaning: "kind of the fence: 1 circle, 2 rectangle, 3 polygon, 4 route"},
	"fragment":         {Type: "number", Meaning: "number of this part of a message in parts, from 1"},
	"fragments":        {Type: "number", Meaning: "number of parts of the message"},
	"io_status":        {Type: "number", Meaning: "bit 0 deep sleep, bit 1 sleep"},
	"overspeed_area":   {Type: "number", Meaning: "number of the area or section where the limit is exceeded"},
	"overspeed_place":  {Type: "number", Meaning: "where the limit is exceeded: 0 nowhere special, 1 circle, 2 rectangle, 3 polygon, 4 section"},
	"rssi":             {Type: "number", Meaning: "0 to 31, or per cent, as the model has it"},
	"section":          {Type: "number", Meaning: "number of the route section"},
	"section_s":        {Type: "number", Unit: "s", Meaning: "time spent in the route section"},
	"section_too_long": {Type: "bool", Meaning: "the time in the section was too long, not too short"},
	"storage_failed":   {Type: "number", Meaning: "failed memory units as bits"},
	"tacho_speed_kmh":  {Type: "number", Unit: "km/h", Meaning: "speed by the tachograph"},
	"tyre_pressures":   {Type: "list", Meaning: "tyre pressures as sent, front to rear and left to right; null: none"},
	"vehicle_signals":  {Type: "number", Meaning: "lights, indicators, brake and more as bits of the standard"},
	"video_alarms":     {Type: "number", Meaning: "video alarms as bits"},
	"video_covered":    {Type: "number", Meaning: "covered video channels as bits"},
	"video_lost":       {Type: "number", Meaning: "video channels without signal as bits"},
}
