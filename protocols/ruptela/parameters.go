package ruptela

import (
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// kind is how a parameter's value becomes an attribute.
type kind uint8

const (
	unknownKind kind = iota
	numberKind       // (raw x factor) / 10^scale
	signedKind       // likewise, two's complement
	flagKind         // 0 or 1
	hexKind          // the bytes in hex
	stateKind        // a number, and an alarm while it is not 0
	inverseKind      // a number, and an alarm while it is 0
	percentKind      // of 255
	wheelKind        // of 256 km/h
	pieceKind        // half of a text; scale is its place
)

// parameter is one element of the vendor's list.
type parameter struct {
	name   string
	alarm  string
	factor int32
	scale  uint8
	kind   kind
	shared bool // another parameter has the same name
}

// maxParameter is above every id with a name.
const maxParameter = 762

// parameters by id. The width of a value comes from its group.
var parameters = [maxParameter]parameter{
	2:   {name: "in1", kind: flagKind},
	3:   {name: "in2", kind: flagKind},
	4:   {name: "in3", kind: flagKind},
	5:   {name: "in4", kind: flagKind},
	13:  {name: "motion", kind: flagKind, shared: true},
	20:  {name: "adc3_v", kind: numberKind, scale: 3},
	21:  {name: "adc4_v", kind: numberKind, scale: 3},
	22:  {name: "adc1_v", kind: numberKind, scale: 3},
	23:  {name: "adc2_v", kind: numberKind, scale: 3},
	27:  {name: "rssi", kind: numberKind},
	28:  {name: "profile", kind: numberKind},
	29:  {name: "power_v", kind: numberKind, scale: 3},
	30:  {name: "battery_v", kind: numberKind, scale: 3},
	32:  {name: "temp_device_c", kind: signedKind},
	34:  {name: "driver_id", kind: hexKind},
	39:  {name: "engine_load_pct", kind: numberKind},
	65:  {name: "odometer_m", kind: numberKind},
	74:  {name: "temp3_c", kind: signedKind, scale: 1},
	78:  {name: "temp0_c", kind: signedKind, scale: 1},
	79:  {name: "temp1_c", kind: signedKind, scale: 1},
	80:  {name: "temp2_c", kind: signedKind, scale: 1},
	88:  {name: "jamming_code", kind: stateKind, alarm: "jamming"},
	94:  {name: "rpm", kind: numberKind, factor: 25, scale: 2, shared: true},
	95:  {name: "vehicle_speed_kmh", kind: numberKind},
	98:  {name: "fuel_pct", kind: percentKind, shared: true},
	100: {name: "fuel_rate_lph", kind: numberKind, factor: 5, scale: 2},
	126: {kind: pieceKind, scale: 0},
	127: {kind: pieceKind, scale: 1},
	134: {name: "harsh_braking", kind: stateKind, alarm: "harsh_brake"},
	136: {name: "harsh_acceleration", kind: stateKind, alarm: "harsh_accel"},
	150: {name: "operator", kind: numberKind},
	155: {kind: pieceKind, scale: 2},
	156: {kind: pieceKind, scale: 3},
	163: {name: "can_odometer_m", kind: numberKind, factor: 5},
	164: {name: "trip_m", kind: numberKind, factor: 5},
	165: {name: "wheel_speed_kmh", kind: wheelKind},
	166: {name: "rpm", kind: numberKind, factor: 125, scale: 3, shared: true},
	170: {name: "charging", kind: flagKind},
	173: {name: "motion", kind: flagKind, shared: true},
	197: {name: "rpm", kind: numberKind, factor: 125, scale: 3, shared: true},
	205: {name: "fuel_l", kind: numberKind},
	207: {name: "fuel_pct", kind: numberKind, factor: 4, scale: 1, shared: true},
	208: {name: "fuel_used_l", kind: numberKind, factor: 5, scale: 1},
	251: {name: "ignition", kind: flagKind, shared: true},
	409: {name: "ignition", kind: flagKind, shared: true},
	410: {name: "tow", kind: stateKind, alarm: "tow"},
	411: {name: "crash", kind: stateKind, alarm: "collision"},
	415: {name: "gnss_antenna", kind: inverseKind, alarm: "gps_antenna_cut"},
	645: {name: "obd_odometer_m", kind: numberKind, factor: 1000},
	758: {name: "tamper_code", kind: stateKind, alarm: "tampering"},
	760: {kind: pieceKind, scale: 4},
	761: {kind: pieceKind, scale: 5},
}

// value adds the attribute of one parameter.
func (r *recordReader) value(e *protocols.Event, id uint16, v []byte) {
	p := &parameters[0] // which has no name
	if id < maxParameter {
		p = &parameters[id]
	}
	raw, how := number(v), p.kind
	if len(v) == 8 && how != hexKind && how != pieceKind {
		how = unknownKind
	}
	switch how {
	case numberKind:
		e.Dec(p.name, int64(raw)*int64(max(p.factor, 1)), p.scale)
	case signedKind:
		shift := 64 - 8*uint(len(v))
		e.Dec(p.name, int64(raw<<shift)>>shift, p.scale)
	case flagKind:
		if raw > 1 {
			addNumber(e, protocols.IOKey(id), v)
			return
		}
		e.Bool(p.name, raw == 1)
		r.noteIgnition(id, raw == 1)
	case hexKind:
		if raw == 0 {
			return // no driver
		}
		e.Text(p.name, hex.EncodeToString(v))
	case stateKind:
		e.Int(p.name, int64(raw))
		if raw > 0 {
			r.raise(id, p.alarm)
		}
	case inverseKind:
		e.Int(p.name, int64(raw))
		if raw == 0 {
			r.raise(id, p.alarm)
		}
	case percentKind:
		e.Float(p.name, float64(raw)*100/255)
	case wheelKind:
		e.Float(p.name, float64(raw)/256)
	case pieceKind:
		if r.pieces[p.scale] == nil && len(v) == 8 {
			r.pieces[p.scale] = v
			return
		}
		addNumber(e, protocols.IOKey(id), v)
	default:
		addNumber(e, protocols.IOKey(id), v)
	}
}

func (r *recordReader) noteIgnition(id uint16, on bool) {
	switch id {
	case 251, 409:
		r.ignition.sent = true
	case 5:
		r.ignition.input, r.ignition.on = true, on
	}
}

// raise sets the record's alarm; the parameter that caused the record is the one that counts.
func (r *recordReader) raise(id uint16, name string) {
	if r.alarm == "" || id == r.cause {
		r.alarm = name
	}
}

// pairs adds what two parameters make up: driver cards of 16 characters, and the id of a Bluetooth tag. A half alone is kept as it is.
func (r *recordReader) pairs(e *protocols.Event) {
	ids := [...]uint16{126, 127, 155, 156, 760, 761}
	names := [...]string{"can_driver_card", "tacho_driver_card", "ble_tag"}
	for i, name := range names {
		a, b := r.pieces[2*i], r.pieces[2*i+1]
		switch {
		case a == nil && b == nil:
			continue
		case a == nil || b == nil:
			for k, piece := range [...][]byte{a, b} {
				id := ids[2*i+k]
				switch name := protocols.IOKey(id); {
				case piece == nil:
				case has(e, name): // the same half came twice
					r.rest = append(append(r.rest, byte(id>>8), byte(id)), piece...)
				default:
					addNumber(e, name, piece)
				}
			}
			continue
		}
		whole := append(append(make([]byte, 0, 16), a...), b...)
		if number(a) == 0 && number(b) == 0 {
			continue // no card
		}
		words := trimmed(whole)
		if name == "ble_tag" || !printable(words) {
			e.Text(name, hex.EncodeToString(whole))
			continue
		}
		e.Text(name, string(words))
		if !has(e, "driver_id") {
			e.Text("driver_id", string(words))
		}
	}
}
