package h02

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxText = 1024 // the longest sentence in bytes
	maxLong = 2048 // the longest sentence that carries the text of an SMS
	opaque  = 32   // size of an X block
)

// cutText cuts a sentence off b: it ends at b[end], and n counts its # too. n is 0 while more is needed and negative where no sentence starts.
func cutText(b []byte, final bool) (n, end int) {
	if !beginsText(b) {
		return -1, 0
	}
	limit := maxText
	if isSMS(b) {
		limit = maxLong
	}
	end = bytes.IndexByte(b[:min(len(b), limit)], '#')
	switch {
	case end >= 0:
		n = end + 1
	case len(b) >= limit:
		return -1, 0
	case !final:
		return 0, 0
	default:
		end = len(bytes.TrimRight(b, "\r\n"))
		n = len(b)
	}
	if end < 5 {
		return -1, 0
	}
	if limit == maxText && restarts(b[1:end]) {
		return -1, 0
	}
	return n, end
}

// beginsText tells whether b can be the beginning of a sentence.
func beginsText(b []byte) bool {
	for i, c := range b[:min(len(b), 4)] {
		switch {
		case i == 0 && c == '*', i == 3 && c == ',', (i == 1 || i == 2) && isLetter(c):
		default:
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isSMS tells whether a sentence is of type SMS, whose text may be long and hold anything but #.
func isSMS(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	_, rest, _ := bytes.Cut(b[4:min(len(b), 32)], []byte{','})
	return bytes.HasPrefix(rest, []byte("SMS,"))
}

// restarts tells whether another sentence starts within one: its beginning was cut off in the device.
func restarts(b []byte) bool {
	for {
		at := bytes.IndexByte(b, '*')
		if at < 0 {
			return false
		}
		b = b[at:]
		if len(b) >= 4 && beginsText(b) {
			return true
		}
		b = b[1:]
	}
}

// cutOpaque cuts an X block off b: 32 bytes that another frame, a line's end or nothing follows.
func cutOpaque(b []byte, final bool) int {
	switch {
	case len(b) > opaque:
		if c := b[opaque]; c == '*' || c == '$' || c == 'X' || c == '\r' || c == '\n' {
			return opaque
		}
	case !final:
		return 0
	case len(b) == opaque:
		return opaque
	}
	return -1
}

// Lengths of binary records.
const (
	lengthShort    = 32
	lengthIMEI     = 42
	lengthLong     = 45
	lengthOdometer = 46
)

// lengths are tried in this order.
var lengths = [...]int{lengthShort, lengthLong, lengthIMEI, lengthOdometer}

// cutBinary cuts a binary record off b, of n bytes. Nothing in a record says how long it is: known is what the connection showed so far, else what
// stands behind decides. learnt says that it did. What is decided on a prefix holds for every longer one.
func cutBinary(b []byte, known int, final bool) (n int, learnt bool) {
	if known != 0 && plausible(b, idSize(known)) {
		switch {
		case len(b) < known && !final:
			return 0, false
		case len(b) >= known && (!final || follows(b[known:], b[1:6], true) == protocols.Sure):
			return known, false
		}
	}
	plain, wide := plausible(b, 5), plausible(b, 8)
	if !plain && !wide {
		return -1, false
	}
	fits := func(n int) bool { return plain && n != lengthIMEI || wide && n == lengthIMEI }
	if final {
		for _, n := range lengths {
			if len(b) == n && fits(n) {
				return n, true
			}
		}
		if known != 0 && fits(known) && len(b) > known {
			return known, false
		}
	}
	for _, n := range lengths {
		if !fits(n) {
			continue
		}
		if len(b) < n && !final {
			return 0, false
		}
		if len(b) < n {
			continue
		}
		switch follows(b[n:], b[1:6], final) {
		case protocols.More:
			return 0, false
		case protocols.Sure:
			return n, true
		}
	}
	// No frame follows at any of the places: take the shortest layout, and let what comes behind be passed over.
	for _, n := range lengths {
		if fits(n) && len(b) >= n {
			return n, false
		}
	}
	return -1, false
}

// idSize is the size of the id in a record of that length.
func idSize(length int) int {
	if length == lengthIMEI {
		return 8
	}
	return 5
}

// follows tells whether b, what stands behind a record, is the start of another frame: a sentence, or a record, of the same device or of one that is all there.
func follows(b, id []byte, final bool) protocols.Verdict {
	if len(b) == 0 {
		if final {
			return protocols.Sure
		}
		return protocols.More
	}
	switch b[0] {
	case '*':
		switch {
		case !beginsText(b):
			return protocols.No
		case len(b) >= 4 || final:
			return protocols.Sure
		}
		return protocols.More
	case '$':
		switch n := min(len(b)-1, len(id)); {
		case bytes.Equal(b[1:1+n], id[:n]):
			if n == len(id) || final {
				return protocols.Sure
			}
			return protocols.More
		case !plausible(b, 5) && !plausible(b, 8):
			return protocols.No
		case len(b) > 20 || final:
			return protocols.Sure
		}
		return protocols.More
	}
	return protocols.No
}

// plausible tells whether b, as far as it goes, is a binary record whose id has the given size.
func plausible(b []byte, id int) bool {
	at := 1 + id
	filler := false // the rest of the id is F
	for _, c := range b[1:min(len(b), at)] {
		for _, nibble := range [...]byte{c >> 4, c & 15} {
			if nibble > 9 && nibble != 15 || filler && nibble != 15 {
				return false
			}
			filler = nibble == 15
		}
	}
	return within(b, at, 0x23, 0) && within(b, at+1, 0x59, 0) && within(b, at+2, 0x60, 0) && // time
		within(b, at+3, 0x31, 1) && within(b, at+4, 0x12, 1) && within(b, at+5, 0x99, 0) && // date
		within(b, at+6, 0x90, 0) && within(b, at+7, 0x59, 0) && within(b, at+8, 0x99, 0) && within(b, at+9, 0x99, 0) && // latitude
		plausibleLongitude(b, at+11)
}

// within tells whether b[at], where it is there, is a BCD byte of low to high.
func within(b []byte, at int, high, low byte) bool {
	if at >= len(b) {
		return true
	}
	c := b[at]
	return c>>4 <= 9 && c&15 <= 9 && c >= low && c <= high
}

// plausibleLongitude reads DDDMMmmmm of 9 digits, as far as they are there.
func plausibleLongitude(b []byte, at int) bool {
	if !within(b, at, 0x18, 0) || !within(b, at+1, 0x99, 0) || !within(b, at+2, 0x99, 0) || !within(b, at+3, 0x99, 0) {
		return false
	}
	if at+1 >= len(b) {
		return true
	}
	if b[at] == 0x18 && b[at+1]>>4 > 0 || b[at+1]&15 > 5 {
		return false
	}
	return at+4 >= len(b) || b[at+4]>>4 <= 9
}
