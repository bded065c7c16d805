package atrack

import (
	"fmt"
	"strings"
)

// kind is what becomes of a custom field.
type kind uint8

const (
	number kind = iota // times mul / 10^scale
	flag
	text // in binary up to a zero
	sats
	altitude
	stored
	cellID
	cellArea
	cellNetwork // MCC and MNC as one decimal number
	fahrenheit
	minus40 // degrees above -40
	identity
	octets // hexadecimal in ASCII
)

// key is a custom field.
type key struct {
	kind   kind
	size   uint8  // in binary; not of texts
	signed bool   //
	attr   string // empty: the spare name
	mul    int64
	scale  uint8
	spare  string // its name where it has no better one, or that is taken
	slot   int    // of its name among those of a record
}

// keys are the custom fields by their names.
var keys = func() map[string]*key {
	m := map[string]*key{
		"SA": {kind: sats, size: 1}, "MT": {kind: flag, size: 1, attr: "motion"}, "GQ": {size: 1, attr: "signal"}, "GS": {size: 1, attr: "rssi"}, "RL": {size: 1},
		"DT": {kind: stored, size: 1, attr: "archive"},
		"MV": {size: 2, attr: "power_v", scale: 1}, "BV": {size: 2, attr: "battery_v", scale: 1}, "AV1": {size: 2, attr: "adc2_v", scale: 3},
		"CE": {kind: cellID, size: 4}, "LC": {kind: cellArea, size: 2}, "CN": {kind: cellNetwork, size: 4},
		"PC": {size: 4, attr: "pulses"}, "AT": {kind: altitude, size: 4, signed: true}, "SM": {size: 2, attr: "max_speed_kmh"},

		"RP": {size: 2, attr: "rpm"}, "MF": {size: 2}, "EL": {size: 1, attr: "engine_load_pct"}, "TR": {size: 1, attr: "throttle_pct"},
		"ET": {size: 2, signed: true, attr: "coolant_c"}, "FL": {size: 1, attr: "fuel_pct"}, "ML": {kind: flag, size: 1, attr: "mil"},
		"FC": {size: 4, attr: "fuel_used"}, "IA": {size: 1, signed: true, attr: "temp_intake_c"}, "MP": {size: 1, attr: "intake_map_kpa"},

		"VN": {kind: text, attr: "vin"}, "CD": {kind: text, attr: "iccid"}, "CM": {kind: identity, size: 8, attr: "imsi"},
		"ME": {kind: identity, size: 8, attr: "imei"}, "MA": {kind: text, attr: "mac"}, "NC": {kind: text}, "GL": {kind: text}, "CI": {kind: text},
		"EO": {size: 4}, "EH": {size: 4, attr: "hours_s", mul: 360},
		"GN": {kind: octets, size: 60, attr: "acceleration_hex"}, "GV": {kind: octets, size: 6, attr: "max_acceleration"},
		"HA": {size: 1, attr: "harsh_acceleration"}, "HB": {size: 1, attr: "harsh_braking"}, "HC": {size: 1, attr: "harsh_cornering"},
		"IN0": {kind: flag, size: 1, attr: "ignition"}, "PD": {size: 1},

		"ZO4": {size: 1, attr: "throttle_pct", mul: 4, scale: 1}, "ZO9": {size: 1, attr: "engine_load_pct", mul: 5, scale: 1},
		"ZO10": {size: 1, attr: "fuel_pct", mul: 5, scale: 1}, "ZO14": {kind: fahrenheit, size: 1, attr: "coolant_c"},
		"ZH3": {size: 2, attr: "rpm", mul: 25, scale: 2}, "ZL2": {size: 4, attr: "bus_odometer_m", mul: 161}, "ZL4": {size: 4, attr: "hours_s", mul: 180},
		"ZS1": {kind: text},

		"JO4": {size: 1, attr: "engine_load_pct"}, "JO5": {size: 1, attr: "fuel_pct", mul: 4, scale: 1}, "JO11": {kind: minus40, size: 1, attr: "coolant_c"},
		"JH1": {size: 2, attr: "vehicle_speed_kmh", mul: 390625, scale: 8}, "JH2": {size: 2, attr: "rpm", mul: 125, scale: 3},
		"JH8": {size: 2, attr: "service_m", mul: 5000}, "JH11": {size: 2, attr: "fuel_rate_lph", mul: 5, scale: 2},
		"JL1": {size: 4, attr: "fuel_used_l", mul: 5, scale: 1}, "JL2": {size: 4, attr: "hours_s", mul: 180}, "JL3": {size: 4, attr: "bus_odometer_m", mul: 1000},
		"JL4": {size: 4, attr: "fuel_used_l", scale: 3},
		"JS1": {kind: text, attr: "vin"}, "JS2": {kind: text, attr: "fms"}, "JS3": {kind: text, attr: "driver1_id"}, "JS4": {kind: text, attr: "driver2_id"},
	}
	series := func(name string, count, size int) {
		for i := 1; i <= count; i++ {
			if n := fmt.Sprintf("%s%d", name, i); m[n] == nil {
				m[n] = &key{size: uint8(size)}
			}
		}
	}
	for i := 1; i <= 5; i++ {
		m[fmt.Sprintf("JH%d", i+2)] = &key{size: 2, attr: fmt.Sprintf("axle%d", i)}
	}
	for i := 1; i <= 3; i++ {
		m[fmt.Sprintf("IN%d", i)] = &key{kind: flag, size: 1, attr: fmt.Sprintf("in%d", i)}
	}
	series("ZO", 17, 1)
	series("ZH", 3, 2)
	series("ZL", 4, 4)
	series("JO", 12, 1)
	series("JH", 12, 2)
	series("JL", 4, 4)
	series("JN", 5, 4)

	slots := map[string]int{"ignition": slotIgnition, "in1": slotIn1, "in2": slotIn1 + 1, "in3": slotIn1 + 2}
	for name, k := range m {
		k.spare = "key_" + strings.ToLower(name)
		if k.attr == "" {
			k.attr = k.spare
		}
		k.mul = max(k.mul, 1)
		if _, ok := slots[k.attr]; !ok {
			slots[k.attr] = len(slots)
		}
		k.slot = slots[k.attr]
	}
	return m
}()

// Slots of names that the part of a record before the custom fields may have taken; those of other names follow.
const (
	slotIgnition = 0
	slotIn1      = 1
)
