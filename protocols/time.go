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
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60 || year < 1 || year > 9999 {
		return 0, false
	}
	// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day is the last.
	y, m := year, month
	if m <= 2 {
		y--
		m += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + day - 719469
	return Millis(((days*24+hour)*60+minute)*60+second-int(z.Seconds)) * 1000, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// AppendRFC3339 appends m as 2006-01-02T15:04:05.000Z.
func (m Millis) AppendRFC3339(b []byte) []byte {
	return m.Time().AppendFormat(b, "2006-01-02T15:04:05.000Z")
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
