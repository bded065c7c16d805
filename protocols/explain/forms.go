package explain

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// form is a way to read bytes as one number. Which of them a decoder uses shows when the number, times a factor and plus a constant, is the field's
// value for every value that the bytes were given.
type form struct {
	name  string
	read  func(raw []byte) (float64, bool)
	loose bool // a float, whose last decimals are noise
	exact bool // there is no factor and no constant: degrees and minutes, a date
}

// forms are those that raw can have, likeliest first. mask holds the bits of raw that feed the field.
func forms(raw, mask []byte, field string) []form {
	var list []form
	add := func(name string, read func([]byte) (float64, bool)) {
		list = append(list, form{name: name, read: read})
	}
	if isText(raw) {
		add("decimal", decimal)
		add("hex", hexadecimal)
		if len(raw)%2 == 0 && len(raw) <= 16 {
			add(fmt.Sprintf("hex, i%d", 4*len(raw)), signedHex)
			add("hex, bytes reversed", reversedHex)
		}
		if field == "lat" || field == "lng" {
			list = append(list, sexagesimal("decimal", decimal)...)
		}
		add("decimal behind a letter", func(b []byte) (float64, bool) {
			if len(b) < 2 || !isLetter(b[0]) {
				return 0, false
			}
			return decimal(b[1:])
		})
		add("one digit in base 36", base36)
	}
	if n := len(raw); n <= 8 {
		kind, big, little := fmt.Sprintf("u%d", 8*n), " big endian", " little endian"
		if n == 1 {
			big = ""
		}
		whole := !partial(mask)
		if whole {
			add(kind+big, unsigned)
		}
		if n > 1 && whole {
			add(kind+little, func(b []byte) (float64, bool) { return unsigned(reversed(b)) })
		}
		if !whole {
			list = append(list, masked(raw, mask, kind+big, false)...)
			if n > 1 {
				list = append(list, masked(reversed(raw), reversed(mask), kind+little, true)...)
			}
		}
		kind = "i" + kind[1:]
		if whole {
			add(kind+big, signed)
			add("sign and magnitude, "+kind[1:]+" bits"+big, magnitude)
		}
		if n > 1 && whole {
			add(kind+little, func(b []byte) (float64, bool) { return signed(reversed(b)) })
			add("sign and magnitude, "+kind[1:]+" bits"+little, func(b []byte) (float64, bool) { return magnitude(reversed(b)) })
		}
	}
	if n := len(raw); n <= 9 {
		from, to := nibbles(mask)
		bcd := func(b []byte) (float64, bool) { return bcdDigits(b, from, to) }
		add(fmt.Sprintf("BCD, %d digits", to-from), bcd)
		if field == "lat" || field == "lng" {
			list = append(list, sexagesimal("BCD", bcd)...)
			if n == 4 || n == 3 {
				list = append(list, sexagesimal("u"+fmt.Sprint(8*n)+" big endian", unsigned)...)
			}
		}
	}
	switch len(raw) {
	case 4:
		add("float32 big endian", func(b []byte) (float64, bool) { return float32of(binary.BigEndian.Uint32(b)) })
		add("float32 little endian", func(b []byte) (float64, bool) { return float32of(binary.LittleEndian.Uint32(b)) })
	case 8:
		add("float64 big endian", func(b []byte) (float64, bool) { return finite(math.Float64frombits(binary.BigEndian.Uint64(b))) })
		add("float64 little endian", func(b []byte) (float64, bool) { return finite(math.Float64frombits(binary.LittleEndian.Uint64(b))) })
	}
	for i := range list {
		list[i].loose = strings.HasPrefix(list[i].name, "float")
	}
	return list
}

func partial(mask []byte) bool {
	for _, m := range mask {
		if m != 0xff {
			return true
		}
	}
	return false
}

