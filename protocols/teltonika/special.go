package teltonika

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// special adds an element of fixed width that needs more than scaling.
func (r *recordReader) special(el *element, raw uint64, width uint8) {
	e := r.event
	scaled := func(v int64) { e.Dec(el.name, v*int64(el.factor), el.scale) }
	switch v := signed(raw, width); el.rule {
	case hexRule:
		e.Text(el.name, hexOf(raw, width))
	case textRule:
		if t := printable(bytesOf(raw, width)); len(t) > 0 {
			e.Text(el.name, string(t))
		}
	case decimalRule:
		e.Text(el.name, decimalText(raw))
	case hdopRule:
		e.SetHDOP(float64(raw) / 10)
	case wireTempRule:
		switch v {
		case 850, 2000, 3000, 4000, 5000: // not ready, read error, not connected, id failed, fault
			r.fault(el, v, raw)
		default:
			scaled(v)
		}
	case bleTempRule:
		if v >= 32765 { // 32767 not found, 32766 not understood, 32765 abnormal
			r.fault(el, v, raw)
		} else {
			scaled(v)
		}
	case bleHumidityRule:
		if raw > 1000 {
			r.fault(el, int64(raw), raw)
		} else {
			scaled(int64(raw))
		}
	case oilTempRule: // 0 to 215, or signed: manuals differ
		if raw > 215 {
			scaled(v)
		} else {
			scaled(int64(raw))
		}
	case llsRule:
		if v < 0 {
			r.fault(el, v, raw)
		} else {
			scaled(v)
		}
	case eyeBatteryRule:
		switch width {
		case 1:
			e.Dec(el.name, 200+int64(raw), 2)
		case 2:
			e.Dec(el.name, int64(raw), 3)
		default:
			r.unnamed(el.id, raw)
		}
	case eyeMovingRule:
		e.Bool(el.name, raw>>15 != 0 || raw == 1) // top bit, and a counter on older firmware; 0 or 1 on newer
		if name := el.name[:len(el.name)-len("moving")] + "movement_count"; raw > 1 && !r.has(name) {
			r.derived(name, int64(raw&0x7fff))
		}
	case tachoStateRule:
		if low := raw & 15; low < uint64(len(tachoActivities)) {
			e.Text(el.name, tachoActivities[low])
		} else {
			r.unnamed(el.id, raw)
			return
		}
		if name := timeWarningName(el.name); raw>>4 != 0 && !r.has(name) {
			r.derived(name, int64(raw>>4))
		}
	case bloodAlcoholRule:
		e.Dec(el.name, int64(raw>>2), 3)
		e.Int("blood_alcohol_mode", int64(raw&3))
	case ecoAccelRule:
		b := []byte{'['}
		for shift := 32; shift >= 0; shift -= 16 {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(int16(raw>>shift)), 10)
		}
		e.JSON(el.name, string(append(b, ']')))
	case doorMaskRule:
		r.flags(el.name, doorBits[:], el.rule, raw)
		e.Bool("door", raw&0x4f00 != 0)
	case controlMaskRule:
		r.flags(el.name, controlBits[:], el.rule, raw)
	case securityMaskRule:
		r.flags(el.name, securityBits[:], el.rule, raw)
		e.Text("security_flags", hexOf(raw, width))
	default:
		r.unnamed(el.id, raw)
	}
}

// tachoActivities are the states of a driver, by the low four bits.
var tachoActivities = [...]string{"rest", "available", "work", "driving"}

func timeWarningName(activity string) string {
	if activity == "driver2_activity" {
		return "driver2_time_warning"
	}
	return "driver1_time_warning"
}

// faultNames are the attributes that hold the fault code of a sensor, by the attribute that holds its value.
var faultNames = func() map[string]string {
	names := make(map[string]string)
	for _, rows := range [][]element{fmbElements, fmx6Elements} {
		for _, el := range rows {
			switch el.rule {
			case wireTempRule, bleTempRule, bleHumidityRule, llsRule:
				names[el.name] = el.name[:strings.LastIndexByte(el.name, '_')] + "_fault"
			}
		}
	}
	return names
}()

// derived adds an attribute that may be another element's too.
func (r *recordReader) derived(name string, v int64) {
	r.event.Int(name, v)
	r.marks = ^uint64(0)
}

