package suntech

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxText = 4096 // of a text message, the parts of a crash report included
	maxZIP  = 1500 // largest length word that is taken seriously
	maxData = 1500 // largest length of serial data
)

// Kinds of frames.
type kind uint8

const (
	nothing kind = iota
	text
	legacyZIP
	universalZIP
)

// Crash reports: the size of all parts together, see crash.go.
const (
	crashRecord  = 4 + 4 + 2 + 2 + 100*3*2
	crashRecords = 4
	crashSize    = 6 + crashRecords*crashRecord
	crashTrailer = 3 // the carriage return included
)

// starts tells whether a frame can begin with x.
func starts(x byte) bool {
	return x >= 'A' && x <= 'Z' || x == '-' || x == 0x02 || x >= 0x81 && x <= 0x8f || x == '\r' || x == '\n'
}

// cut takes the first frame off b. What it decides on a prefix holds for every longer one.
func (c *call) cut(b []byte, final bool) (n int, k kind, err error) {
	at := 0
	for at < len(b) && (b[at] == '\r' || b[at] == '\n') {
		at++
	}
	if at == len(b) {
		if final || at >= maxText {
			return at, nothing, nil // the rest of a line end
		}
		return 0, nothing, nil
	}
	switch x := b[at]; {
	case x == 0x02:
		n, err = c.cutLegacyZIP(b[at:], final)
		k = legacyZIP
	case x >= 0x81 && x <= 0x8f:
		n, err = c.cutUniversalZIP(b[at:], final)
		k = universalZIP
	case starts(x):
		n, err = c.cutText(b[at:], final)
		k = text
	default:
		n = 1
		for at+n < len(b) && !starts(b[at+n]) {
			n++
		}
		err = errText
	}
	if n > 0 {
		n += at
	}
	return n, k, err
}

var errStart = fmt.Errorf("suntech: start byte without a ZIP report: %w", protocols.ErrGarbage)

// cutLegacyZIP takes 02, length 2, data, 03.
func (c *call) cutLegacyZIP(b []byte, final bool) (int, error) {
	if len(b) < 4 {
		if len(b) == 3 && binary.BigEndian.Uint16(b[1:]) > maxZIP || final {
			return 1, errStart
		}
		return 0, nil
	}
	size := int(binary.BigEndian.Uint16(b[1:]))
	if size < legacyZIPSize || size > maxZIP || b[3] < zipSTT || b[3] > zipALT {
		return 1, errStart
	}
	end := 3 + size
	if len(b) == end && final {
		c.line = b[3:end] // the last byte is cut off
		return end, nil
	}
	if len(b) <= end {
		if final {
			return 1, errStart
		}
		return 0, nil
	}
	if b[end] != 0x03 {
		return 1, errStart
	}
	c.f.Note(b[:1], "start", "02")
	c.f.Note(b[1:3], "length", "u16 big endian; of the report")
	c.f.Note(b[3:4], "type", "of the ZIP report")
	c.f.Note(b[end:end+1], "stop", "03")
	c.line = b[3:end]
	return end + 1, nil
}

// cutUniversalZIP takes 81 to 8f, length 2, data.
func (c *call) cutUniversalZIP(b []byte, final bool) (int, error) {
	if len(b) < 3 {
		if len(b) == 2 && b[1] > maxZIP>>8 || final {
			return 1, errStart
		}
		return 0, nil
	}
	size := int(binary.BigEndian.Uint16(b[1:]))
	if size < universalZIPSize || size > maxZIP {
		return 1, errStart
	}
	if len(b) < 3+size {
		if final {
			return 1, errStart
		}
		return 0, nil
	}
	c.f.Note(b[:1], "type", "of the ZIP report")
	c.f.Note(b[1:3], "length", "u16 big endian; of the report")
	c.line = b[:3+size]
	return 3 + size, nil
}

