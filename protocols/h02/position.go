package h02

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// clockUnset is 2010-01-01: what is older comes from a device whose clock was not set yet.
const clockUnset protocols.Millis = 1262304000_000

const (
	day   protocols.Millis = 86_400_000
	ahead protocols.Millis = 600_000 // how far a clock may be fast
)

// Places of a position's fields, counted from the time.
const (
	atTime = iota
	atValid
	atLat
	atNS
	atLng
	atEW
	atSpeed
	atCourse
	atDate
	atStatus
)

// position reads the layout of V1:
//
//	hhmmss, A|V|B|n, latitude, N|S, longitude, E|W, speed, course, [battery,] ddmmyy, [phone.., ICCID,] status [, extension]
func (c *call) position(e *protocols.Event, f [][]byte, identified bool) bool {
	if len(f) <= atDate {
		return false
	}
	valid := string(f[atValid]) == "A" || string(f[atValid]) == "B"
	if code, ok := protocols.ParseDigits(f[atValid]); ok {
		valid = true
		e.Int("coding", int64(code))
	}
	if string(f[atValid]) == "B" {
		e.Bool("differential", true)
	}
	lat, ok1 := coordinate(f[atLat], f[atNS], 'N', 'S')
	lng, ok2 := coordinate(f[atLng], f[atEW], 'E', 'W')
	if !ok1 || !ok2 {
		return false
	}
	if len(f[atLat]) > 0 && len(f[atLng]) > 0 {
		e.SetFix(lat, lng, valid)
	}
	if v, ok := protocols.ParseDecimal(f[atSpeed]); ok && v.N >= 0 {
		e.SetSpeed(v.Float() * c.knot())
	}
	if v, ok := protocols.ParseDecimal(f[atCourse]); ok {
		e.SetCourse(v.Float())
	}
	clock := f[atTime]
	if len(f) > atStatus+1 && !isDate(f[atDate]) && isDate(f[atStatus]) {
		if _, ok := statusWord(f[atStatus+1]); ok {
			integer(e, "battery_level", f[atDate])
			f = f[1:]
		}
	}
	c.time(e, clock, f[atDate], valid)
	return c.behindDate(e, f[atStatus:], identified)
}

// behindDate reads the status word, what V19 has before it, and the extension behind it.
func (c *call) behindDate(e *protocols.Event, f [][]byte, identified bool) bool {
	if len(f) == 0 {
		return true
	}
	at := 0
	if identified {
		for at = min(3, len(f)-1); at > 0; at-- {
			if _, ok := statusWord(f[at]); ok {
				break
			}
		}
		subscriber(e, f[:at])
	}
	if word, ok := statusWord(f[at]); ok {
		c.status(e, word, true)
	} else if _, hexadecimal := protocols.ParseHex(f[at]); !hexadecimal && len(f[at]) > 0 {
		return false
	}
	extension(e, f[at+1:])
	return true
}

// subscriber reads what V19 has between date and status: a phone number and an ICCID.
func subscriber(e *protocols.Event, f [][]byte) {
	for i, v := range f {
		switch {
		case len(v) == 0:
		case i == len(f)-1 && len(v) >= 18:
			iccid(e, v)
		default:
			if _, ok := e.Attrs.Get("phone"); ok {
				e.Text(protocols.IOKey(uint16(100+i)), string(v))
			} else {
				e.Text("phone", string(v))
			}
		}
	}
}

// isICCID tells whether v is 18 to 20 digits, with or without a character of filling behind.
func isICCID(v []byte) bool {
	if len(v) < 19 || len(v) > 21 {
		return false
	}
	for _, x := range v[:len(v)-1] {
		if x < '0' || x > '9' {
			return false
		}
	}
	return true
}

func iccid(e *protocols.Event, v []byte) {
	if last := v[len(v)-1]; last < '0' || last > '9' {
		v = v[:len(v)-1]
	}
	e.Text("iccid", string(v))
}

func isDate(f []byte) bool {
	_, ok := protocols.ParseDigits(f)
	return ok && len(f) == 6
}

// coordinate reads a latitude or longitude and the letter of its hemisphere; an empty one is none, and no fault.
func coordinate(f, hemisphere []byte, positive, negative byte) (float64, bool) {
	f = bytes.TrimSpace(f)
	if len(f) == 0 {
		return 0, true
	}
	if len(hemisphere) != 1 || hemisphere[0] != positive && hemisphere[0] != negative {
		return 0, false
	}
	v, ok := unsigned(f)
	if hemisphere[0] == negative {
		v = -v
	}
	return v, ok
}

