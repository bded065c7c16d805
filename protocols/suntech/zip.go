package suntech

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Types of ZIP reports.
const (
	zipSTT = 0x10
	zipEMG = 0x11
	zipEVT = 0x12
	zipALT = 0x13

	zipUniversalSTT = 0x81
	zipUniversalALT = 0x82
)

const (
	legacyZIPSize    = 41 // a report without what a configuration adds
	universalZIPSize = 8  // id and map
)

var errZIP = fmt.Errorf("suntech: ZIP report: %w", protocols.ErrMalformed)

// isBCD tells whether all digits of b are decimal.
func isBCD(b []byte) bool {
	for _, x := range b {
		if x>>4 > 9 || x&15 > 9 {
			return false
		}
	}
	return true
}

// bcd reads a number of two digits a byte; ok stays false once it was.
func bcd(b []byte, ok *bool) (v int64) {
	if !isBCD(b) {
		*ok = false
	}
	for _, x := range b {
		v = v*100 + int64(x>>4)*10 + int64(x&15)
	}
	return v
}

// digits writes the digits of b, n of them.
func digits(dst []byte, b []byte, n int) []byte {
	for i := range n {
		x := b[i/2]
		if i&1 == 0 {
			x >>= 4
		}
		dst = append(dst, '0'+x&15)
	}
	return dst
}

// legacyZIP reads a report of the legacy families:
//
//	type 1 | id 5 | model 1 | version 2 | date and time 6 | cell 3 | lat 4 | lng 4 | km/h 3 | course 3 | fix, signs, satellites 1 |
//	m 4 | V 2 | I/O 1 | mode or what happened 1 | (number 2) | (hour meter 4 | backup V 2 | message type 1)
func (c *call) legacyZIP() error {
	b := c.line
	r := protocols.NewReader(b)
	word := r.U8()
	id := r.Bytes(5)
	ok := true
	bcd(id[:4], &ok)
	if id[4]>>4 > 9 {
		ok = false
	}
	var name [9]byte
	digits(name[:0], id, len(name))
	model, version := r.U8(), r.U16()
	date, cell := r.Bytes(6), r.Bytes(3)
	lat := int64(r.U8())*1e6 + bcd(r.Bytes(3), &ok)
	lng := int64(r.U8())*1e6 + bcd(r.Bytes(3), &ok)
	speed := int64(r.U16())*100 + bcd(r.Bytes(1), &ok)
	course := int64(r.U16())*100 + bcd(r.Bytes(1), &ok)
	flags, distance := r.U8(), r.U32()
	power := int64(r.U8())*100 + bcd(r.Bytes(1), &ok)
	io, purpose := r.U8(), int64(r.U8())
	if r.Err() != nil || !ok {
		return errZIP
	}
	if err := c.learn(name[:], ""); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	e.Text("model", byteText(model))
	e.Text("software", strconv.Itoa(int(version)))
	e.Time, _ = protocols.Civil(2000+int(date[0]), int(date[1]), int(date[2]), int(date[3]), int(date[4]), int(date[5]), protocols.Zone{})
	if cell[0]|cell[1]|cell[2] != 0 {
		e.Text("cell", hex.EncodeToString(cell))
	}
	if flags&0x40 != 0 {
		lat = -lat
	}
	if flags&0x20 != 0 {
		lng = -lng
	}
	e.SetFix(float64(lat)/1e6, float64(lng)/1e6, flags&0x80 != 0)
	e.SetSpeed(float64(speed) / 100)
	e.SetCourse(float64(course) / 100)
	e.SetSats(flags & 0x1f)
	e.Int("odometer_m", int64(distance))
	e.Dec("power_v", power, 2)
	c.zipIO(e, io)
	switch word {
	case zipSTT:
		c.f.Type = "STT"
		e.Int("mode", purpose)
	case zipEMG:
		c.f.Type = "EMG"
		emergency(e, purpose)
	case zipEVT:
		c.f.Type = "EVT"
		e.Int("event", purpose)
	default:
		c.f.Type = "ALT"
		alert(e, purpose)
	}
	c.zipTail(e, &r, word)
	c.finish(e)
	return nil
}

