package gps103

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

const (
	minute protocols.Millis = 60_000
	day                     = 1440 * minute
)

// Session.State is the zone of the device's local time in minutes east of Greenwich, as the last fix revealed it; empty: not known.

// time gives the record its time from the local date and time and, where there is a fix, the time of day in UTC.
func (c *call) time(e *protocols.Event, local, utc []byte, valid bool) {
	l, ok := localTime(local)
	t := protocols.Millis(0)
	if ok {
		if second, good := timeOfDay(utc); good {
			t = c.join(l, second)
		} else if len(utc) > 0 {
			t = l // the clone: a number that is no time, and a local time that is UTC
		} else if zone, known := c.zone(); known {
			t = l - zone
		}
	}
	if t != 0 && valid {
		if later, rolled := protocols.Rollover(t, c.received); rolled {
			t = later
			e.Bool("rollover", true)
		}
	}
	if t > 0 {
		e.Time = t
		return
	}
	e.Text("time_source", "server")
	if len(local) > 0 && !allZero(local) {
		e.Text("device_date", string(local))
	}
}

// join is the UTC time whose time of day is given and which belongs to the local time l: the zone between them is more than -12:00 and at most +12:00,
// unless the operator named another, and the two may be some minutes apart.
func (c *call) join(l, second protocols.Millis) protocols.Millis {
	t := l - l%day + second
	if z := c.s.Options.Zone; z.Set {
		for want := l - protocols.Millis(z.Seconds)*1000; ; {
			switch d := t - want; {
			case d > day/2:
				t -= day
				continue
			case d < -day/2:
				t += day
				continue
			}
			return t
		}
	}
	zone := quarters(l - t)
	if zone > day/2 {
		zone, t = zone-day, t+day
	} else if zone <= -day/2 {
		zone, t = zone+day, t-day
	}
	if known, ok := c.zone(); !ok || known != zone {
		c.s.State = strconv.FormatInt(int64(zone/minute), 10)
	}
	return t
}

// quarters rounds to 15 minutes.
func quarters(d protocols.Millis) protocols.Millis {
	const quarter = 15 * minute
	if d < 0 {
		return -((-d + quarter/2) / quarter * quarter)
	}
	return (d + quarter/2) / quarter * quarter
}

// zone is the offset of the local time: the operator's word, or what an earlier fix revealed.
func (c *call) zone() (protocols.Millis, bool) {
	if z := c.s.Options.Zone; z.Set {
		return protocols.Millis(z.Seconds) * 1000, true
	}
	if c.s.State == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(c.s.State, 10, 16)
	return protocols.Millis(n) * minute, err == nil
}

// localTime reads yymmddhhmm, yymmddhhmmss or yy/mm/dd hh:mm as if it were UTC.
func localTime(f []byte) (protocols.Millis, bool) {
	var d [12]byte
	n := 0
	for _, x := range f {
		switch {
		case isDigit(x) && n < len(d):
			d[n] = x - '0'
			n++
		case x == '/', x == ' ', x == ':':
		default:
			return 0, false
		}
	}
	if n != 10 && n != 12 {
		return 0, false
	}
	two := func(i int) int { return int(d[i])*10 + int(d[i+1]) }
	return protocols.Civil(2000+two(0), two(2), two(4), two(6), two(8), two(10), protocols.Zone{})
}

// timeOfDay reads hhmmss.sss as ms.
func timeOfDay(f []byte) (protocols.Millis, bool) {
	if len(f) < 6 || len(f) > 6 && f[6] != '.' {
		return 0, false
	}
	hms, ok := protocols.ParseDigits(f[:6])
	h, m, s := hms/10000, hms/100%100, hms%100
	if !ok || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	t := protocols.Millis(h*3600+m*60+s) * 1000
	if d, ok := protocols.ParseDecimal(f[6:]); ok && d.N > 0 {
		t += protocols.Millis(d.Float() * 1000)
	}
	return t, true
}

func allZero(f []byte) bool {
	for _, x := range f {
		if x != '0' {
			return false
		}
	}
	return true
}
