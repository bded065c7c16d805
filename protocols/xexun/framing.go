package xexun

import "bytes"

// maxSentence is the longest message in text.
const maxSentence = 512

// form says what is at the start of the stream.
type form uint8

const (
	partial form = iota // not whole yet
	noise               // bytes outside any message
	blank               // line ends
	basic               // a sentence that ends at the comma behind the IMEI
	full                // a sentence with serial and phone number before it, or a status without one: a line
	tail                // the rest of a full sentence whose serial and phone number the unit left out
)

// message is a message in text, taken apart. Its slices are views of the input.
type message struct {
	form          form
	serial, phone []byte // full form
	rmc           []byte // from G to the star; nil: a status without a sentence
	sum           []byte // the two digits behind the star
	mark          []byte // between the sum and `imei:`: F or L, and what raised the report
	imei          []byte
	tail          []byte // behind the IMEI and its comma
}

// cut takes the first message off b, n bytes; it is partial and 0 while more are needed. What it decides on a prefix holds for every longer one, but for
// lines whose end only final makes known.
func cut(b []byte, final bool) (m message, n int) {
	for n < len(b) && (b[n] == '\r' || b[n] == '\n' || b[n] == ' ') {
		n++
	}
	if n > 0 {
		return message{form: blank}, n
	}
	if len(b) > 0 && !mayBegin(b[0]) {
		for n < len(b) && !mayBegin(b[n]) && b[n] != flag0 {
			n++
		}
		return message{form: noise}, n
	}
	window := b[:min(len(b), maxSentence)]
	line := bytes.IndexByte(window, '\n')
	named := bytes.Index(window, imeiWord)
	if isTail(window) && (line >= 0 && (named < 0 || line < named) || named < 0 && final) {
		if line < 0 {
			line = len(window) - 1
		}
		return message{form: tail}, line + 1
	}
	if named < 0 {
		if len(window) == maxSentence || final {
			return message{form: noise}, skip(window)
		}
		return message{}, 0
	}
	return m.sentence(b, window, named, final)
}

var imeiWord = []byte("imei:")

// mayBegin tells whether x can begin a message in text.
func mayBegin(x byte) bool { return x == 'G' || x == ',' || isDigit(x) }

func isDigit(x byte) bool { return x >= '0' && x <= '9' }

// skip is how much of a message that is none is passed over: up to where the next one may begin.
func skip(window []byte) int {
	if at := sentenceAt(window[1:]); at >= 0 {
		return at + 1
	}
	return max(1, len(window)-len("GPRMC,"))
}

// sentenceAt is where GPRMC or GNRMC begins; -1: nowhere.
func sentenceAt(b []byte) int {
	for from := 0; ; {
		at := bytes.IndexByte(b[from:], 'G')
		if at < 0 || from+at+6 > len(b) {
			return -1
		}
		from += at
		if word := b[from : from+6]; (word[1] == 'P' || word[1] == 'N') && string(word[2:]) == "RMC," {
			return from
		}
		from++
	}
}

// sentence takes apart what has `imei:` at named.
func (m message) sentence(b, window []byte, named int, final bool) (message, int) {
	m.form = full
	head, rest := window[:named], window[named+len(imeiWord):]
	if at := sentenceAt(head); at >= 0 {
		switch {
		case at == 0:
			m.form = basic
		case !m.prefix(head[:at]):
			return message{form: noise}, at
		}
		m.rmc = head[at:]
		star := bytes.IndexByte(m.rmc, '*')
		if star < 0 || star+3 > len(m.rmc) {
			return message{form: noise}, skip(window)
		}
		m.rmc, m.sum, m.mark = m.rmc[:star], m.rmc[star+1:star+3], m.rmc[star+3:]
	} else if !m.prefix(head) {
		return message{form: noise}, skip(window)
	}
	digits := 0
	for digits < len(rest) && isDigit(rest[digits]) {
		digits++
	}
	if digits == len(rest) && len(window) < maxSentence && !final {
		return message{}, 0
	}
	m.imei = rest[:digits]
	end := named + len(imeiWord) + digits
	if end < len(window) && window[end] == ',' {
		end++
	}
	if m.form == basic {
		return m, end
	}
	line := bytes.IndexByte(window[end:], '\n')
	switch {
	case line >= 0:
		m.tail = bytes.TrimRight(window[end:end+line], "\r")
		return m, end + line + 1
	case final:
		m.tail = bytes.TrimRight(window[end:], "\r\n")
		return m, len(window)
	case len(b) >= maxSentence:
		return message{form: noise}, skip(window)
	}
	return message{}, 0
}

// prefix reads the serial and phone number before a full sentence; before a status the mark follows. False: there are none.
func (m *message) prefix(b []byte) bool {
	serial, rest, ok := bytes.Cut(b, comma)
	if !ok || len(serial) > 14 {
		return false
	}
	for _, x := range serial {
		if !isDigit(x) {
			return false
		}
	}
	phone, mark, ok := bytes.Cut(rest, comma)
	if !ok || len(phone) > 32 {
		return false
	}
	for _, x := range phone {
		if x < ' ' || x > '~' {
			return false
		}
	}
	m.serial, m.phone, m.mark = serial, phone, mark
	return true
}

var comma = []byte(",")

// isTail tells whether b can be the rest of a full sentence: satellites, altitude, F or L and the voltage.
func isTail(b []byte) bool {
	sats, rest, ok := bytes.Cut(b, comma)
	if !ok || len(sats) > 2 {
		return false
	}
	altitude, rest, ok := bytes.Cut(rest, comma)
	return ok && len(altitude) < 10 && len(rest) > 1 && (rest[0] == 'F' || rest[0] == 'L') && rest[1] == ':'
}