// zipIO reads ignition, inputs and outputs, a bit each. The ST300V has one input more in the place of an output.
func (c *call) zipIO(e *protocols.Event, io byte) {
	e.Bool("ignition", io&1 != 0)
	names := [...]string{"in1", "in2", "in3", "out1", "out2"}
	wide := [...]string{"in1", "in2", "in3", "in4", "out1", "out2", "out3"}
	list := names[:]
	if c.s.Options.Model == "ST300V" {
		list = wide[:]
	}
	for i, name := range list {
		e.Bool(name, io>>(i+1)&1 != 0)
	}
}

// zipTail reads what some versions and configurations add.
func (c *call) zipTail(e *protocols.Event, r *protocols.Reader, word byte) {
	if n := r.Len(); word == zipSTT && (n == 2 || n == 9) {
		at := r.Offset()
		e.Int("record", int64(r.U16()))
		c.changes(at, at+2)
	}
	if r.Len() == 7 {
		ok := true
		minutes := r.U32()
		volts := int64(r.U8())*100 + bcd(r.Peek(1), &ok)
		rest := r.Bytes(1)
		e.Int("hours_s", int64(minutes)*60)
		if ok {
			e.Dec("battery_v", volts, 2)
		} else {
			e.Text("raw", hex.EncodeToString(rest))
		}
		c.changes(r.Offset(), r.Offset()+1)
		c.stored(e, r.U8())
	}
	c.rest(e, r)
}

// rest keeps bytes without a meaning here.
func (c *call) rest(e *protocols.Event, r *protocols.Reader) {
	if b := r.Rest(); len(b) > 0 {
		e.Text("raw", hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]))
	}
}

// bytes01 are the texts of all bytes in hex.
var bytes01 = func() (t [256]string) {
	for i := range t {
		t[i] = hex.EncodeToString([]byte{byte(i)})
	}
	return t
}()

// byteText is a byte in hex.
func byteText(x byte) string { return bytes01[x] }

// zipSizes are the sizes in bytes of the fields of a universal ZIP report by their bits; those from bitMode on depend on the type.
var zipSizes = [...]uint8{bitModel: 1, bitVersion: 3, bitType: 1, bitDate: 3, bitTime: 3, bitCell: 4, bitMCC: 2, bitMNC: 2, bitLAC: 2,
	bitLevel: 1, bitLat: 4, bitLng: 4, bitSpeed: 2, bitCourse: 2, bitSats: 1, bitFix: 1, bitInputs: 1, bitOutputs: 1}

// zipFields is the size of the fields of a map up to the outputs.
func zipFields(bitmap uint32) (n int) {
	for bit, size := range zipSizes {
		if bitmap>>bit&1 != 0 {
			n += int(size)
		}
	}
	return n
}

// universalZIP reads a report of the universal format:
//
//	81 | length 2 | id 5 | map 3 | fields
func (c *call) universalZIP() error {
	r := protocols.NewReader(c.line)
	word := r.U8()
	r.Skip(2)
	id, bitmap := r.Bytes(5), r.U24()
	if !isBCD(id) || bitmap&1 == 0 || zipFields(bitmap) > r.Len() {
		return errZIP
	}
	var name [10]byte
	digits(name[:0], id, len(name))
	if err := c.learn(name[:], "u"); err != nil {
		return err
	}
	switch word {
	case zipUniversalSTT:
		c.f.Type = "STT"
	case zipUniversalALT:
		c.f.Type = "ALT"
	default:
		c.f.Type = "other"
	}
	e := c.f.Add(protocols.Status)
	var z zipReport
	for bit := bitModel; bit <= bitOutputs; bit++ {
		if bitmap>>bit&1 != 0 {
			c.zipField(e, &r, &z, bit)
		}
	}
	if z.date != nil && z.clock != nil {
		d, t := z.date, z.clock
		e.Time, _ = protocols.Civil(2000+int(d[0]), int(d[1]), int(d[2]), int(t[0]), int(t[1]), int(t[2]), protocols.Zone{})
	}
	if bitmap>>bitLat&1 != 0 && bitmap>>bitLng&1 != 0 {
		e.SetFix(z.lat, z.lng, z.valid)
	}
	if z.mcc != 0 && z.mcc < 1000 {
		e.Cell(z.mcc, z.mnc, uint32(z.lac), uint64(z.cell))
	}
	c.zipPurpose(e, &r, bitmap)
	c.rest(e, &r)
	c.finish(e)
	return nil
}

