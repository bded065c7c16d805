package galileosky

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// attributes are the names that only this protocol uses.
var attributes = func() map[string]protocols.Attribute {
	m := map[string]protocols.Attribute{
		"acceleration":        {Type: "number", Meaning: "acceleration on three axes of 10 bits each, as sent"},
		"accuracy_m":          {Type: "number", Unit: "m", Meaning: "accuracy of a position by radio cells"},
		"can_a1":              {Type: "number", Meaning: "CAN_A1 as sent, where the bus sends nothing"},
		"can_b1":              {Type: "number", Meaning: "CAN_B1 as sent"},
		"can_odometer_m":      {Type: "number", Unit: "m", Meaning: "distance by the vehicle's bus"},
		"device_number":       {Type: "number", Meaning: "number that the operator gave the unit"},
		"driver2_id":          {Type: "text", Meaning: "second key"},
		"driving_monitor":     {Type: "text", Meaning: "data of the driving monitor, in hex"},
		"eco_accel_g":         {Type: "number", Unit: "g", Meaning: "strongest acceleration"},
		"eco_brake_g":         {Type: "number", Unit: "g", Meaning: "strongest braking"},
		"eco_corner_g":        {Type: "number", Unit: "g", Meaning: "strongest cornering"},
		"eco_shock_g":         {Type: "number", Unit: "g", Meaning: "strongest shock"},
		"extended":            {Type: "text", Meaning: "extended tags, in hex"},
		"ibutton_state":       {Type: "number", Meaning: "which keys are connected, as a bit mask"},
		"iridium_accuracy_km": {Type: "number", Unit: "km", Meaning: "accuracy of the place by the satellite network"},
		"iridium_imei":        {Type: "text", Meaning: "identity of the satellite modem"},
		"iridium_lat":         {Type: "number", Unit: "°", Meaning: "where the satellite network saw the modem"},
		"iridium_lng":         {Type: "number", Unit: "°", Meaning: "where the satellite network saw the modem"},
		"record":              {Type: "number", Meaning: "number of the record in the archive"},
		"refrigerator":        {Type: "text", Meaning: "data of the refrigeration unit, in hex"},
		"rep500":              {Type: "number", Meaning: "counter of a REP-500 meter"},
		"status_extended":     {Type: "number", Meaning: "extended status word as sent"},
		"tyres_hex":           {Type: "text", Meaning: "pressures and temperatures of the tyres, in hex"},
		"user_array":          {Type: "text", Meaning: "array of the user's data, in hex"},
	}
	add := func(name, unit, meaning string) {
		if _, common := protocols.Dictionary[name]; !common {
			m[name] = protocols.Attribute{Type: "number", Unit: unit, Meaning: meaning}
		}
	}
	for _, t := range &tags {
		for prefix, meaning := range map[string]string{
			"adc": "input as sent: mV, pulses or Hz by its setting", "can8_": "8-bit value of the vehicle's bus", "can16_": "16-bit value of the vehicle's bus",
			"can32_": "32-bit value of the vehicle's bus", "rs232_level": "level of a fuel probe on RS232, as sent", "user_data": "value of the user",
		} {
			if t.form == unsigned && strings.HasPrefix(t.name, prefix) {
				add(t.name, "", meaning)
			}
		}
		if t.form == signed {
			add(t.name, "°C", "temperature of a fuel probe")
		}
	}
	for i := range 16 {
		add(fuelLevels[i], "", "level of a fuel probe on RS485, as sent")
		add(levelTemps[i], "°C", "temperature of a fuel probe on RS485")
	}
	for i := range 8 {
		add(temps[i], "°C", "temperature of a thermometer")
		add(thermometers[i], "", "identifier of a thermometer")
		add(hygroIDs[i], "", "identifier of a hygrometer")
		add(hygroTemps[i], "°C", "temperature of a hygrometer")
		add(hygroPct[i], "%", "relative humidity of a hygrometer")
	}
	return m
}()