// cutText takes a line up to its carriage return. Serial data and crash reports hold any bytes: they are passed over by their size.
func (c *call) cutText(b []byte, final bool) (int, error) {
	if n, ok := headLength(b); !ok {
		for n < len(b) && n < maxText && b[n] >= 0x20 && b[n] <= 0x7e {
			n++
		}
		if n == len(b) && n < maxText && !final {
			return 0, nil // how far it goes must not depend on what is there
		}
		return max(n, 1), errText
	} else if n == len(b) && !final {
		return 0, nil
	}
	limit := min(len(b), maxText)
	end := bytes.IndexByte(b[:limit], '\r')
	open := end < 0 // the line may go on
	if open {
		end = limit
	}
	from := 0 // where the carriage return is looked for
	head := bytes.IndexByte(b[:end], ';')
	switch {
	case head < 0:
	case isUEX(b[:head]):
		start, size, ok := serialData(b[:end], open)
		if !ok {
			break
		}
		n, whole := skipData(b[start:limit], size)
		if !whole && limit < maxText && !final {
			return 0, nil
		}
		if whole {
			c.data, c.dataAt = b[start:start+n], start
			from = start + n
		}
	case string(b[:head]) == "CRR":
		start, size, ok := crashData(b[:end])
		if !ok {
			break
		}
		if start+size > limit && limit < maxText && !final {
			return 0, nil
		}
		from = min(start+size, limit)
		c.data, c.dataAt = b[start:max(start, from-crashTrailer+1)], start
	}
	if from > 0 {
		i := bytes.IndexByte(b[from:limit], '\r')
		open, end = i < 0, limit
		if !open {
			end = from + i
		}
	}
	switch {
	case !open:
		c.line = b[:end]
		return end + 1, nil
	case limit == maxText:
		return maxText, fmt.Errorf("suntech: no end in %d bytes: %w", maxText, protocols.ErrGarbage)
	case final:
		c.line = b[:end]
		return end, nil
	}
	return 0, nil
}

// maxHead is more than the longest head, with the semicolon behind it.
const maxHead = 12

// headLength is the length of the head of a line, as far as it is there; false: these bytes begin no line.
func headLength(b []byte) (int, bool) {
	for i, x := range b {
		switch {
		case x == ';' || x == '\r':
			return i, true
		case i == maxHead || !(x >= '0' && x <= '9' || x|0x20 >= 'a' && x|0x20 <= 'z' || x == '-' && i == 0):
			return i, false
		}
	}
	return len(b), true
}

// isUEX tells whether the head of a line is that of serial data.
func isUEX(head []byte) bool {
	return string(head) == "UEX" || len(head) == 8 && string(head[5:]) == "UEX"
}

// serialData finds the length and the start of serial data in the line so far. Only fields that are known to be whole count.
func serialData(b []byte, open bool) (start, size int, ok bool) {
	var t fields
	t.split(b, 0, len(b))
	if open {
		t.n-- // the last one may go on
	}
	i := lengthField(&t)
	if i <= 0 || i >= t.n-1 && !open {
		return 0, 0, false
	}
	v := t.get(i)
	if len(v) > 4 || !allDigits(v) {
		return 0, 0, false
	}
	n, _ := integer(v)
	if n > maxData {
		return 0, 0, false
	}
	return int(t.at[i+1]), int(n), true
}

// lengthField is the place of LEN among the fields of an UEX message; 0: it is not there yet, or not at all.
func lengthField(t *fields) int {
	if string(t.get(0)) == "UEX" {
		m, ok := protocols.ParseHex(t.get(2))
		if i := 3 + bits.OnesCount64(m&beforeData); ok && i < t.n {
			return i
		}
		return 0
	}
	lat := latitudeField(t)
	if i := lat + 9; lat > 0 && i < t.n {
		return i
	}
	return 0
}

// skipData is how many bytes size characters of serial data have, and whether they are all there with the semicolon behind them. The bytes 00 and
// 01 of the serial port are sent as 01 10 and 01 11 and count once; firmware that counts what it sends is recognised by the semicolon.
func skipData(b []byte, size int) (n int, whole bool) {
	for left := size; left > 0; left-- {
		if n >= len(b) {
			return 0, false
		}
		if b[n] == 1 && n+1 < len(b) && b[n+1]&^1 == 0x10 {
			n++
		} else if b[n] == 1 && n+1 == len(b) {
			return 0, false
		}
		n++
	}
	if n >= len(b) {
		return 0, false
	}
	if b[n] != ';' && b[size] == ';' {
		return size, true
	}
	return n, true
}

// crashData finds the binary of a part of a crash report and the least that it holds.
func crashData(b []byte) (start, size int, ok bool) {
	var t fields
	t.split(b, 0, len(b))
	if t.n < 5 {
		return 0, 0, false
	}
	part, ok1 := integer(t.get(2))
	parts, ok2 := integer(t.get(3))
	if !ok1 || !ok2 || parts < 1 || parts > 64 || part < 1 || part > parts {
		return 0, 0, false
	}
	size = int((crashSize + parts - 1) / parts)
	if part == parts {
		size = max(0, crashSize-int(parts-1)*size)
	}
	return int(t.at[4]), size + crashTrailer - 1, true
}