// zipReport is what more than one field says.
type zipReport struct {
	date, clock   []byte
	cell          uint32
	mcc, mnc, lac uint16
	lat, lng      float64
	valid         bool
}

// zipField reads the field of one bit.
func (c *call) zipField(e *protocols.Event, r *protocols.Reader, z *zipReport, bit int) {
	switch bit {
	case bitModel:
		e.Text("model", byteText(r.U8()))
	case bitVersion:
		v := r.Bytes(3)
		b := make([]byte, 0, 12)
		for i, x := range v {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(x), 10)
		}
		e.Text("software", string(b))
	case bitType:
		c.changes(r.Offset(), r.Offset()+1)
		c.stored(e, r.U8())
	case bitDate:
		z.date = r.Bytes(3)
	case bitTime:
		z.clock = r.Bytes(3)
	case bitCell:
		z.cell = r.U32()
	case bitMCC:
		z.mcc = r.U16()
	case bitMNC:
		z.mnc = r.U16()
	case bitLAC:
		z.lac = r.U16()
	case bitLevel:
		e.Int("rssi", int64(r.U8()))
	case bitLat:
		z.lat = degrees(r.U32())
	case bitLng:
		z.lng = degrees(r.U32())
	case bitSpeed:
		e.SetSpeed(float64(r.U16()) / 100)
	case bitCourse:
		e.SetCourse(float64(r.U16()) / 100)
	case bitSats:
		e.SetSats(r.U8())
	case bitFix:
		z.valid = r.U8() == 1
	case bitInputs:
		v := r.U8()
		e.Bool("ignition", v&1 != 0)
		e.Int("inputs", int64(v))
	case bitOutputs:
		e.Int("outputs", int64(r.U8()))
	}
}

// degrees reads sign and magnitude in millionths.
func degrees(v uint32) float64 {
	d := float64(v&0x7fffffff) / 1e6
	if v>>31 != 0 {
		d = -d
	}
	return d
}

// zipPurpose reads why the report was sent. Fields that are cut off are left to the rest.
func (c *call) zipPurpose(e *protocols.Event, r *protocols.Reader, bitmap uint32) {
	has := func(bit, size int) bool { return bitmap>>bit&1 != 0 && r.Len() >= size }
	switch c.f.Type {
	case "STT":
		if has(bitMode, 1) {
			e.Int("mode", int64(r.U8()))
		}
		if has(bitReason, 1) {
			e.Int("reason", int64(r.U8()))
		}
		if has(bitNumber, 2) {
			c.changes(r.Offset(), r.Offset()+2)
			e.Int("record", int64(r.U16()))
		}
	case "ALT":
		id := int64(-1)
		if has(bitMode, 1) {
			id = int64(r.U8())
			alert(e, id)
		}
		if has(bitReason, 2) {
			e.Int("alarm_modifier", int64(r.U16()))
		}
		switch {
		case id == alertDriver && has(bitNumber, 8):
			e.Text("driver_id", hex.EncodeToString(r.Bytes(8)))
		case id != alertDriver && has(bitNumber, 2):
			e.Int("alarm_value", int64(r.U16()))
		}
	}
}
