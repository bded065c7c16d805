package watch

import (
	"math"
	"strconv"
)

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// digits reads sign, digits and a decimal point: the number is mantissa / 10^scale. At most 15 digits, so that a float64 holds the mantissa.
func digits(b []byte) (mantissa int64, scale int, ok bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	if len(b) == 0 || len(b) > 16 {
		return 0, 0, false
	}
	point, seen := false, 0
	for _, x := range b {
		switch {
		case x >= '0' && x <= '9':
			mantissa = mantissa*10 + int64(x-'0')
			if seen++; point {
				scale++
			}
		case x == '.' && !point:
			point = true
		default:
			return 0, 0, false
		}
	}
	if negative {
		mantissa = -mantissa
	}
	return mantissa, scale, seen > 0 && seen <= 15
}

// number reads a decimal number; infinities and what is no number give false.
func number(b []byte) (float64, bool) {
	if m, scale, ok := digits(b); ok {
		return float64(m) / pow10[scale], true
	}
	if len(b) > 64 {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, false
	}
	return v, true
}

// whole reads a whole number of at most 18 digits.
func whole(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var v int64
	for _, x := range b {
		if x < '0' || x > '9' {
			return 0, false
		}
		v = v*10 + int64(x-'0')
	}
	return v, true
}
