package meiligao

import (
	"encoding/hex"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Fields of a position, as in the NMEA sentence RMC.
const (
	rmcTime = iota
	rmcValid
	rmcLat
	rmcNorth
	rmcLng
	rmcEast
	rmcSpeed
	rmcCourse
	rmcDate
)

const knots = 1.852 // km/h

// report reads a position, and a code of what happened, as one record. b is from the frame's data, at is where. A text that is none gives a
// record with the code alone, if there is one: false.
func (c *call) report(code byte, b []byte, at int) bool {
	e := c.f.Add(protocols.Status)
	if code == 0 {
		e.FP = protocols.Fingerprint(b) // as a position that is sent by itself
	} else {
		e.FP = protocols.Fingerprint([]byte{code}, b)
		e.Int("alarm_code", int64(code))
	}
	ok := c.position(e, b, at)
	if !ok {
		c.raw(e, b)
	}
	if e.Alarm = c.alarmOf(code); e.Alarm != "" {
		e.Kind = protocols.Alarm
	} else if e.Has&protocols.HasFix != 0 {
		e.Kind = protocols.Position
	}
	return ok
}

// position reads the text: RMC's fields, a check that many clones compute wrongly, and extensions between bars.
func (c *call) position(e *protocols.Event, b []byte, at int) bool {
	var bars, t fields
	bars.split(b, 0, len(b), '|')
	t.split(b, 0, len(bars.get(0)), ',')
	if t.n < rmcDate+1 || len(t.get(rmcTime)) < 6 || !allDigits(t.get(rmcTime)[:6]) {
		return false
	}
	e.Time = dateTime(trimCheck(t.get(rmcDate)), t.get(rmcTime))
	coordinates(e, &t, rmcLat, string(t.get(rmcValid)) == "A")
	if v, ok := number(t.get(rmcSpeed)); ok && v >= 0 && v < 1000 {
		e.SetSpeed(v * knots)
	}
	if v, ok := number(t.get(rmcCourse)); ok {
		e.SetCourse(v)
	}
	if bars.n > 1 {
		c.extensions(e, &bars, at)
	}
	return true
}

// trimCheck cuts off the check behind an asterisk.
func trimCheck(b []byte) []byte {
	for i, x := range b {
		if x == '*' {
			return b[:i]
		}
	}
	return b
}

// coordinates reads latitude, N or S, longitude, E or W from field i on.
func coordinates(e *protocols.Event, t *fields, i int, valid bool) {
	lat, ok1 := degrees(t.get(i), t.get(i+1), 'N', 'S')
	lng, ok2 := degrees(t.get(i+2), t.get(i+3), 'E', 'W')
	if ok1 && ok2 {
		e.SetFix(lat, lng, valid)
	}
}

// degrees reads DDMM.mmmm and the letter of its hemisphere.
func degrees(b, letter []byte, positive, negative byte) (float64, bool) {
	v, scale, ok := decimal(b)
	if !ok || v < 0 || len(letter) != 1 || letter[0] != positive && letter[0] != negative {
		return 0, false
	}
	unit := int64(pow10[scale])
	whole := v / (100 * unit)
	minutes := v - whole*100*unit
	if minutes >= 60*unit {
		return 0, false
	}
	d := float64(whole) + float64(minutes)/float64(60*unit)
	if letter[0] == negative {
		d = -d
	}
	return d, true
}

// dateTime reads ddmmyy and hhmmss, a fraction behind it included, as UTC; 0: they are no time.
func dateTime(date, clock []byte) protocols.Millis {
	if len(date) != 6 || !allDigits(date) || len(clock) < 6 || !allDigits(clock[:6]) {
		return 0
	}
	two := func(b []byte, i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	t, ok := protocols.Civil(2000+two(date, 4), two(date, 2), two(date, 0), two(clock, 0), two(clock, 2), two(clock, 4), protocols.Zone{})
	if !ok {
		return 0
	}
	if v, scale, ok := decimal(clock[6:]); ok && v >= 0 && scale > 0 {
		t += protocols.Millis(float64(v)*1000/pow10[scale] + 0.5)
	}
	return t
}

// Extensions behind the first bar.
const (
	extHDOP = iota + 1
	extAlt
	extState
	extAnalog
	extCell       // or the odometer, decimal
	extSignal     // or a card, where the odometer is decimal
	extOdometer   //
	extSatellites //
	extDriver     //
)

// extensions reads HDOP, altitude, inputs and outputs, analog inputs, and one of two forms of the rest:
//
//	cell 16 to 20 hex | signal 2 hex | odometer 8 hex | satellites 2 hex | driver
//	odometer, up to 9 digits | card
func (c *call) extensions(e *protocols.Event, t *fields, at int) {
	if v, ok := number(t.get(extHDOP)); ok && v >= 0 {
		e.SetHDOP(v)
	}
	if v, ok := number(t.get(extAlt)); ok && v > -12262 && v < 18000 {
		e.SetAlt(v)
	}
	state, ok := protocols.ParseHex(t.get(extState))
	switch {
	case ok && len(t.get(extState)) == 4:
		c.state(e, int(state))
	case len(t.get(extState)) > 0:
		c.raw(e, t.line[t.at[extState]:]) // a model with binary in its place
		return
	}
	c.analog(e, t.get(extAnalog))
	switch cell := t.get(extCell); {
	case len(cell) >= 16 && len(cell) <= 20:
		c.formA(e, t, at)
	case len(cell) > 0 && len(cell) <= 9 && dec(e, "odometer_m", cell):
		if card := t.get(extSignal); len(card) > 0 && !isZero(card) && printable(card) {
			e.Text("driver_id", c.str(t, extSignal, at))
		}
		c.leftover(e, t, extOdometer)
	default:
		c.leftover(e, t, extCell)
	}
}

// formA reads the extensions from the cell on.
func (c *call) formA(e *protocols.Event, t *fields, at int) {
	b := t.get(extCell)
	mcc, ok1 := protocols.ParseHex(b[:4])
	mnc, ok2 := protocols.ParseHex(b[4:8])
	lac, ok3 := protocols.ParseHex(b[8:12])
	cid, ok4 := protocols.ParseHex(b[12:])
	if ok1 && ok2 && ok3 && ok4 && mcc > 0 && mcc < 1000 && mnc < 1000 {
		e.Cell(uint16(mcc), uint16(mnc), uint32(lac), cid)
	} else if !isZero(b) && printable(b) {
		e.Text("cell", c.str(t, extCell, at))
	}
	if v, ok := protocols.ParseHex(t.get(extSignal)); ok && v <= 0xffff {
		e.Int("rssi", int64(v))
	}
	if v, ok := protocols.ParseHex(t.get(extOdometer)); ok && v <= 1<<32-1 {
		e.Int("odometer_m", int64(v))
	}
	if v, ok := protocols.ParseHex(t.get(extSatellites)); ok && v <= 0xff {
		e.SetSats(uint8(v))
	}
	if driver := t.get(extDriver); len(driver) > 0 && !isZero(driver) && printable(driver) {
		e.Text("driver_id", c.str(t, extDriver, at))
	}
	c.leftover(e, t, extDriver+1)
}

// leftover keeps extensions that have no meaning here.
func (c *call) leftover(e *protocols.Event, t *fields, i int) {
	for k := i; k < t.n; k++ {
		if len(t.get(k)) > 0 {
			if _, sent := e.Attrs.Get("raw"); !sent {
				e.Text("raw", hex.EncodeToString(t.line[t.at[i]:min(len(t.line), int(t.at[i])+protocols.MaxText/2)]))
			}
			return
		}
	}
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != '0' {
			return false
		}
	}
	return true
}

// str is a field as text. The data is copied once for all of its fields; at is where the split part begins in it.
func (c *call) str(t *fields, i, at int) string {
	if c.whole == "" {
		c.whole = string(c.data)
	}
	return c.whole[at+int(t.at[i]) : at+int(t.at[i+1])-1]
}

var (
	inputNames  = [...]string{"in1", "in2", "in3", "in4", "in5"}
	outputNames = [...]string{"out1", "out2", "out3", "out4", "out5"}
	analogNames = [...]string{"ad1", "ad2", "ad3", "ad4", "ad5", "ad6", "ad7", "ad8"}
)

// state reads outputs 1 to 5 from bit 0 on and inputs 1 to 5 from bit 8 on. Which input is the ignition is a matter of wiring.
func (c *call) state(e *protocols.Event, v int) {
	if c.s.Options.Extra != "" {
		if n, ok := c.s.Options.Get(optionIgnition); ok && len(n) == 1 && n[0] >= '1' && n[0] <= '5' {
			e.Bool("ignition", v>>(8+int(n[0]-'1'))&1 != 0)
		}
	}
	for i, name := range inputNames {
		e.Bool(name, v>>(8+i)&1 != 0)
	}
	for i, name := range outputNames {
		e.Bool(name, v>>i&1 != 0)
	}
}

// analog reads up to eight values of four hex digits. On VT310 and VT400 the first two are the battery and the external supply.
func (c *call) analog(e *protocols.Event, b []byte) {
	if len(b) == 0 {
		return
	}
	var t fields
	t.split(b, 0, len(b), ',')
	volts := strings.HasPrefix(c.s.Options.Model, "VT310") || strings.HasPrefix(c.s.Options.Model, "VT400")
	for i := range min(t.n, len(analogNames)) {
		v, ok := protocols.ParseHex(t.get(i))
		switch {
		case !ok || v > 0xffff:
		case volts && i == 0:
			e.Dec("battery_v", int64(v)*3*2*1000/1024, 3)
		case volts && i == 1:
			e.Dec("power_v", int64(v)*3*16*1000/1024, 3)
		default:
			e.Int(analogNames[i], int64(v))
		}
	}
}
