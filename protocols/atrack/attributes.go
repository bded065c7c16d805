package atrack

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// attributes are the names that only this protocol uses.
var attributes = func() map[string]protocols.Attribute {
	m := map[string]protocols.Attribute{
		"acceleration_hex":   {Type: "text", Meaning: "ten samples of the acceleration sensor, in hex"},
		"bus_odometer_m":     {Type: "number", Unit: "m", Meaning: "odometer by the vehicle's bus"},
		"connection":         {Type: "number", Meaning: "how the device is connected, as sent"},
		"custom":             {Type: "text", Meaning: "custom fields that have no name here, as NAME=value, or as sent where nothing says what they are"},
		"driver1_id":         {Type: "text", Meaning: "driver 1 by the vehicle's bus"},
		"driver2_id":         {Type: "text", Meaning: "driver 2 by the vehicle's bus"},
		"fix_age_s":          {Type: "number", Unit: "s", Meaning: "how old the coordinates are, where they are those of the last fix"},
		"fms":                {Type: "text", Meaning: "version of the FMS interface"},
		"fuel_level":         {Type: "number", Meaning: "level of a fuel sensor, in its own unit"},
		"fuel_used":          {Type: "number", Meaning: "fuel consumed as the OBD unit sends it"},
		"gnss_antenna":       {Type: "number", Meaning: "satellite antenna as sent"},
		"harsh_acceleration": {Type: "number", Meaning: "harsh acceleration as sent"},
		"harsh_braking":      {Type: "number", Meaning: "harsh braking as sent"},
		"harsh_cornering":    {Type: "number", Meaning: "harsh cornering as sent"},
		"imei":               {Type: "text", Meaning: "IMEI of the modem, where the unit has another number"},
		"intake_map_kpa":     {Type: "number", Unit: "kPa", Meaning: "intake manifold pressure"},
		"max_acceleration":   {Type: "text", Meaning: "highest acceleration in three directions, in hex"},
		"max_speed_kmh":      {Type: "number", Unit: "km/h", Meaning: "highest speed since the record before"},
		"mil":                {Type: "bool", Meaning: "malfunction indicator lamp is on"},
		"model":              {Type: "text", Meaning: "model of the device"},
		"pulses":             {Type: "number", Meaning: "pulse counter"},
		"rssi":               {Type: "number", Meaning: "0 to 31"},
		"service_m":          {Type: "number", Unit: "m", Meaning: "distance to the next service"},
		"signal":             {Type: "number", Meaning: "quality of the mobile signal as sent"},
		"temp_intake_c":      {Type: "number", Unit: "°C", Meaning: "temperature of the intake air"},
		"text":               {Type: "text", Meaning: "text message of a device at the serial port"},
	}
	for i := 1; i <= 5; i++ {
		m[fmt.Sprintf("axle%d", i)] = protocols.Attribute{Type: "number", Meaning: fmt.Sprintf("weight on axle %d as sent", i)}
	}
	for name, k := range keys {
		a := protocols.Attribute{Type: "number", Meaning: "custom field " + name + " as sent, where it has no other name"}
		switch k.kind {
		case text, identity, octets:
			a.Type = "text"
		case flag, stored:
			a.Type = "bool"
		case sats, altitude, cellNetwork:
			continue
		}
		m[k.spare] = a
	}
	return m
}()