// masked are the forms of a number whose bits are only some of raw's.
func masked(raw, mask []byte, kind string, turned bool) []form {
	m, _ := wide(mask)
	wide := func(b []byte) (uint64, bool) {
		if turned {
			b = reversed(b)
		}
		return wide(b)
	}
	if m == 0 {
		return nil
	}
	low, high := 0, 63
	for m>>low&1 == 0 {
		low++
	}
	for m>>high&1 == 0 {
		high--
	}
	m = (1<<(high-low+1) - 1) << low // a bit between whose change is refused belongs to it all the same
	name := fmt.Sprintf("bits %d-%d of %s", high, low, kind)
	if high == low {
		name = fmt.Sprintf("bit %d of %s", low, kind)
	}
	top := uint64(1) << (high - low)
	return []form{
		{name: name, read: func(b []byte) (float64, bool) { v, ok := wide(b); return float64(v & m >> low), ok }},
		{name: name + ", two's complement", read: func(b []byte) (float64, bool) {
			v, ok := wide(b)
			v = v & m >> low
			if v&top != 0 {
				return float64(v) - 2*float64(top), ok
			}
			return float64(v), ok
		}},
		{name: name + ", sign and magnitude", read: func(b []byte) (float64, bool) {
			v, ok := wide(b)
			v = v & m >> low
			if v&top != 0 {
				return -float64(v &^ top), ok
			}
			return float64(v), ok
		}},
	}
}

// sexagesimal are a form's variants for degrees and minutes written together, DDDMM with 0 to 6 decimals.
func sexagesimal(name string, read func([]byte) (float64, bool)) []form {
	var list []form
	for decimals := range 7 {
		unit := math.Pow(10, float64(decimals))
		list = append(list, form{name: fmt.Sprintf("%s DDDMM with %d decimals", name, decimals), exact: true, read: func(b []byte) (float64, bool) {
			v, ok := read(b)
			sign := 1.0
			if v < 0 {
				sign, v = -1, -v
			}
			whole := math.Floor(v / unit / 100)
			minutes := v/unit - 100*whole
			return sign * (whole + minutes/60), ok && minutes < 60
		}})
	}
	list[0].name = name + " DDDMM.mmmm"
	return list
}

func wide(b []byte) (v uint64, ok bool) {
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v, len(b) <= 8
}

func unsigned(b []byte) (float64, bool) {
	v, ok := wide(b)
	return float64(v), ok
}

func signed(b []byte) (float64, bool) {
	v, ok := wide(b)
	shift := 64 - 8*len(b)
	return float64(int64(v<<shift) >> shift), ok
}

func magnitude(b []byte) (float64, bool) {
	v, ok := wide(b)
	top := uint64(1) << (8*len(b) - 1)
	if v&top != 0 {
		return -float64(v &^ top), ok
	}
	return float64(v), ok
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, x := range b {
		out[len(b)-1-i] = x
	}
	return out
}

// nibbles are the half bytes [from, to) that feed a field.
func nibbles(mask []byte) (from, to int) {
	half := func(i int) byte { return mask[i/2] >> (4 - i%2*4) & 15 }
	to = 2 * len(mask)
	for from < to && half(from) == 0 {
		from++
	}
	for to > from && half(to-1) == 0 {
		to--
	}
	return from, to
}

// bcdDigits reads the decimal digits in the half bytes [from, to). A digit above 9 counts with its value.
func bcdDigits(b []byte, from, to int) (v float64, ok bool) {
	for i := from; i < to; i++ {
		v = v*10 + float64(b[i/2]>>(4-i%2*4)&15) // many decoders carry a digit above 9
	}
	return v, to > from
}

func decimal(b []byte) (float64, bool) {
	d, ok := protocols.ParseDecimal(b)
	return d.Float(), ok
}

func hexadecimal(b []byte) (float64, bool) {
	v, ok := protocols.ParseHex(b)
	return float64(v), ok
}

func signedHex(b []byte) (float64, bool) {
	v, ok := protocols.ParseHex(b)
	shift := 64 - 4*len(b)
	return float64(int64(v<<shift) >> shift), ok
}

func reversedHex(b []byte) (float64, bool) {
	v, ok := protocols.ParseHex(b)
	return float64(reverse64(v, len(b)/2)), ok
}

func reverse64(v uint64, n int) (out uint64) {
	for range n {
		out, v = out<<8|v&0xff, v>>8
	}
	return out
}

func base36(b []byte) (float64, bool) {
	if len(b) != 1 {
		return 0, false
	}
	switch c := b[0]; {
	case c >= '0' && c <= '9':
		return float64(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return float64(c|0x20-'a') + 10, true
	}
	return 0, false
}

func float32of(bits uint32) (float64, bool) { return finite(float64(math.Float32frombits(bits))) }

func finite(v float64) (float64, bool) { return v, !math.IsNaN(v) && !math.IsInf(v, 0) }

// isText tells whether b is printable ASCII.
func isText(b []byte) bool {
	for _, x := range b {
		if x < 0x20 || x > 0x7e {
			return false
		}
	}
	return true
}
