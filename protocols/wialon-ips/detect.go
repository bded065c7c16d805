package wialonips

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyStart  = "does not begin with a Wialon packet"
	whyShort  = "begins like Wialon IPS, too short to tell"
	whyMarker = "packet type of Wialon IPS"
	whyLogin  = "login of Wialon IPS"
	whyRecord = "record of Wialon IPS"
	whyPing   = "ping of Wialon IPS"
	whyPrefix = "identity and packet type of Wialon IPS"
)

// maxDigits is the longest identity in front of a datagram that is recognised.
const maxDigits = 20

// detect is Protocol.Detect. Over TCP the first packet is bare, in a datagram the identity stands in front of it.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	if !datagram {
		return detectPacket(b)
	}
	at := 0
	for _, x := range []byte("2.0;") {
		if at == len(b) {
			return protocols.More, whyShort
		}
		if b[at] != x && !(at == 2 && b[at] == '1') {
			at = 0
			break
		}
		at++
	}
	digits := 0
	for at+digits < len(b) && b[at+digits] >= '0' && b[at+digits] <= '9' {
		if digits++; digits > maxDigits {
			return protocols.No, whyStart
		}
	}
	switch at += digits; {
	case at == len(b):
		return protocols.More, whyShort
	case digits == 0 || b[at] != '#':
		return protocols.No, whyStart
	}
	v, why := detectPacket(b[at:])
	if v == protocols.Sure {
		why = whyPrefix
	}
	return v, why
}

// detectPacket judges the start of a packet.
func detectPacket(b []byte) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	if b[0] != '#' {
		return protocols.No, whyStart
	}
	end := 1
	for end < len(b) && b[end] >= 'A' && b[end] <= 'Z' && end < 4 {
		end++
	}
	kind := string(b[1:end])
	if end == len(b) {
		switch kind {
		case "", "L", "P", "S", "SD", "D", "B", "M", "I", "IT", "T":
			return protocols.More, whyShort
		}
		return protocols.No, whyStart
	}
	if b[end] != '#' {
		return protocols.No, whyStart
	}
	rest := b[end+1:]
	switch kind {
	case "L":
		return detectLogin(rest)
	case "P":
		if len(rest) == 0 {
			return protocols.Likely, whyMarker
		}
		if rest[0] == '\r' || rest[0] == '\n' {
			return protocols.Sure, whyPing
		}
		return protocols.No, whyStart
	case "SD", "D", "B":
		return detectRecord(rest)
	case "M", "I", "IT", "T":
		return protocols.Likely, whyMarker
	}
	return protocols.No, whyStart
}

// detectLogin judges what follows #L#: an identity and a semicolon.
func detectLogin(b []byte) (protocols.Verdict, string) {
	for i, x := range b {
		switch {
		case x == ';' && i > 0:
			return protocols.Sure, whyLogin
		case x <= ' ' || x > '~' || x == ';' || i >= protocols.MaxIdentity:
			return protocols.No, whyStart
		}
	}
	return protocols.Likely, whyMarker
}

// detectRecord judges what follows #SD#, #D# or #B#: a date or NA, and a semicolon.
func detectRecord(b []byte) (protocols.Verdict, string) {
	for i, x := range b {
		switch {
		case x == ';' && i > 0:
			return protocols.Sure, whyRecord
		case x >= '0' && x <= '9' && i < 6, x == 'N' && i == 0, x == 'A' && i == 1 && b[0] == 'N':
		default:
			return protocols.No, whyStart
		}
	}
	return protocols.Likely, whyMarker
}
