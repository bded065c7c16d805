package protocols

import "time"

// Millis is a UTC time in milliseconds since 1970; 0 means none.
type Millis int64

// At converts a time.Time.
func At(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time converts to a time.Time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Civil is the time of a calendar date in the given zone; false when it is none (month 13, 30 February, 24:00). A leap second counts as
// the second after it.
func Civil(year, month, day, hour, minute, second int, z Zone) (Millis, bool) {
	if uint(month-1) > 11 || day < 1 || uint(hour) > 23 || uint(minute) > 59 || uint(second) > 60 || uint(year-1) > 9998 {
		return 0, false
	}
	m := &months[month-1]
	// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day is the last.
	y := year - m.before
	days := 365*y + y>>2 + m.days + day
	leap := year&3 == 0
	if year < 1901 || year > 2099 { // where not every fourth year is a leap year
		days += y/400 - y/100 + 15
		leap = leap && (year%100 != 0 || year%400 == 0)
	}
	if day > m.length && !(leap && month == 2 && day == 29) {
		return 0, false
	}
	return Millis(((days*24+hour)*60+minute)*60+second-int(z.Seconds)) * 1000, true
}

// months of the calendar: days in common years, whether they belong to the year before when years begin in March, and what the days since 1970 are more
// than 365 for each such year, one for each fourth and those of the month, while each fourth is a leap year.
var months = func() (list [12]struct{ length, before, days int }) {
	at := 0 // from 1 March
	for i := range list {
		m := &list[(i+2)%12]
		m.length, m.days = [...]int{31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28}[i], at-719469-15
		at += m.length
		if i >= 10 {
			m.before = 1
		}
	}
	return list
}()

// AppendRFC3339 appends m as 2006-01-02T15:04:05.000Z. Each event is written with two times, and AppendFormat reads its layout anew each time.
func (m Millis) AppendRFC3339(b []byte) []byte {
	t := m.Time()
	year, month, day := t.Date()
	if uint(year) > 9999 {
		return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	const perDay = 24 * 3_600_000
	ms := int(m % perDay)
	if ms < 0 {
		ms += perDay
	}
	b = appendDigits(b, uint64(year), 4)
	b = appendDigits(append(b, '-'), uint64(month), 2)
	b = appendDigits(append(b, '-'), uint64(day), 2)
	b = appendDigits(append(b, 'T'), uint64(ms/3_600_000), 2)
	b = appendDigits(append(b, ':'), uint64(ms/60_000%60), 2)
	b = appendDigits(append(b, ':'), uint64(ms/1000%60), 2)
	return append(appendDigits(append(b, '.'), uint64(ms%1000), 3), 'Z')
}

func (m Millis) String() string { return string(m.AppendRFC3339(nil)) }

// Rollover repairs a date that the 10-bit week number of old GPS receivers sent back by 1024 weeks: a time with a valid fix
// that lies that long before the receipt, give or take 500 weeks. It returns the corrected time, and whether it did.
func Rollover(t, received Millis) (Millis, bool) {
	const weeks1024 = 1024 * 7 * 24 * 3_600_000
	if d := received - t; d > weeks1024-24*3_600_000 && d < weeks1024+500*7*24*3_600_000 {
		return t + weeks1024, true
	}
	return t, false
}
