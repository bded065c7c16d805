package suntech

import "github.com/trackgate/trackgate/protocols"

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"crash_samples":     {Type: "list", Meaning: "crash report: 100 samples in three directions, as sent"},
	"alarm_data":        {Type: "text", Meaning: "universal: what the device adds to an alert"},
	"alarm_modifier":    {Type: "number", Meaning: "universal: the device's own variant of an alert"},
	"alarm_value":       {Type: "number", Meaning: "universal ZIP: what the device adds to an alert"},
	"average_speed_kmh": {Type: "number", Unit: "km/h", Meaning: "mean speed of the trip"},
	"cell":              {Type: "text", Meaning: "location code of the serving cell in hex, as sent"},
	"crash_data":        {Type: "text", Meaning: "crash report in several parts: this part in hex"},
	"driver_registered": {Type: "bool", Meaning: "the driver's key is one that the device knows"},
	"driving_quality":   {Type: "number", Meaning: "quality of the driving by an accessory on the serial port"},
	"end_lat":           {Type: "number", Unit: "°", Meaning: "where the trip ended"},
	"end_lng":           {Type: "number", Unit: "°", Meaning: "where the trip ended"},
	"fields":            {Type: "text", Meaning: "fields that have no meaning here, as sent"},
	"fuel":              {Type: "number", Meaning: "sum of the fuel probes, its unit depends on the sensors"},
	"io":                {Type: "text", Meaning: "inputs and outputs as sent, where their form is another"},
	"max_speed_kmh":     {Type: "number", Unit: "km/h", Meaning: "highest speed of the trip"},
	"mode":              {Type: "number", Meaning: "why a status was sent: 1 idle, 2 driving, 4 distance, 5 angle"},
	"model":             {Type: "text", Meaning: "code of the model in hex"},
	"out4":              {Type: "bool", Meaning: "digital output 4"},
	"part":              {Type: "number", Meaning: "crash report: number of this part"},
	"parts":             {Type: "number", Meaning: "crash report: number of all parts"},
	"reason":            {Type: "number", Meaning: "universal: why the report was sent"},
	"record":            {Type: "number", Meaning: "number of the message on the device"},
	"rssi":              {Type: "number", Meaning: "received level as sent: 0 to 63 on the ST600, as the model has it in universal reports"},
	"start_lat":         {Type: "number", Unit: "°", Meaning: "where the trip began"},
	"start_lng":         {Type: "number", Unit: "°", Meaning: "where the trip began"},
	"temp1_id":          {Type: "text", Meaning: "address of temperature sensor 1"},
	"temp2_id":          {Type: "text", Meaning: "address of temperature sensor 2"},
	"temp3_id":          {Type: "text", Meaning: "address of temperature sensor 3"},
}

func init() {
	add := func(name, unit, meaning string) {
		attributes[name] = protocols.Attribute{Type: "number", Unit: unit, Meaning: meaning}
	}
	for _, name := range probeFuel {
		add(name, "", "level of a fuel probe as sent, its unit depends on the sensor")
	}
	for _, name := range probeTemp {
		add(name, "°C", "temperature of a fuel probe")
	}
	for _, name := range assignNames {
		add(name, "", "universal: a field at the end that no map announces, by its place")
	}
}
