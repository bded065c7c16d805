package wialonips

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Fields of a record, in their order; those from fieldHDOP on are only of D.
const (
	fieldDate = iota
	fieldTime
	fieldLat
	fieldNorth
	fieldLng
	fieldEast
	fieldSpeed
	fieldCourse
	fieldHeight
	fieldSats
	fieldHDOP
	fieldInputs
	fieldOutputs
	fieldADC
	fieldButton
	fieldParams
	fieldsMax
)

const shortFields = fieldHDOP // of SD

// data reads a packet SD or D.
func (c *call) data(body []byte, ack string) {
	text := c.unsign(body, ";")
	if c.badCRC && bytes.Count(body, []byte(";")) < shortFields {
		text = body // too short to hold a checksum
	}
	if bytes.Count(text, []byte(";")) < shortFields-1 {
		c.reply(ack + "-1")
		return
	}
	c.record(text, ack == "#AD#", false)
	c.reply(ack + "1")
}

// blackBox reads a packet B: records of either form, separated by bars.
func (c *call) blackBox(body []byte) error {
	text := c.unsign(body, "|;")
	if at := bytes.LastIndexAny(body, "|;"); c.badCRC && at >= 0 && body[at] == ';' {
		text = body // no checksum stands there
	}
	n := int64(0)
	for len(text) > 0 {
		var part []byte
		part, text, _ = bytes.Cut(text, []byte("|"))
		if len(part) == 0 {
			continue
		}
		if c.parts++; c.parts > maxParts {
			return fmt.Errorf("wialon-ips: more than %d records: %w", maxParts, protocols.ErrMalformed)
		}
		n++
		if fields := bytes.Count(part, []byte(";")) + 1; fields < shortFields || len(part) > maxLine {
			c.broken(part) // counted all the same: else the device sends the box for ever
		} else {
			c.record(part, fields > shortFields, true)
		}
	}
	c.replyNumber("#AB#", n)
	return nil
}

// broken keeps a part of a black box that is no record.
func (c *call) broken(part []byte) {
	e := c.f.Add(protocols.Status)
	e.Stored = true
	e.Bool("archive", true)
	keep(e, part)
	e.FP = protocols.Fingerprint(part)
}

// keep adds bytes that have no meaning here.
func keep(e *protocols.Event, b []byte) {
	e.Text("raw", hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]))
}

