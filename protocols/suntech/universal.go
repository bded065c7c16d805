package suntech

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Bits of the report map, of which each stands for a field.
const (
	bitModel = iota + 1
	bitVersion
	bitType
	bitDate
	bitTime
	bitCell
	bitMCC
	bitMNC
	bitLAC
	bitLevel
	bitLat
	bitLng
	bitSpeed
	bitCourse
	bitSats
	bitFix
	bitInputs
	bitOutputs
	bitMode   // STT: mode, ALT: what happened
	bitReason // STT: why it was sent, ALT: modifier
	bitNumber // STT: message number, ALT: data of the alert
	bitReserved
	bitAssign // a second map, and its fields

	beforeData = 1<<bitMode - 1<<bitModel // the bits whose fields stand before serial data
)

// report is the part of a universal report that takes more than one field to read.
type report struct {
	lat, lng            float64
	has, valid          bool
	date, clock         []byte
	cell, mcc, mnc, lac []byte
}

// universal reads the messages without a model in front: type, id, map of the fields, fields.
func (c *call) universal() error {
	switch c.f.Type {
	case "ALV":
		return c.alive("u")
	case "BLE":
		return c.ble()
	case "CRR":
		return c.crash()
	}
	bitmap, ok := protocols.ParseHex(c.get(2))
	if !ok || len(c.get(2)) < 6 || bitmap&1 == 0 {
		return c.other("u", 2)
	}
	if err := c.learn(c.get(1), "u"); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	var r report
	i := 3
	last := bitAssign
	if c.f.Type == "UEX" && c.data != nil {
		last = bitOutputs
	}
	for bit := bitModel; bit <= last && i < c.n; bit++ {
		if bitmap>>bit&1 != 0 {
			c.universalField(e, &r, bit, i)
			i++
		}
	}
	c.universalEnd(e, &r)
	t := &c.fields
	if c.data != nil && c.f.Type == "UEX" {
		i++ // the length of the data
		c.serial(e)
		c.keepFrom(t, i)
		t, i = &c.after, 1
	}
	if bitmap>>bitAssign&1 != 0 && t == &c.fields {
		c.assigned(e, t, i)
	} else {
		c.unannounced(e, t, i)
	}
	c.finish(e)
	return nil
}

// universalField reads the field of one bit.
func (c *call) universalField(e *protocols.Event, r *report, bit, i int) {
	b := c.get(i)
	switch bit {
	case bitModel:
		e.Text("model", c.str(&c.fields, i))
	case bitVersion:
		e.Text("software", c.str(&c.fields, i))
	case bitType:
		if isFlag(b) {
			c.stored(e, b[0])
			c.changesField(&c.fields, i)
		}
	case bitDate:
		r.date = b
	case bitTime:
		r.clock = b
	case bitCell:
		r.cell = b
	case bitMCC:
		r.mcc = b
	case bitMNC:
		r.mnc = b
	case bitLAC:
		r.lac = b
	case bitLevel:
		dec(e, "rssi", b)
	case bitLat:
		r.lat, r.has = number(b)
	case bitLng:
		lng, ok := number(b)
		r.lng, r.has = lng, ok && r.has
	case bitSpeed:
		if v, ok := number(b); ok && v >= 0 && v < 2000 {
			e.SetSpeed(v)
		}
	case bitCourse:
		if v, ok := number(b); ok {
			e.SetCourse(v)
		}
	case bitSats:
		c.satellites(e, b)
	case bitFix:
		r.valid = string(b) == "1"
	case bitInputs:
		if v, ok := binaryDigits(b); ok {
			e.Bool("ignition", v&1 != 0)
			e.Int("inputs", int64(v))
		}
	case bitOutputs:
		if v, ok := binaryDigits(b); ok {
			e.Int("outputs", int64(v))
		}
	case bitMode, bitReason, bitNumber:
		c.purpose(e, bit, i)
	case bitAssign:
		// read by assigned, from the map on
	default:
		c.keep(b)
	}
}

// purpose reads why the report was sent.
func (c *call) purpose(e *protocols.Event, bit, i int) {
	b := c.get(i)
	if c.f.Type == "STT" {
		name := [...]string{"mode", "reason", "record"}[bit-bitMode]
		if !dec(e, name, b) {
			c.keep(b)
		} else if bit == bitNumber {
			c.changesField(&c.fields, i)
		}
		return
	}
	v, ok := integer(b)
	switch {
	case bit == bitMode && ok && c.f.Type == "EMG":
		emergency(e, v)
	case bit == bitMode && ok && c.f.Type == "EVT":
		e.Int("event", v)
	case bit == bitMode && ok:
		alert(e, v)
	case bit == bitReason && ok:
		e.Int("alarm_modifier", v)
	case bit == bitNumber && len(b) > 0:
		if a, _ := e.Attrs.Get("alarm_code"); isDriver(a) {
			e.Text("driver_id", c.str(&c.fields, i))
		} else {
			e.Text("alarm_data", c.str(&c.fields, i))
		}
	default:
		c.keep(b)
	}
}

