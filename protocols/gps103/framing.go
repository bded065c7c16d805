package gps103

import "bytes"

const (
	maxFrame = 8 << 10 // fragments of photos are long
	maxShort = 30      // a text with imei: of at most this length is a login
	imeiSize = 15
)

// kind of a message by its frame.
type kind uint8

const (
	wait kind = iota // not whole yet
	garbage
	lineEnd
	login     // body: IMEI
	heartbeat // body: IMEI
	report    // body: from behind imei: to the terminator
)

var (
	start      = []byte("imei:")
	loginStart = []byte("##,imei:")
)

// cut cuts the first message off b. What it decides on a prefix holds for every longer one but for the terminator, which counts to the message where
// it is there.
func cut(b []byte, final bool) (n int, k kind, body []byte) {
	switch c := b[0]; {
	case isEnd(c):
		for n = 1; n < len(b) && isEnd(b[n]); n++ {
		}
		return n, lineEnd, nil
	case c == '#':
		return cutLogin(b, final)
	case isDigit(c):
		return cutHeartbeat(b, final)
	case c == 'i':
		return cutReport(b, final)
	}
	return skip(b), garbage, nil
}

// isEnd tells whether c ends a message.
func isEnd(c byte) bool { return c == ';' || c == '\r' || c == '\n' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// skip is how many bytes come before the next one that a message may begin with; of the run of digits at b's start none is.
func skip(b []byte) int {
	n := 1
	for n < len(b) && isDigit(b[0]) && isDigit(b[n]) {
		n++
	}
	for n < len(b) && b[n] != '#' && b[n] != 'i' && !isDigit(b[n]) && !isEnd(b[n]) {
		n++
	}
	return n
}

// ends adds the terminators behind a message of n bytes to it.
func ends(b []byte, n int) int {
	for n < len(b) && isEnd(b[n]) {
		n++
	}
	return n
}

// digits counts the digits that b begins with.
func digits(b []byte) int {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// cutLogin cuts ##,imei:<imei>,A off b. Old firmware sends nothing behind the A.
func cutLogin(b []byte, final bool) (int, kind, []byte) {
	if n := min(len(b), len(loginStart)); !bytes.Equal(b[:n], loginStart[:n]) {
		return skip(b), garbage, nil
	}
	at := len(loginStart)
	if len(b) <= at {
		return unfinished(b, final)
	}
	n := digits(b[at:])
	whole := at + imeiSize + len(",A")
	switch {
	case n > imeiSize, n < imeiSize && len(b) > at+n:
		return skip(b), garbage, nil
	case len(b) > at+imeiSize && b[at+imeiSize] != ',':
		return skip(b), garbage, nil
	case len(b) < whole:
		return unfinished(b, final)
	}
	return ends(b, whole), login, b[at : at+imeiSize]
}

// unfinished is what cut says of a message that is not whole.
func unfinished(b []byte, final bool) (int, kind, []byte) {
	if final {
		return skip(b), garbage, nil
	}
	return 0, wait, nil
}

// cutHeartbeat cuts 15 digits off b, which a terminator, a report or nothing follows.
func cutHeartbeat(b []byte, final bool) (int, kind, []byte) {
	n := digits(b)
	switch {
	case len(b) == n && n != imeiSize && n < maxFrame:
		return unfinished(b, final) // where the run ends is not known yet
	case n < imeiSize, n > imeiSize:
		return skip(b), garbage, nil
	case len(b) == imeiSize:
		if final {
			return imeiSize, heartbeat, b
		}
		return 0, wait, nil // a longer run of digits is none
	case isEnd(b[imeiSize]):
		return ends(b, imeiSize), heartbeat, b[:imeiSize]
	}
	rest := b[imeiSize:]
	if m := min(len(rest), len(start)); bytes.Equal(rest[:m], start[:m]) {
		if m == len(start) || final {
			return imeiSize, heartbeat, b[:imeiSize]
		}
		return 0, wait, nil
	}
	return skip(b), garbage, nil
}

// cutReport cuts imei:... off b, up to a terminator or to where the next message begins.
func cutReport(b []byte, final bool) (int, kind, []byte) {
	if n := min(len(b), len(start)); !bytes.Equal(b[:n], start[:n]) {
		return skip(b), garbage, nil
	}
	if len(b) <= len(start) {
		return unfinished(b, final)
	}
	limit := min(len(b), maxFrame)
	next := bytes.Index(b[len(start):limit], start)
	if next >= 0 {
		next += len(start)
		limit = next
	}
	end := terminator(b[:limit])
	found := end >= 0 || next >= 0
	switch {
	case end >= 0:
	case next >= 0:
		end = nextMessage(b, next)
	default:
		end = limit
	}
	switch {
	case !found && len(b) >= maxFrame:
		return skip(b), garbage, nil
	case !found && !final:
		return 0, wait, nil
	}
	n := end
	if n < len(b) && b[n] == '*' {
		n++
	}
	n = ends(b, n)
	if isLogin(b[:end]) {
		return n, login, b[len(start) : len(start)+imeiSize]
	}
	return n, report, b[len(start):end]
}

// terminator finds the end of a report: ;, a line's end, or the * of a last field that is nothing else.
func terminator(b []byte) int {
	for i, c := range b {
		if isEnd(c) || c == '*' && b[i-1] == ',' {
			return i
		}
	}
	return -1
}

// nextMessage is where the message begins whose imei: is at b[at]: a heartbeat or the start of a login may stand before it.
func nextMessage(b []byte, at int) int {
	if bytes.HasSuffix(b[:at], loginStart[:3]) {
		return at - 3
	}
	run := 0
	for run < at && isDigit(b[at-run-1]) {
		run++
	}
	if run == imeiSize {
		return at - run
	}
	return at
}

// isLogin tells a short login from a report, which has four commas at least. b has no terminator.
func isLogin(b []byte) bool {
	return len(b) <= maxShort && digits(b[len(start):]) == imeiSize && bytes.Count(b, []byte{','}) < 4
}
