package watch

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"accuracy_m":         {Type: "number", Unit: "m", Meaning: "accuracy of the fix as the device estimates it"},
	"blood_oxygen_pct":   {Type: "number", Unit: "%", Meaning: "oxygen saturation of the wearer's blood"},
	"data":               {Type: "text", Meaning: "what a message holds beyond what is known of it"},
	"file_name":          {Type: "text", Meaning: "name of a voice message"},
	"file_part":          {Type: "number", Meaning: "number of the part, from 1"},
	"file_parts":         {Type: "number", Meaning: "number of parts"},
	"file_size":          {Type: "number", Unit: "bytes", Meaning: "size of the voice message, picture or part"},
	"file_kind":          {Type: "text", Meaning: "voice or picture"},
	"heart_rate":         {Type: "number", Unit: "1/min", Meaning: "heart rate of the wearer"},
	"message":            {Type: "text", Meaning: "first word of a message that is not known"},
	"off_wrist":          {Type: "bool", Meaning: "the watch is not worn"},
	"pressure_high_mmhg": {Type: "number", Unit: "mmHg", Meaning: "systolic blood pressure"},
	"pressure_low_mmhg":  {Type: "number", Unit: "mmHg", Meaning: "diastolic blood pressure"},
	"rssi":               {Type: "number", Meaning: "0 to 100, more is better"},
	"settings_text":      {Type: "text", Meaning: "settings of the device as it lists them"},
	"steps":              {Type: "number", Meaning: "steps of the day"},
	"tumbles":            {Type: "number", Meaning: "turns of the sleeper"},
}
