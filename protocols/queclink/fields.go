package queclink

import "github.com/trackgate/trackgate/protocols"

// readInt reads a decimal number of at most 15 digits with an optional sign.
func readInt(b []byte) (int64, bool) {
	v, scale, ok := readDecimal(b)
	return v, ok && scale == 0
}

// readDecimal reads a decimal number of at most 15 digits, 9 of them behind the point: v / 10^scale.
func readDecimal(b []byte) (v int64, scale uint8, ok bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 16 {
		return 0, 0, false
	}
	point := -1
	for i, x := range b {
		switch {
		case x >= '0' && x <= '9':
			v = v*10 + int64(x-'0')
		case x == '.' && point < 0:
			point = i
		default:
			return 0, 0, false
		}
	}
	digits := len(b)
	if point >= 0 {
		digits--
		if len(b)-point-1 > 9 {
			return 0, 0, false
		}
		scale = uint8(len(b) - point - 1)
	}
	if digits == 0 || digits > 15 {
		return 0, 0, false
	}
	if negative {
		v = -v
	}
	return v, scale, true
}

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// readFloat reads a decimal number.
func readFloat(b []byte) (float64, bool) {
	v, scale, ok := readDecimal(b)
	return float64(v) / pow10[scale], ok
}

// readHex reads up to 16 hex digits.
func readHex(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	for _, x := range b {
		d := hexDigit(x)
		if d > 15 {
			return 0, false
		}
		v = v<<4 | uint64(d)
	}
	return v, true
}

// hexDigit is the value of a hex digit, or 16.
func hexDigit(x byte) byte {
	switch {
	case x >= '0' && x <= '9':
		return x - '0'
	case x >= 'a' && x <= 'f':
		return x - 'a' + 10
	case x >= 'A' && x <= 'F':
		return x - 'A' + 10
	}
	return 16
}

func isHex(b []byte) bool {
	for _, x := range b {
		if hexDigit(x) > 15 {
			return false
		}
	}
	return len(b) > 0
}

func isDigits(b []byte) bool {
	for _, x := range b {
		if x < '0' || x > '9' {
			return false
		}
	}
	return len(b) > 0
}

// isIdentity is true of a 15-digit IMEI and of a 14-digit MEID, which has letters.
func isIdentity(b []byte) bool {
	switch len(b) {
	case 15:
		return isDigits(b)
	case 14:
		return isHex(b) && !isTime(b)
	}
	return false
}

// isCount is true of a message's count number.
func isCount(b []byte) bool { return len(b) > 0 && len(b) <= 8 && isHex(b) }

// isTime is true of a date with time, with or without seconds.
func isTime(b []byte) bool {
	_, ok := readTime(b, protocols.Zone{})
	return ok
}

// readTime reads YYYYMMDDHHMMSS; some send no seconds.
func readTime(b []byte, z protocols.Zone) (protocols.Millis, bool) {
	if (len(b) != 14 && len(b) != 12) || !isDigits(b) {
		return 0, false
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	second := 0
	if len(b) == 14 {
		second = two(12)
	}
	year := two(0)*100 + two(2)
	if year < 1970 {
		return 0, false
	}
	return protocols.Civil(year, two(4), two(6), two(8), two(10), second, z)
}

// isVIN is true of a vehicle identification number: 17 capitals and digits without I, O and Q.
func isVIN(b []byte) bool {
	if len(b) != 17 {
		return false
	}
	for _, x := range b {
		if !(x >= '0' && x <= '9' || x >= 'A' && x <= 'Z' && x != 'I' && x != 'O' && x != 'Q') {
			return false
		}
	}
	return true
}

// isName is true of what can be a device's name behind a VIN: empty, or not a number.
func isName(b []byte) bool { return !isDigits(b) }

// isCoordinate is true of a number with exactly six decimals.
func isCoordinate(b []byte) bool {
	n := len(b)
	if n < 8 || n > 11 || b[n-7] != '.' {
		return false
	}
	_, scale, ok := readDecimal(b)
	return ok && scale == 6
}

// isHours is true of an hour meter, HHHHH:MM:SS.
func isHours(b []byte) bool {
	_, ok := readHours(b)
	return ok
}

// readHours reads HHHHH:MM:SS in seconds; the hours have five digits, or more where they overflow.
func readHours(b []byte) (int64, bool) {
	n := len(b)
	if n < 11 || n > 13 || b[n-3] != ':' || b[n-6] != ':' {
		return 0, false
	}
	h, ok1 := readInt(b[:n-6])
	m, ok2 := readInt(b[n-5 : n-3])
	s, ok3 := readInt(b[n-2:])
	return h*3600 + m*60 + s, ok1 && ok2 && ok3 && h >= 0 && m >= 0 && s >= 0
}
