package t800x

import (
	"encoding/hex"
	"math"
	"unicode/utf16"

	"github.com/trackgate/trackgate/protocols"
)

func hexText(b []byte) string { return hex.EncodeToString(b) }

// bcd reads BCD digits; false when a nibble is none.
func bcd(b []byte) (int64, bool) {
	v := int64(0)
	for _, x := range b {
		if x>>4 > 9 || x&15 > 9 {
			return 0, false
		}
		v = v*100 + int64(x>>4)*10 + int64(x&15)
	}
	return v, true
}

// decimal adds n bytes of BCD with the given number of decimals; what is no BCD is none.
func decimal(e *protocols.Event, name string, r *protocols.Reader, n int, scale uint8) {
	if r.Len() < n {
		return
	}
	if v, ok := bcd(r.Bytes(n)); ok {
		e.Dec(name, v, scale)
	}
}

// date reads YY MM DD hh mm ss in BCD, UTC; 0 when it is none.
func date(b []byte) protocols.Millis {
	var v [6]int
	if len(b) < len(v) {
		return 0
	}
	for i := range v {
		d, ok := bcd(b[i : i+1])
		if !ok {
			return 0
		}
		v[i] = int(d)
	}
	t, _ := protocols.Civil(2000+v[0], v[1], v[2], v[3], v[4], v[5], protocols.Zone{})
	return t
}

// float reads a little endian float, rounded to six decimals; false when it is no number.
func float(r *protocols.Reader) (float64, bool) {
	bits := r.U32LE()
	v := float64(math.Float32frombits(bits))
	if math.IsNaN(v) || math.IsInf(v, 0) || bits == 0xffffffff {
		return 0, false
	}
	return math.Round(v*1e6) / 1e6, true
}

// battery adds a percentage in BCD, where 00 is 100.
func battery(e *protocols.Event, b byte) {
	v, ok := bcd([]byte{b})
	if !ok {
		return
	}
	if v == 0 {
		v = 100
	}
	e.Int("battery_pct", v)
}

// wide is UTF-16, little endian.
func wide(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return string(utf16.Decode(u))
}
