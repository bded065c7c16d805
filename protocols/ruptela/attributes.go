package ruptela

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"ble_tag":            {Type: "text", Meaning: "id of a Bluetooth tag, in hex"},
	"can_driver_card":    {Type: "text", Meaning: "driver card by the vehicle's bus"},
	"can_odometer_m":     {Type: "number", Unit: "m", Meaning: "odometer of high resolution by the vehicle's bus"},
	"crash":              {Type: "number", Meaning: "crash detection as sent"},
	"dtc":                {Type: "text", Meaning: "trouble code"},
	"dtc_state":          {Type: "number", Meaning: "1: the trouble code is of now, 2: it is stored in the vehicle"},
	"file":               {Type: "text", Meaning: "name of a file that the device has sent"},
	"file_parts":         {Type: "number", Meaning: "number of parts of the file"},
	"file_source":        {Type: "number", Meaning: "where the file comes from, code of the device"},
	"gnss_antenna":       {Type: "number", Meaning: "satellite antenna, 0 is a fault"},
	"harsh_acceleration": {Type: "number", Meaning: "harsh acceleration as sent"},
	"harsh_braking":      {Type: "number", Meaning: "harsh braking as sent"},
	"jamming_code":       {Type: "number", Meaning: "jamming as sent"},
	"obd_odometer_m":     {Type: "number", Unit: "m", Meaning: "the vehicle's own odometer"},
	"part":               {Type: "number", Meaning: "index of a part that continues a record of an earlier packet"},
	"profile":            {Type: "number", Meaning: "configuration profile in use"},
	"rssi":               {Type: "number", Meaning: "0 to 31"},
	"tacho_driver_card":  {Type: "text", Meaning: "driver card in the tachograph"},
	"tamper_code":        {Type: "number", Meaning: "tamper detection as sent"},
	"temp0_c":            {Type: "number", Unit: "°C", Meaning: "temperature sensor 0"},
	"time_extension":     {Type: "number", Meaning: "number of the record within its second"},
	"tow":                {Type: "number", Meaning: "tow detection as sent"},
	"wheel_speed_kmh":    {Type: "number", Unit: "km/h", Meaning: "wheel speed by the vehicle's bus"},
}
