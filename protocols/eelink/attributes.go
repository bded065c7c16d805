package eelink

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"beacons_id":       {Type: "number", Meaning: "id of the list of beacons"},
	"clock_s":          {Type: "number", Unit: "s", Meaning: "the device's local clock in seconds since 1970, as sent"},
	"co2_ppm":          {Type: "number", Unit: "ppm", Meaning: "carbon dioxide in the air"},
	"flags":            {Type: "number", Meaning: "flags of a position of V1.8, where more than its validity is set"},
	"fuel_consumption": {Type: "number", Meaning: "consumption as sent"},
	"gps_count":        {Type: "number", Meaning: "the device's counter of GPS"},
	"gps_running":      {Type: "bool", Meaning: "the satellite receiver runs"},
	"gsm_count":        {Type: "number", Meaning: "the device's counter of GSM"},
	"light_lux":        {Type: "number", Unit: "lx", Meaning: "brightness"},
	"message":          {Type: "text", Meaning: "text of a message that the device received"},
	"obd_odometer_m":   {Type: "number", Unit: "m", Meaning: "the vehicle's own odometer"},
	"obd_running":      {Type: "bool", Meaning: "the OBD unit runs"},
	"radio":            {Type: "number", Meaning: "technology of the 4G cell as sent"},
	"rssi":             {Type: "number", Meaning: "V2: level of the serving cell as sent, up to 63 110 above the dBm; V1.8: signal as sent"},
	"steps":            {Type: "number", Meaning: "steps of the wearer"},
	"walking_s":        {Type: "number", Unit: "s", Meaning: "time that the wearer walked"},
}
