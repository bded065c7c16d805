package meitrack

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// maxFields is how many fields of a line are told apart; the last one holds all that follows.
const maxFields = 40

// fields is a part of a line cut at a separator. Offsets are within the line.
type fields struct {
	line []byte
	n    int
	at   [maxFields + 1]int32 // where each field starts; field i ends one byte before the next starts
}

// split cuts line[from:to] at sep.
func (t *fields) split(line []byte, from, to int, sep byte) {
	t.line, t.n = line, 0
	if from > to {
		return
	}
	t.at[0] = int32(from)
	for t.n < maxFields-1 {
		i := bytes.IndexByte(line[from:to], sep)
		if i < 0 {
			break
		}
		from += i + 1
		t.n++
		t.at[t.n] = int32(from)
	}
	t.n++
	t.at[t.n] = int32(to) + 1
}

// get is field i, empty where there is none.
func (t *fields) get(i int) []byte {
	if i < 0 || i >= t.n {
		return nil
	}
	return t.line[t.at[i] : t.at[i+1]-1]
}

func allDigits(b []byte) bool {
	for _, x := range b {
		if x < '0' || x > '9' {
			return false
		}
	}
	return len(b) > 0
}

// decimal reads a number like +012.50 as 1250 and the scale 2.
func decimal(b []byte) (v int64, scale uint8, ok bool) {
	negative := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 17 {
		return 0, 0, false
	}
	point, digits := -1, 0
	for i, x := range b {
		switch {
		case x >= '0' && x <= '9':
			v = v*10 + int64(x-'0')
			digits++
		case x == '.' && point < 0:
			point = i
		default:
			return 0, 0, false
		}
	}
	if point >= 0 {
		scale = uint8(len(b) - 1 - point)
	}
	if digits == 0 || scale > 9 {
		return 0, 0, false
	}
	if negative {
		v = -v
	}
	return v, scale, true
}

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// number reads a decimal number.
func number(b []byte) (float64, bool) {
	v, scale, ok := decimal(b)
	return float64(v) / pow10[scale], ok
}

// integer reads a whole number; false for anything with a point.
func integer(b []byte) (int64, bool) {
	v, scale, ok := decimal(b)
	return v, ok && scale == 0
}

// dec adds a decimal field under a name; false: it is none, and nothing was added.
func dec(e *protocols.Event, name string, b []byte) bool {
	v, scale, ok := decimal(b)
	if ok {
		e.Dec(name, v, scale)
	}
	return ok
}

// hasPoint tells whether a field is written with a decimal point.
func hasPoint(b []byte) bool { return bytes.IndexByte(b, '.') >= 0 }
