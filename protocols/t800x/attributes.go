package t800x

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"ac":                 {Type: "bool", Meaning: "air conditioning is on"},
	"adc5_v":             {Type: "number", Unit: "V", Meaning: "analog input 5"},
	"air_input":          {Type: "number", Meaning: "air intake as sent"},
	"air_pressure_kpa":   {Type: "number", Unit: "kPa", Meaning: "pressure of the intake"},
	"angle_deg":          {Type: "number", Unit: "°", Meaning: "setting: turn that causes a report"},
	"channel":            {Type: "number", Meaning: "where an answer to a command comes from, as sent"},
	"distance_m":         {Type: "number", Unit: "m", Meaning: "setting: distance that causes a report"},
	"drag":               {Type: "number", Meaning: "setting of the alarm on towing"},
	"flags":              {Type: "number", Meaning: "flags as sent"},
	"fuel_consumption_l": {Type: "number", Unit: "l", Meaning: "fuel consumption as the OBD unit reports it"},
	"gsensor":            {Type: "number", Meaning: "setting of the acceleration sensor"},
	"heartbeat_min":      {Type: "number", Unit: "min", Meaning: "setting: interval of heartbeats"},
	"interval_off_s":     {Type: "number", Unit: "s", Meaning: "setting: upload interval with the ignition off"},
	"interval_on_s":      {Type: "number", Unit: "s", Meaning: "setting: upload interval with the ignition on"},
	"light":              {Type: "number", Meaning: "light sensor as sent"},
	"network_band":       {Type: "text", Meaning: "radio band"},
	"network_technology": {Type: "text", Meaning: "radio technology"},
	"operator_name":      {Type: "text", Meaning: "name of the mobile operator"},
	"overspeed":          {Type: "number", Meaning: "upper bits of the signal word: setting of the alarm on speed, as sent"},
	"ports":              {Type: "number", Meaning: "word of digital inputs and outputs as sent"},
	"relay":              {Type: "number", Meaning: "state of the relay as sent"},
	"reserved":           {Type: "number", Meaning: "reserved byte behind the alarm, where it is not 0"},
	"rssi":               {Type: "number", Meaning: "signal as sent, 0 to 127"},
	"solar_v":            {Type: "number", Unit: "V", Meaning: "voltage of the solar panel"},
	"temp_intake_c":      {Type: "number", Unit: "°C", Meaning: "temperature of the intake air"},
}