// isDriver tells whether the code of an alert is that of a key that was read.
func isDriver(code protocols.Attr) bool {
	v, ok := code.Float()
	return ok && v == alertDriver
}

// universalEnd puts together what several fields say.
func (c *call) universalEnd(e *protocols.Event, r *report) {
	e.Time = dateTime(r.date, r.clock)
	if r.has {
		e.SetFix(r.lat, r.lng, r.valid)
	}
	if !c.cell(e, r.mcc, r.mnc, r.lac, r.cell) && len(r.cell) > 0 {
		c.keep(r.cell)
	}
}

// assigned reads the fields of the second map, whose place i-1 is: bit 0 is the backup voltage, bit 1 the main power; what the others mean
// depends on the model.
func (c *call) assigned(e *protocols.Event, t *fields, i int) {
	bitmap, ok := protocols.ParseHex(t.get(i - 1))
	if !ok || bitmap > 1<<32-1 {
		c.keepFrom(t, i-1)
		return
	}
	for bit := uint16(0); bit < 32 && i < t.n; bit++ {
		if bitmap>>bit&1 != 0 {
			c.element(e, t, i, bit)
			i++
		}
	}
	c.keepFrom(t, i)
}

// element reads one field of the second map.
func (c *call) element(e *protocols.Event, t *fields, i int, bit uint16) {
	b := t.get(i)
	switch {
	case len(b) == 0:
	case bit == 0 && dec(e, "battery_v", b):
	case bit == 1 && dec(e, "power_v", b):
	case dec(e, protocols.IOKey(bit), b):
	default:
		e.Text(protocols.IOKey(bit), c.str(t, i))
	}
}

// unannounced reads fields that no map announces: backup voltage, main power, and what the model counts.
func (c *call) unannounced(e *protocols.Event, t *fields, i int) {
	first := i
	for ; i < t.n; i++ {
		b := t.get(i)
		switch n := i - first; {
		case len(b) == 0:
		case n == 0 && hasPoint(b) && dec(e, "battery_v", b):
		case n == 1 && hasPoint(b) && dec(e, "power_v", b):
		case n < len(assignNames) && dec(e, assignNames[n], b):
		default:
			c.keep(b)
		}
	}
}

var assignNames = [...]string{"assign1", "assign2", "assign3", "assign4", "assign5", "assign6", "assign7", "assign8"}

// binaryDigits reads a mask written as zeros and ones.
func binaryDigits(b []byte) (v uint32, ok bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	for _, x := range b {
		if x|1 != '1' {
			return 0, false
		}
		v = v<<1 | uint32(x&1)
	}
	return v, true
}

// maxBeacons bounds a list of beacons.
const maxBeacons = 64

// ble reads a list of beacons:
//
//	id | model | version | date | time | lat | lng | count | { level | lowest | highest | id | samples | major | minor }
func (c *call) ble() error {
	if c.n < 9 || !isClock(c.get(5)) {
		return c.other("u", 2)
	}
	if err := c.learn(c.get(1), "u"); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	e.Text("model", c.str(&c.fields, 2))
	e.Text("software", c.str(&c.fields, 3))
	e.Time = dateTime(c.get(4), c.get(5))
	lat, ok1 := number(c.get(6))
	lng, ok2 := number(c.get(7))
	if ok1 && ok2 {
		e.SetFix(lat, lng, true)
	}
	b := []byte{'['}
	i := 9
	for k := 0; k < maxBeacons && i+6 < c.n; k++ {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuoteToASCII(append(b, `{"id":`...), plain(c.get(i+3))), ',')
		for n, name := range [...]string{"rssi_dbm", "rssi_min_dbm", "rssi_max_dbm", "", "samples", "major", "minor"} {
			if v, ok := integer(c.get(i + n)); ok && name != "" {
				b = append(append(append(b, '"'), name...), '"', ':')
				b = append(strconv.AppendInt(b, v, 10), ',')
			}
		}
		b[len(b)-1] = '}'
		i += 7
	}
	if len(b) > 1 {
		e.JSON("beacons", string(append(b, ']')))
	}
	c.keepFrom(&c.fields, i)
	c.finish(e)
	return nil
}

// plain is a field as text that JSON and Go quote alike.
func plain(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, b))
}
