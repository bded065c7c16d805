package jt808

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// meaning is how a number of the vehicle's bus becomes an attribute: (raw + offset) x factor / 10^scale.
type meaning struct {
	name   string
	offset int64
	factor int64
	scale  uint8
}

// add adds the number in v, of at most four bytes.
func (m meaning) add(e *protocols.Event, v []byte) bool {
	if m.name == "" || len(v) == 0 || len(v) > 4 {
		return false
	}
	e.Dec(m.name, (int64(number(v))+m.offset)*max(m.factor, 1), m.scale)
	return true
}

// obdPart are the parts of item 0x80.
func obdPart(id byte) meaning {
	switch id {
	case 0x01:
		return meaning{name: "odometer_m", factor: 100}
	case 0x02:
		return meaning{name: "fuel_l", scale: 1}
	case 0x03:
		return meaning{name: "tacho_speed_kmh", scale: 1}
	case 0x61:
		return meaning{name: "power_v", scale: 2}
	case 0x69:
		return meaning{name: "battery_v", scale: 2}
	case 0x80:
		return meaning{name: "vehicle_speed_kmh"}
	case 0x81:
		return meaning{name: "rpm"}
	case 0x82:
		return meaning{name: "power_v", scale: 1}
	case 0x83:
		return meaning{name: "engine_load_pct"}
	case 0x84:
		return meaning{name: "coolant_c", offset: -40}
	case 0x85:
		return meaning{name: "fuel_consumption"}
	case 0x86:
		return meaning{name: "intake_air_c", offset: -40}
	case 0x87:
		return meaning{name: "intake_flow"}
	case 0x88:
		return meaning{name: "intake_map_kpa"}
	case 0x89:
		return meaning{name: "throttle_pct"}
	case 0x8c:
		return meaning{name: "obd_odometer_m", factor: 100}
	case 0x8d:
		return meaning{name: "trip_m", factor: 1000}
	case 0x8e:
		return meaning{name: "fuel_pct"}
	}
	return meaning{}
}

// obdParts reads item 0x80: content 1, then parts of id 1, length 1, value up to the end of the body.
func (c *call) obdParts(e *protocols.Event, v []byte) bool {
	if len(v) < 1 {
		return false
	}
	e.Int("obd_content", int64(v[0]))
	v = v[1:]
	var rest []byte
	for len(v) >= 2 && int(v[1]) <= len(v)-2 {
		n := int(v[1])
		first := len(e.Attrs)
		if part := v[2 : 2+n]; !obdValue(e, v[0], part) || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, v[:2+n]...)
		}
		v = v[2+n:]
	}
	if rest = append(rest, v...); len(rest) > 0 {
		hexText(e, protocols.IOKey(0x80), rest)
	}
	return true
}

// obdValue reads one part of item 0x80.
func obdValue(e *protocols.Event, id byte, v []byte) bool {
	switch id {
	case 0x56:
		return levelAndPercent(e, v)
	case 0x8b:
		return words(e, "vin", v)
	case 0xa0:
		if len(v) == 0 || !printable(v) {
			return len(v) == 0
		}
		e.Text("dtc", strings.ReplaceAll(string(trimmed(v)), ",", " "))
		return true
	case 0xcc:
		return words(e, "iccid", v)
	}
	return obdPart(id).add(e, v)
}

// obdBlock reads item 0x91: supply 2, 0.1 V, rpm 2, km/h 1, throttle 1 and load 1, of 255, coolant 1 - 40, 2, consumption 2, 0.01,
// 2 + 4 + 2, fuel used 2, 0.01 l.
func obdBlock(e *protocols.Event, v []byte) bool {
	if len(v) < 22 {
		return false
	}
	e.Dec("power_v", int64(number(v[:2])), 1)
	e.Int("rpm", int64(number(v[2:4])))
	e.Int("vehicle_speed_kmh", int64(v[4]))
	e.Dec("throttle_pct", int64(v[5])*10000/255, 2)
	e.Dec("engine_load_pct", int64(v[6])*10000/255, 2)
	e.Int("coolant_c", int64(v[7])-40)
	e.Dec("fuel_consumption", int64(number(v[10:12])), 2)
	e.Dec("fuel_used_l", int64(number(v[20:22])), 2)
	hexText(e, "obd_block", v)
	return true
}