// record reads the fields of one record, of the short form of SD or the long one of D.
func (c *call) record(text []byte, long, stored bool) {
	var fields [fieldsMax][]byte
	rest, count := text, shortFields
	if long {
		count = fieldsMax
	}
	for i := 0; i < count && rest != nil; i++ {
		at := bytes.IndexByte(rest, ';')
		if at < 0 {
			fields[i], rest = rest, nil
		} else {
			fields[i], rest = rest[:at], rest[at+1:]
		}
	}
	for i := range fieldParams {
		fields[i] = bytes.TrimSpace(fields[i])
		if absent(fields[i]) {
			fields[i] = nil
		}
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(text)
	e.Stored = stored
	odd := long && len(rest) > 0 // a field that no version has
	odd = !c.setTime(e, fields[fieldDate], fields[fieldTime]) || odd
	odd = !c.setNumbers(e, &fields) || odd
	odd = !setFix(e, &fields) || odd
	if stored {
		e.Bool("archive", true)
	}
	if long {
		odd = !setPorts(e, &fields) || odd
		if id := fields[fieldButton]; id != nil {
			e.Text("driver_id", string(id))
		}
		c.params(e, fields[fieldParams])
	}
	if odd {
		keep(e, text)
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// absent tells whether a field says nothing.
func absent(b []byte) bool {
	return len(b) == 0 || len(b) == 2 && b[0]|0x20 == 'n' && b[1]|0x20 == 'a'
}

// setTime reads DDMMYY and HHMMSS with an optional fraction. A clock that was never set, 000000 or before 2000, is none. False: no date.
func (c *call) setTime(e *protocols.Event, date, clock []byte) bool {
	if date == nil || clock == nil {
		return date == nil && clock == nil
	}
	d, ok1 := whole(date)
	clock, fraction, _ := bytes.Cut(clock, []byte("."))
	h, ok2 := whole(clock)
	if !ok1 || !ok2 || len(date) > 6 || len(clock) > 6 {
		return false
	}
	if d == 0 {
		return true
	}
	at, ok := protocols.Civil(2000+int(d%100), int(d/100%100), int(d/10000), int(h/10000), int(h/100%100), int(h%100), c.s.Options.Zone)
	if !ok || at <= 0 {
		return false
	}
	if len(fraction) > 3 {
		fraction = fraction[:3]
	}
	if ms, ok := whole(fraction); ok {
		for range 3 - len(fraction) {
			ms *= 10
		}
		at += protocols.Millis(ms)
	}
	e.Time = at
	return true
}

// setNumbers reads speed, course, height, satellites and HDOP. False: one of them is no number.
func (c *call) setNumbers(e *protocols.Event, fields *[fieldsMax][]byte) bool {
	ok := true
	read := func(i int, low, high float64) (float64, bool) {
		if fields[i] == nil {
			return 0, false
		}
		v, good := number(fields[i])
		good = good && v >= low && v <= high
		ok = ok && good
		return v, good
	}
	if v, good := read(fieldSpeed, 0, 1e5); good {
		switch c.s.Options.Unit {
		case "knots":
			v *= 1.852
		case "mph":
			v *= 1.609344
		}
		e.SetSpeed(v)
	}
	if v, good := read(fieldCourse, 0, 360); good {
		e.SetCourse(v)
	}
	if v, good := read(fieldHeight, -1e5, 1e6); good {
		e.SetAlt(v)
	}
	if v, good := read(fieldSats, 0, 255); good {
		e.SetSats(uint8(v))
	}
	if v, good := read(fieldHDOP, 0, 1e6); good {
		e.SetHDOP(v)
	}
	return ok
}

// minSats is how many satellites a fix needs, where their number is told.
const minSats = 3

// setFix reads the coordinates. False: they are sent and unusable. Minutes of 60 and more are known of a firmware that shifts decimal
// degrees by two digits: such a place is kept as the document's arithmetic has it, and not vouched for.
func setFix(e *protocols.Event, fields *[fieldsMax][]byte) bool {
	if fields[fieldLat] == nil || fields[fieldLng] == nil {
		return fields[fieldLat] == nil && fields[fieldLng] == nil
	}
	lat, fair1, ok1 := coordinate(fields[fieldLat], fields[fieldNorth], 'n', 's')
	lng, fair2, ok2 := coordinate(fields[fieldLng], fields[fieldEast], 'e', 'w')
	if !ok1 || !ok2 {
		return false
	}
	valid := fair1 && fair2 && (e.Has&protocols.HasSats == 0 || e.Sats >= minSats)
	return e.SetFix(lat, lng, valid) || lat == 0 && lng == 0
}

// coordinate reads degrees and minutes, DDMM.mmmm: the minutes are the two digits before the point and what follows it. Fair: they are
// less than 60.
func coordinate(b, letter []byte, positive, negative byte) (degrees float64, fair, ok bool) {
	m, scale, ok := digits(b)
	if !ok || len(letter) != 1 {
		return 0, false, false
	}
	west := letter[0]|0x20 == negative
	if !west && letter[0]|0x20 != positive {
		return 0, false, false
	}
	if m < 0 {
		m, west = -m, true
	}
	unit := int64(pow10[scale])
	whole := m / (100 * unit)
	minutes := float64(m-whole*100*unit) / pow10[scale]
	degrees = float64(whole) + minutes/60
	if west {
		degrees = -degrees
	}
	return degrees, minutes < 60, true
}

// bitNames are the attributes of single inputs and outputs.
var (
	inputNames  = [...]string{"in1", "in2", "in3", "in4"}
	outputNames = [...]string{"out1", "out2", "out3"}
)

// setPorts reads the masks of inputs and outputs and the analog inputs. False: one of them is no number.
func setPorts(e *protocols.Event, fields *[fieldsMax][]byte) bool {
	ok := setMask(e, fields[fieldInputs], "inputs", inputNames[:])
	ok = setMask(e, fields[fieldOutputs], "outputs", outputNames[:]) && ok
	rest := fields[fieldADC]
	for i := 0; len(rest) > 0; i++ {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte(","))
		if field = bytes.TrimSpace(field); absent(field) {
			continue
		}
		v, good := number(field)
		if !good || i >= len(adcNames) {
			ok = false
			continue
		}
		e.Float(adcNames[i], v)
	}
	return ok
}

// setMask reads a decimal bit mask, bit 0 first. Some devices send it as a decimal number.
func setMask(e *protocols.Event, field []byte, mask string, bits []string) bool {
	if field == nil {
		return true
	}
	v, err := strconv.ParseUint(string(field), 10, 64)
	if err != nil {
		f, ok := number(field)
		if !ok || f < 0 || f > 1<<53 || f != float64(uint64(f)) {
			return false
		}
		v = uint64(f)
	}
	if int64(v) < 0 {
		e.Float(mask, float64(v))
	} else {
		e.Int(mask, int64(v))
	}
	for i, name := range bits {
		e.Bool(name, v>>uint(i)&1 == 1)
	}
	return true
}
