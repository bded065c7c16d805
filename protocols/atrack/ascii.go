package atrack

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Fields of a record in ASCII.
const (
	fieldFixed = iota
	fieldMade
	fieldSent
	fieldLng
	fieldLat
	fieldHeading
	fieldReport
	fieldOdometer
	fieldHDOP
	fieldInputs
	fieldSpeed
	fieldOutputs
	fieldAnalog
	fieldDriver
	fieldTemp1
	fieldTemp2
	fieldText
	fieldCount
)

// lines reads what stands behind the length: sequence , unit , records, each ended by a line end.
func (c *call) lines(b []byte) error {
	sequence, b, ok1 := bytes.Cut(b, []byte{','})
	unit, b, ok2 := bytes.Cut(b, []byte{','})
	number, ok3 := protocols.ParseDigits(sequence)
	id, ok4 := digits(unit)
	if !ok1 || !ok2 || !ok3 || !ok4 || id == 0 {
		return fmt.Errorf("no sequence and unit: %w", protocols.ErrMalformed)
	}
	c.sequence, c.unit = uint16(number), id
	c.bind()
	for len(b) > 0 {
		var one []byte
		if one, b, _ = bytes.Cut(b, []byte{'\n'}); len(one) > 0 && one[len(one)-1] == '\r' {
			one = one[:len(one)-1]
		}
		if len(one) > 0 {
			c.line(one)
		}
	}
	return nil
}

// digits reads a decimal number of 64 bits.
func digits(b []byte) (v uint64, ok bool) {
	for _, x := range b {
		if x < '0' || x > '9' || v > (1<<64-1-9)/10 {
			return 0, false
		}
		v = v*10 + uint64(x-'0')
	}
	return v, len(b) > 0
}

// line reads one record. One that is cut off, or holds no coordinates, is kept as it is.
func (c *call) line(b []byte) {
	var field [fieldCount][]byte
	n, at, sent := 0, 0, 0
	for n < fieldCount && at <= len(b) {
		end := len(b)
		if i := bytes.IndexByte(b[at:], ','); i >= 0 {
			end = at + i
		}
		if n == fieldSent {
			sent = at
		}
		field[n] = b[at:end]
		n++
		at = end + 1
	}
	lng, ok1 := integer(field[fieldLng], -180e6, 180e6)
	lat, ok2 := integer(field[fieldLat], -90e6, 90e6)
	if n < fieldTemp2 || !ok1 && len(field[fieldLng]) == 0 || !ok2 && len(field[fieldLat]) == 0 {
		e := c.f.Add(protocols.Status)
		e.FP = protocols.Fingerprint(b)
		longText(e, "custom", b)
		return
	}
	if !ok1 || !ok2 {
		lng, lat = 0, 0
	}
	number := func(i int, most int64) int64 {
		v, _ := integer(field[i], 0, most)
		return v
	}
	temperature := func(i int) int16 {
		v, ok := integer(field[i], -32768, 32767)
		if !ok {
			v = noTemp
		}
		return int16(v)
	}
	odometer, ok := protocols.ParseDecimal(field[fieldOdometer])
	if !ok {
		odometer.N = -1
	}
	rec := record{
		fixed: moment(field[fieldFixed]), made: moment(field[fieldMade]), sent: moment(field[fieldSent]), lng: int32(lng), lat: int32(lat),
		heading: uint16(number(fieldHeading, 1<<16-1)), report: uint16(number(fieldReport, 1<<16-1)), odometer: odometer,
		hdop: uint16(number(fieldHDOP, 1<<16-1)), inputs: uint8(number(fieldInputs, 255)), speed: uint16(number(fieldSpeed, 1<<16-1)),
		outputs: uint8(number(fieldOutputs, 255)), analog: uint16(number(fieldAnalog, 1<<16-1)), driver: field[fieldDriver],
		temp1: temperature(fieldTemp1), temp2: temperature(fieldTemp2), text: field[fieldText],
	}
	e := c.f.Add(protocols.Position)
	c.put(e, &rec)
	m := custom{e: e}
	if at < len(b) {
		c.customText(&m, b, at)
	}
	m.finish()
	if !m.seen(slotIgnition) {
		c.ignition(e, rec.inputs)
	}
	// The time of sending and whether the record was stored do not tell it from another.
	behind := sent + len(field[fieldSent])
	if m.storedAt > 0 {
		e.FP = protocols.Fingerprint(b[:sent], b[behind:m.storedAt], b[m.storedAt+m.storedLen:])
	} else {
		e.FP = protocols.Fingerprint(b[:sent], b[behind:])
	}
}

// integer reads a whole number between two bounds.
func integer(b []byte, low, high int64) (int64, bool) {
	d, ok := protocols.ParseDecimal(b)
	for ; ok && d.Scale > 0; d.Scale-- {
		d.N /= 10
	}
	if !ok || d.N < low || d.N > high {
		return 0, false
	}
	return d.N, true
}

// moment reads YYYYMMDDhhmmss, or Unix seconds; 0: none.
func moment(b []byte) protocols.Millis {
	v, ok := digits(b)
	switch {
	case !ok:
		return 0
	case len(b) == 14:
		at, _ := protocols.Civil(int(v/1e10), int(v/1e8%100), int(v/1e6%100), int(v/1e4%100), int(v/100%100), int(v%100), protocols.Zone{})
		return at
	case v < 1<<36:
		return protocols.Millis(v) * 1000
	}
	return 0
}
