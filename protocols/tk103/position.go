package tk103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// order of the parts of a date.
type order bool

const (
	yearFirst order = false // yymmdd: compact
	dayFirst  order = true  // ddmmyy: with commas
)

// time gives the record its time; both fields have six digits, UTC.
func (c *call) time(e *protocols.Event, date, clock []byte, o order) {
	d, ok1 := protocols.ParseDigits(date)
	t, ok2 := protocols.ParseDigits(clock)
	year, month, day := d/10000, d/100%100, d%100
	if o == dayFirst {
		year, day = day, year
	}
	if ok1 && ok2 && len(date) == 6 && len(clock) == 6 {
		if at, ok := protocols.Civil(2000+year, month, day, t/10000, t/100%100, t%100, c.s.Options.Zone); ok && at > 0 {
			if later, rolled := protocols.Rollover(at, c.received); rolled && e.Has&protocols.HasFix != 0 && e.Valid {
				at = later
				e.Bool("rollover", true)
			}
			e.Time = at
			return
		}
	}
	e.Text("time_source", "server")
	e.Text("device_date", string(date)+" "+string(clock))
}

// position reads the fixed widths of a compact position:
//
//	yymmdd | A or V | latitude, N or S | longitude, E or W | speed, km/h | hhmmss | course 6 | I/O state 8 | L odometer, m | temperature
//
// Coordinates and speed may be shorter or padded; a comma may stand before the I/O state; anything from the course on may be absent.
func (c *call) position(e *protocols.Event, b []byte) bool {
	if len(b) < 7 || b[6] != 'A' && b[6] != 'V' {
		return false
	}
	if _, ok := protocols.ParseDigits(b[:6]); !ok {
		return false
	}
	date, valid := b[:6], b[6] == 'A'
	latText, ns, rest := hemisphere(b[7:], 'N', 'S')
	lngText, ew, rest := hemisphere(rest, 'E', 'W')
	if ns == 0 || ew == 0 {
		return false
	}
	speed, clock, course, rest := motion(rest)
	if clock == nil {
		return false
	}
	lat, ok1 := degrees(latText, ns == 'S')
	lng, ok2 := degrees(lngText, ew == 'W')
	if ok1 && ok2 {
		e.SetFix(lat, lng, valid)
	}
	if v, ok := protocols.ParseDecimal(speed); ok && v.N >= 0 {
		e.SetSpeed(v.Float())
	}
	if v, ok := protocols.ParseDecimal(course); ok {
		e.SetCourse(v.Float())
	}
	c.time(e, date, clock, yearFirst)
	c.tail(e, rest)
	return true
}

// hemisphere cuts off what comes before the letter, which is at most 12 characters away; the letter is 0 where there is none.
func hemisphere(b []byte, one, other byte) (text []byte, letter byte, rest []byte) {
	for i, x := range b[:min(len(b), 13)] {
		if x == one || x == other {
			return b[:i], x, b[i+1:]
		}
	}
	return nil, 0, nil
}

// degrees reads DDDMM.mmmm.
func degrees(f []byte, negative bool) (float64, bool) {
	d, ok := protocols.ParseDecimal(f)
	if !ok || d.N < 0 {
		return 0, false
	}
	v, ok := d.DegreesMinutes()
	if negative {
		v = -v
	}
	return v, ok
}

const (
	clockSize  = 6
	courseSize = 6
)

// motion cuts speed, hhmmss and course off b. The speed ends one digit behind its point; where a comma stands behind the course it may have more
// decimals, as the widths of the others say.
func motion(b []byte) (speed, clock, course, rest []byte) {
	if at := bytes.IndexByte(b, ','); at >= clockSize+courseSize+3 && at <= clockSize+courseSize+6 {
		split := at - clockSize - courseSize
		speed, clock, course = b[:split], b[split:split+clockSize], b[split+clockSize:at]
		_, ok1 := protocols.ParseDecimal(speed)
		_, ok2 := protocols.ParseDigits(clock)
		if _, ok3 := protocols.ParseDecimal(course); ok1 && ok2 && ok3 {
			return speed, clock, course, b[at:]
		}
	}
	point := bytes.IndexByte(b, '.')
	if point < 0 || point > 5 || len(b) < point+2+clockSize {
		return nil, nil, nil, nil
	}
	speed, b = b[:point+2], b[point+2:]
	clock, b = b[:clockSize], b[clockSize:]
	if len(b) < courseSize {
		return speed, clock, nil, b
	}
	return speed, clock, b[:courseSize], b[courseSize:]
}

// tail reads the I/O state, the odometer and the temperature.
func (c *call) tail(e *protocols.Event, b []byte) {
	b = bytes.TrimPrefix(b, []byte{','})
	if len(b) >= stateSize && b[0] != 'L' {
		if c.state(e, b[:stateSize]) {
			b = b[stateSize:]
		} else {
			e.Text("extra", string(b))
			return
		}
	}
	b = odometer(e, bytes.TrimPrefix(b, []byte{','}))
	b = temperature(e, b)
	if len(b) > 0 {
		e.Text("extra", string(b))
	}
}

// odometer reads L and hex digits, m, and returns what follows.
func odometer(e *protocols.Event, b []byte) []byte {
	if len(b) < 2 || b[0] != 'L' {
		return b
	}
	n := 1
	for n < len(b) && n <= 12 && isHex(b[n]) {
		n++
	}
	v, ok := protocols.ParseHex(b[1:n])
	if !ok {
		return b
	}
	e.Int("odometer_m", int64(v))
	return b[n:]
}

// temperature reads T, a sign and a number, or the sign and the number alone.
func temperature(e *protocols.Event, b []byte) []byte {
	v := bytes.TrimPrefix(b, []byte{'T'})
	if len(v) < 2 || v[0] != '+' && v[0] != '-' {
		return b
	}
	d, ok := protocols.ParseDecimal(v)
	if !ok {
		return b
	}
	e.Dec("temp1_c", d.N, d.Scale)
	return nil
}

func isHex(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
}
