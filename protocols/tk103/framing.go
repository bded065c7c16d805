package tk103

import "bytes"

const (
	maxPlain  = 1024 // the longest message in bytes
	maxQuoted = 2048 // the longest one with a text between dollars
	minBody   = 16   // the shortest body: serial and word
)

// cut cuts the first message off b and returns its body; n is 0 while more is needed, and the body nil where b begins with none. A closing
// parenthesis counts only outside the dollars that enclose a text. What is decided on a prefix holds for every longer one.
func cut(b []byte, final bool) (n int, body []byte) {
	if b[0] != '(' {
		for n = 1; n < len(b) && b[n] != '('; n++ {
		}
		return n, nil
	}
	quoted := false
	for i := 1; i < len(b) && i < maxQuoted; i++ {
		switch {
		case b[i] == '$':
			quoted = !quoted
		case quoted:
		case b[i] == ')':
			return i + 1, b[1:i]
		case b[i] == '(':
			return i, nil // the one before was cut off
		case i >= maxPlain:
			return drop(b), nil
		}
	}
	switch {
	case len(b) >= maxQuoted:
		return drop(b), nil
	case !final:
		return 0, nil
	}
	if body = bytes.TrimRight(b[1:], "\r\n"); len(body) < minBody {
		return len(b), nil
	}
	return len(b), body
}

// drop is how many bytes come before the next parenthesis that may begin a message, after the first.
func drop(b []byte) int {
	if at := bytes.IndexByte(b[1:], '('); at >= 0 {
		return 1 + at
	}
	return len(b)
}

func blank(b []byte) bool { return len(bytes.Trim(b, "\r\n ")) == 0 }

// commaMessage takes a message of the comma dialect apart: 11 to 16 letters and digits, a comma, a word, perhaps a comma.
func commaMessage(b []byte) (serial, word, rest []byte, ok bool) {
	serial, rest, ok = bytes.Cut(b, []byte{','})
	if !ok || len(serial) < 11 || len(serial) > 16 || !isName(serial) || len(rest) < 4 || !isCommaWord(rest) {
		return nil, nil, nil, false
	}
	word, rest = rest[:4], rest[4:]
	if len(rest) > 0 && rest[0] != ',' {
		return nil, nil, nil, false
	}
	return serial, word, bytes.TrimPrefix(rest, []byte{','}), true
}

// isCommaWord tells whether b begins with ZC, DW or BP and two digits, which in DW are hexadecimal.
func isCommaWord(b []byte) bool {
	switch string(b[:2]) {
	case "ZC", "BP":
		return isDigit(b[2]) && isDigit(b[3])
	case "DW":
		return isDigit(b[2]) && (isDigit(b[3]) || b[3] >= 'A' && b[3] <= 'F')
	}
	return false
}

// compactMessage takes a compact message apart: the serial number has 12 characters, but some devices send 11, others up to 16; it is what stands
// before the first word.
func compactMessage(b []byte) (serial, word, rest []byte, ok bool) {
	for at := 11; at <= 16 && at+4 <= len(b); at++ {
		if isWord(b[at:]) && isName(b[:at]) {
			return b[:at], b[at : at+4], b[at+4:], true
		}
	}
	return nil, nil, nil, false
}

// isWord tells whether b begins with B, a capital letter and two digits.
func isWord(b []byte) bool {
	return b[0] == 'B' && b[1] >= 'A' && b[1] <= 'Z' && isDigit(b[2]) && isDigit(b[3])
}

// isName tells whether b is letters and digits.
func isName(b []byte) bool {
	for _, x := range b {
		if !isLetterOrDigit(x) {
			return false
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