// fault adds the fault code of a sensor in place of its value.
func (r *recordReader) fault(el *element, code int64, raw uint64) {
	if name := faultNames[el.name]; !r.has(name) {
		r.derived(name, code)
	} else {
		r.unnamed(el.id, raw)
	}
}

// flagBit is one bit of a mask with the name of what it says.
type flagBit struct {
	bit  uint8
	name string
}

// doorBits are the bits of the open doors.
var doorBits = [...]flagBit{{8, "front_left"}, {9, "front_right"}, {10, "rear_left"}, {11, "rear_right"}, {12, "bonnet"},
	{13, "boot"}, {14, "roof"}}

// controlBits are lamps and states on the dashboard.
var controlBits = [...]flagBit{{0, "stop"}, {1, "oil"}, {2, "coolant"}, {3, "handbrake_system"}, {4, "not_charging"}, {5, "airbag"},
	{8, "check_engine"}, {9, "lights_failure"}, {10, "tyre_pressure"}, {11, "brake_pads"}, {12, "warning"}, {13, "abs"}, {14, "low_fuel"},
	{16, "esp"}, {17, "glow_plug"}, {18, "particle_filter"}, {19, "electronic_power_control"}, {20, "parking_lights"},
	{21, "dipped_beam"}, {22, "full_beam"}, {30, "passenger_belt"}, {31, "driver_belt"}}

// securityBits are locks, doors and driving states. The states of the buses and the last remote signal are numbers within
// the mask, which is kept beside them.
var securityBits = [...]flagBit{{21, "button"}, {22, "immobilizer_service"}, {23, "immobilizer_waiting"}, {24, "key_in_lock"},
	{25, "ignition"}, {26, "dynamic_ignition"}, {27, "auxiliary_heater"}, {29, "closed_by_remote"}, {30, "alarm"}, {31, "alarm_emulated"},
	{32, "parking_gear"}, {36, "handbrake"}, {37, "foot_brake"}, {38, "engine"}, {39, "reverse"}, {40, "front_left_door"},
	{41, "front_right_door"}, {42, "rear_left_door"}, {43, "rear_right_door"}, {44, "bonnet"}, {45, "boot"}, {55, "module_sleeps"}}

// flags adds the names of the bits that are set; a set bit without a name is bit_<n>.
func (r *recordReader) flags(name string, bits []flagBit, rule rule, raw uint64) {
	k := textKey{rule: rule, a: raw}
	t, ok := k.kept()
	if !ok {
		b := []byte{'['}
		rest := raw
		for _, f := range bits {
			if raw>>f.bit&1 == 0 {
				continue
			}
			rest &^= 1 << f.bit
			b = appendItem(b, f.name)
		}
		for n := range 64 {
			if rule != securityMaskRule && rest>>n&1 != 0 {
				b = appendItem(b, "bit_"+strconv.Itoa(n))
			}
		}
		t = k.keep(string(append(b, ']')))
	}
	r.event.JSON(name, t)
}

func appendItem(b []byte, s string) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), s...), '"')
}

// long adds an element whose value has a length of its own, or one of 16 bytes.
func (r *recordReader) long(id uint16, v []byte, i int) {
	el := r.family.element(id)
	e := r.event
	if el.second != nil && r.has(el.name) {
		el = el.second
	}
	name := el.name
	if name == "" || r.has(name) {
		if name = protocols.IOKey(id); r.has(name) {
			return
		}
	}
	r.marks |= el.mark | 1<<(id%64)
	switch el.rule {
	case textRule:
		if t := printable(v); len(t) > 0 {
			e.Text(name, string(t))
		}
	case driverNameRule:
		r.driverName = string(printable(v))
		if r.driverName != "" {
			e.Text(name, r.driverName)
		}
		r.parts.set(driverNameRule, 0)
	case iso6709Rule:
		r.iso6709(name, v)
	case beaconsRule:
		r.simpleBeacons(v)
	case tlvBeaconsRule:
		r.tlvBeacons(v)
	case hexRule:
		if el.width == 0 || int(el.width) == len(v) {
			hexText(e, name, v)
		} else {
			r.anonymous(id, v)
		}
	default:
		if el.rule != unknownRule && (len(v) == int(el.width) || el.width == 0 && (len(v) == 1 || len(v) == 2 || len(v) == 4 || len(v) == 8)) {
			var raw uint64
			for _, x := range v {
				raw = raw<<8 | uint64(x)
			}
			r.value(id, raw, uint8(len(v)), i)
			return
		}
		r.anonymous(id, v)
	}
}