// unsigned reads DDDMM.mmmm, DDDMMmmmm or -DDD-MM.mmmm. The sign of the last form only repeats what the hemisphere says.
func unsigned(f []byte) (float64, bool) {
	f = bytes.TrimPrefix(f, []byte{'-'})
	if whole, minutes, dashed := bytes.Cut(f, []byte{'-'}); dashed {
		d, ok := protocols.ParseDigits(whole)
		m, ok2 := protocols.ParseDecimal(minutes)
		v, ok3 := m.DegreesMinutes()
		return float64(d) + v, ok && ok2 && ok3 && d <= 180 && v < 1
	}
	d, ok := protocols.ParseDecimal(f)
	if !ok || d.N < 0 {
		return 0, false
	}
	if bytes.IndexByte(f, '.') < 0 {
		if len(f) < 7 {
			return 0, false
		}
		d.Scale = 4
	}
	return d.DegreesMinutes()
}

// knot is the factor from the device's unit of speed to km/h.
func (c *call) knot() float64 {
	switch c.s.Options.Unit {
	case "kmh":
		return 1
	case "mph":
		return 1.609344
	}
	return 1.852
}

// time gives the record its time from hhmmss and ddmmyy. An empty date is the last day on which that was the time. A device whose
// clock is not set sends a date of the past, or of the future: such a record has no time of its own.
func (c *call) time(e *protocols.Event, clock, date []byte, valid bool) {
	t, ok := c.civil(clock, date)
	if ok && valid {
		if later, rolled := protocols.Rollover(t, c.received); rolled {
			t = later
			e.Bool("rollover", true)
		}
	}
	if ok && t >= clockUnset && t <= c.received+day {
		e.Time = t
		return
	}
	e.Text("time_source", "server")
	if len(clock) > 0 || len(date) > 0 {
		e.Text("device_date", string(date)+" "+string(clock))
	}
}

func (c *call) civil(clock, date []byte) (protocols.Millis, bool) {
	hms, ok := protocols.ParseDigits(clock)
	if !ok || len(clock) != 6 {
		return 0, false
	}
	zone := c.s.Options.Zone
	if len(date) == 0 {
		at := c.received.Time()
		t, ok := protocols.Civil(at.Year(), int(at.Month()), at.Day(), hms/10000, hms/100%100, hms%100, zone)
		switch d := t - c.received; {
		case d > ahead:
			t -= day
		case d < ahead-day:
			t += day
		}
		return t, ok
	}
	dmy, ok := protocols.ParseDigits(date)
	if !ok || len(date) != 6 {
		return 0, false
	}
	return protocols.Civil(2000+dmy%100, dmy/100%100, dmy/10000, hms/10000, hms/100%100, hms%100, zone)
}

// confirmation reads V4: command, words of the result, the command's time, then a position. The position is found by its hemispheres.
func (c *call) confirmation(e *protocols.Event, f [][]byte) bool {
	e.Kind = protocols.CommandResult
	for i := 2; i+atDate < len(f); i++ {
		if !isHemisphere(f[i+atNS], 'N', 'S') || !isHemisphere(f[i+atEW], 'E', 'W') {
			continue
		}
		if !c.position(e, f[i:], false) {
			return false
		}
		c.result(e, f[:i])
		return true
	}
	if len(f[0]) == 0 {
		return false
	}
	e.Attrs = e.Attrs[:0]
	c.result(e, f)
	return true
}

func isHemisphere(f []byte, a, b byte) bool { return len(f) == 1 && (f[0] == a || f[0] == b) }

// result reads command, words and the command's time.
func (c *call) result(e *protocols.Event, f [][]byte) {
	e.Text("command", string(f[0]))
	e.Text("result", string(bytes.Join(f, []byte{','})))
	if id, ok := commandID(f[len(f)-1]); ok {
		e.Int("command_id", id)
	}
	for _, word := range f[1:] {
		switch string(word) {
		case "DONE", "OK":
			e.Bool("success", true)
			return
		case "ERROR", "FAIL":
			e.Bool("success", false)
			return
		}
	}
}

// watch reads VP1 of the lower-case watches: a position with a date and no time of day, or cells.
//
//	A|B, latitude, N, longitude, E, speed, course, ddmmyy
//	V, MCC, MNC, cells as LAC, id, signal with a Y between
func (c *call) watch(e *protocols.Event, m *sentence) bool {
	f := m.fields
	if string(f[0]) == "V" {
		return watchCells(e, m.rest)
	}
	if len(f) < 8 {
		return false
	}
	lat, ok1 := coordinate(f[1], f[2], 'N', 'S')
	lng, ok2 := coordinate(f[3], f[4], 'E', 'W')
	if !ok1 || !ok2 {
		return false
	}
	e.SetFix(lat, lng, true)
	if string(f[0]) == "B" {
		e.Bool("differential", true)
	}
	if v, ok := protocols.ParseDecimal(f[5]); ok && v.N >= 0 {
		e.SetSpeed(v.Float() * c.knot())
	}
	if v, ok := protocols.ParseDecimal(f[6]); ok {
		e.SetCourse(v.Float())
	}
	if midnight, ok := c.civil([]byte("000000"), f[7]); ok && midnight >= clockUnset {
		e.Time = midnight + (c.received-midnight)%day
	}
	other(e, f[8:], 1)
	return true
}
