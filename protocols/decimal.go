package protocols

// Decimal is a number as text protocols write it: N / 10^Scale, exactly. It goes into an event by Dec.
type Decimal struct {
	N     int64
	Scale uint8 // 0 to 9
}

// ParseDecimal reads an optional sign, digits and an optional point with decimals; spaces around it do not count. Decimals beyond the ninth
// are dropped. Without any digit, with more than 18 of them or with anything else in it, the text is no number: false.
func ParseDecimal(b []byte) (d Decimal, ok bool) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	digits, point := 0, false
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if point {
				if d.Scale == 9 {
					continue
				}
				d.Scale++
			}
			if digits++; digits > 18 {
				return Decimal{}, false
			}
			d.N = d.N*10 + int64(c-'0')
		case c == '.' && !point:
			point = true
		default:
			return Decimal{}, false
		}
	}
	if digits == 0 {
		return Decimal{}, false
	}
	if negative {
		d.N = -d.N
	}
	return d, true
}

// Float is the nearest float64.
func (d Decimal) Float() float64 { return float64(d.N) / float64(pow10[d.Scale]) }

// DegreesMinutes reads DDDMM.mmmm, degrees and minutes written together, and returns degrees; false where the minutes are 60 or more, or the degrees
// beyond 180.
func (d Decimal) DegreesMinutes() (degrees float64, ok bool) {
	n, unit := d.N, int64(pow10[d.Scale])
	if n < 0 {
		n = -n
	}
	whole, minutes := n/(100*unit), n%(100*unit)
	if whole > 180 || minutes >= 60*unit {
		return 0, false
	}
	degrees = float64(whole*60*unit+minutes) / float64(60*unit) // one rounding
	if d.N < 0 {
		degrees = -degrees
	}
	return degrees, true
}

// ParseDigits reads 1 to 9 decimal digits and nothing else.
func ParseDigits(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// ParseHex reads 1 to 16 hexadecimal digits of either case and nothing else.
func ParseHex(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	for _, c := range b {
		d, ok := HexDigit(c)
		if !ok {
			return 0, false
		}
		v = v<<4 | uint64(d)
	}
	return v, true
}

// HexDigit is the value of one hexadecimal digit of either case.
func HexDigit(c byte) (v byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