// obdFields are the values behind $OBD-RT, in their order.
var obdFields = [...]meaning{
	{name: "power_v"}, {name: "rpm"}, {name: "vehicle_speed_kmh"}, {name: "throttle_pct"}, {name: "engine_load_pct"}, {name: "coolant_c"},
	{name: "fuel_consumption"}, {name: "fuel_consumption_avg"}, {name: "trip_m", factor: 1000}, {name: "obd_odometer_m", factor: 1000},
	{name: "trip_fuel_l"}, {name: "fuel_used_l"},
}

// obdText reads `$OBD-RT,value,...`; what follows the values with names is kept as text.
func obdText(e *protocols.Event, v []byte) bool {
	body, ok := bytes.CutPrefix(trimmed(v), []byte("$OBD-RT,"))
	if !ok || !printable(body) {
		return false
	}
	fields := strings.Split(string(body), ",")
	for i, s := range fields {
		if i >= len(obdFields) {
			if rest := strings.Join(fields[i:], ","); strings.Trim(rest, ",0") != "" {
				e.Text("obd", rest)
			}
			break
		}
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			e.Float(obdFields[i].name, x*float64(max(obdFields[i].factor, 1)))
		}
	}
	return true
}

// obdItem are the parts of item 0xf3.
func obdItem(id uint16) meaning {
	switch id {
	case 0x0002:
		return meaning{name: "vehicle_speed_kmh", scale: 1}
	case 0x0003:
		return meaning{name: "rpm"}
	case 0x0004:
		return meaning{name: "power_v", scale: 3}
	case 0x0005:
		return meaning{name: "obd_odometer_m", factor: 100}
	case 0x0007:
		return meaning{name: "fuel_consumption", scale: 1}
	case 0x0008:
		return meaning{name: "engine_load_pct", scale: 1}
	case 0x0009:
		return meaning{name: "coolant_c", offset: -40}
	case 0x000b:
		return meaning{name: "intake_map_kpa"}
	case 0x000c:
		return meaning{name: "intake_air_c", offset: -40}
	case 0x000d:
		return meaning{name: "intake_flow"}
	case 0x0100:
		return meaning{name: "trip_m", factor: 100}
	case 0x0102:
		return meaning{name: "trip_fuel_l", scale: 1}
	case 0x0112:
		return meaning{name: "harsh_accel_count"}
	case 0x0113:
		return meaning{name: "harsh_brake_count"}
	case 0x0114:
		return meaning{name: "harsh_corner_count"}
	}
	return meaning{}
}

// obdItems reads item 0xf3: parts of id 2, length 1, value. False: it is no list of them.
func (c *call) obdItems(e *protocols.Event, v []byte) bool {
	for b := v; len(b) > 0; b = b[3+int(b[2]):] {
		if len(b) < 3 || int(b[2]) > len(b)-3 {
			return false
		}
	}
	var rest []byte
	for len(v) >= 3 {
		id, part := binary.BigEndian.Uint16(v), v[3:3+int(v[2])]
		first := len(e.Attrs)
		if !obdItemValue(e, id, part) || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, v[:3+len(part)]...)
		}
		v = v[3+len(part):]
	}
	if len(rest) > 0 {
		hexText(e, protocols.IOKey(0xf3), rest)
	}
	return true
}

func obdItemValue(e *protocols.Event, id uint16, v []byte) bool {
	switch id {
	case 0x000e:
		if len(v) != 1 {
			return false
		}
		e.Dec("throttle_pct", int64(v[0])*10000/255, 2)
		return true
	case 0x0050:
		return words(e, "vin", v)
	case 0x0051:
		return words(e, "cvn", v)
	case 0x0052:
		return words(e, "calid", v)
	}
	return obdItem(id).add(e, v)
}
