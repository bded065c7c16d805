package meiligao

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"average_speed_kmh":   {Type: "number", Unit: "km/h", Meaning: "mean speed of the trip"},
	"cards":               {Type: "list", Meaning: "numbers of all cards read, where there is more than one"},
	"cell":                {Type: "text", Meaning: "serving cell in hex as sent, where its parts are out of range"},
	"consumption":         {Type: "number", Meaning: "fuel consumption of the moment, its unit depends on the vehicle"},
	"consumption_average": {Type: "number", Meaning: "mean fuel consumption, its unit depends on the vehicle"},
	"driving_s":           {Type: "number", Unit: "s", Meaning: "driving time"},
	"dtc_count":           {Type: "number", Meaning: "number of trouble codes"},
	"dtcs":                {Type: "list", Meaning: "trouble codes of the vehicle"},
	"harsh_accel_count":   {Type: "number", Meaning: "number of harsh accelerations"},
	"harsh_brake_count":   {Type: "number", Meaning: "number of harsh brakings"},
	"hot_start_s":         {Type: "number", Unit: "s", Meaning: "time of warm starts"},
	"idling_s":            {Type: "number", Unit: "s", Meaning: "time with the engine running at standstill"},
	"ignition_count":      {Type: "number", Meaning: "how often the ignition was switched on"},
	"in5":                 {Type: "bool", Meaning: "digital input 5"},
	"max_rpm":             {Type: "number", Unit: "1/min", Meaning: "highest engine speed of the trip"},
	"max_speed_kmh":       {Type: "number", Unit: "km/h", Meaning: "highest speed of the trip"},
	"obd_odometer_m":      {Type: "number", Unit: "m", Meaning: "odometer by the vehicle's bus"},
	"out4":                {Type: "bool", Meaning: "digital output 4"},
	"out5":                {Type: "bool", Meaning: "digital output 5"},
	"photo_type":          {Type: "number", Meaning: "why the photo was taken, the device's own code"},
	"range_m":             {Type: "number", Unit: "m", Meaning: "distance that the fuel lasts for"},
	"rssi":                {Type: "number", Meaning: "0 to 31, as the modem reports it"},
	"serial":              {Type: "text", Meaning: "serial number or IMEI that the device reports"},
	"trip_fuel_l":         {Type: "number", Unit: "l", Meaning: "fuel consumed on the trip"},
}

func init() {
	for _, name := range analogNames {
		attributes[name] = protocols.Attribute{Type: "number", Meaning: "analog input " + name[2:] + " as sent"}
	}
}