// anonymous keeps bytes that have no name, or not the length that its name wants.
func (r *recordReader) anonymous(id uint16, v []byte) {
	if name := protocols.IOKey(id); !r.has(name) {
		hexText(r.event, name, v)
	}
}

// iso6709 reads coordinates in text, ±DDMMSS.SSSS±DDDMMSS.SSSS±AAA.AAA/: a device sends them in place of the position of
// the record, which is empty then.
func (r *recordReader) iso6709(name string, v []byte) {
	e := r.event
	text := printable(v)
	e.Text(name, string(text))
	lat, rest, ok1 := sexagesimal(text, 2)
	lng, rest, ok2 := sexagesimal(rest, 3)
	if e.Has&protocols.HasFix != 0 || !ok1 || !ok2 || !e.SetFix(lat, lng, true) {
		return
	}
	for i, c := range rest {
		if c == '/' {
			rest = rest[:i]
			break
		}
	}
	if alt, err := strconv.ParseFloat(string(rest), 64); err == nil && alt > -1e5 && alt < 1e5 {
		e.SetAlt(alt)
	}
}

// sexagesimal reads ±DDMMSS.SSSS with the given number of digits of degrees, and returns what follows.
func sexagesimal(b []byte, digits int) (v float64, rest []byte, ok bool) {
	n := 1
	for n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n] == '.') {
		n++
	}
	if n < 1+digits+4 || (b[0] != '+' && b[0] != '-') {
		return 0, nil, false
	}
	deg, err1 := strconv.ParseUint(string(b[1:1+digits]), 10, 16)
	minutes, err2 := strconv.ParseUint(string(b[1+digits:3+digits]), 10, 8)
	seconds, err3 := strconv.ParseFloat(string(b[3+digits:n]), 64)
	if err1 != nil || err2 != nil || err3 != nil || minutes >= 60 || seconds >= 60 {
		return 0, nil, false
	}
	v = float64(deg) + float64(minutes)/60 + seconds/3600
	if b[0] == '-' {
		v = -v
	}
	return v, b[n:], true
}

// bytesOf are the bytes of a value of that width.
func bytesOf(raw uint64, width uint8) []byte {
	b := make([]byte, width)
	for i := range b {
		b[i] = byte(raw >> (8 * (len(b) - 1 - i)))
	}
	return b
}

// printable cuts zeros and blanks off a text and drops its control characters. The result
// is a part of b, or a copy.
func printable(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] <= ' ') {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			out := append([]byte(nil), b[:i]...)
			for _, c := range b[i:] {
				if c >= ' ' && c != 0x7f {
					out = append(out, c)
				}
			}
			return out
		}
	}
	return b
}

// hexOf is a value of that width in hex digits.
func hexOf(raw uint64, width uint8) string {
	k := textKey{rule: hexRule, size: width, a: raw}
	if t, ok := k.kept(); ok {
		return t
	}
	return k.keep(hex.EncodeToString(bytesOf(raw, width)))
}

// decimalText is a number that is too large for a number of JSON, or an identifier.
func decimalText(raw uint64) string {
	k := textKey{rule: decimalRule, a: raw}
	if t, ok := k.kept(); ok {
		return t
	}
	return k.keep(strconv.FormatUint(raw, 10))
}

// maxPayload is how many bytes of a device's own data are kept in an event: more than a device packs into one.
const maxPayload = 4 << 10

// hexText adds bytes in hex.
func hexText(e *protocols.Event, name string, v []byte) {
	longText(e, name, hex.AppendEncode(nil, v[:min(len(v), maxPayload)]))
}

// longText adds a text that may be longer than the texts of attributes usually are.
func longText(e *protocols.Event, name string, v []byte) {
	if len(v) <= protocols.MaxText {
		e.Text(name, string(v))
		return
	}
	v = v[:min(len(v), 2*maxPayload)]
	quoted, err := json.Marshal(strings.ToValidUTF8(string(v), "\ufffd"))
	if err != nil { // no string fails
		return
	}
	e.JSON(name, string(quoted))
}
