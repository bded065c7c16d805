package queclink

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// form is how a message is written.
type form uint8

const (
	formNone   form = iota // nothing but line ends
	formText               // +RESP:GTFRI,...$
	formHex                // +RSP and its relatives
	formBinary             // 2b 00 or 2d 00
)

// Heads of text messages.
const (
	headReport   = "+RESP:GT"
	headBuffered = "+BUFF:GT"
	headAck      = "+ACK:GT"
	headEvent    = "+EVT:GT"
	headEventR   = "+EVTR:GT"
)

var textHeads = [...]string{headReport, headBuffered, headAck, headEvent, headEventR}

// splitHead cuts the head of a text message: its kind, and the letters behind GT.
func splitHead(head []byte) (kind string, name []byte) {
	for _, h := range textHeads {
		if len(head) >= len(h) && string(head[:len(h)]) == h {
			return h, head[len(h):]
		}
	}
	return "", nil
}

// startsText says whether b begins with a head of a text message, or may once there is more of it.
func startsText(b []byte) (is, may bool) {
	if len(b) > 1 && (b[0] != '+' || b[1] != 'R' && b[1] != 'B' && b[1] != 'A' && b[1] != 'E') {
		return false, false
	}
	for _, h := range textHeads {
		if len(b) >= len(h) {
			if string(b[:len(h)]) == h {
				return true, false
			}
		} else if h[:len(b)] == string(b) {
			may = true
		}
	}
	return false, may
}

// isFiller is true of what stands between messages.
func isFiller(x byte) bool { return x == '\r' || x == '\n' || x == 0 }

// cut finds the message at the start of b: b[at:n] without the filler in front. With n == 0 and no error there is no whole message yet.
func cut(b []byte, final bool) (at, n int, f form, err error) {
	for at < len(b) && isFiller(b[at]) {
		at++
	}
	if at == len(b) {
		if final || at >= maxFrame/2 {
			return at, at, formNone, nil
		}
		return 0, 0, formNone, nil
	}
	m := b[at:]
	switch is, may := startsText(m); {
	case is:
		n, err = cutText(m, final)
		f = formText
	case may && !final:
		return 0, 0, formNone, nil
	default:
		n, f, err = cutOther(m, final)
	}
	if n == 0 {
		return 0, 0, f, err
	}
	return at, at + n, f, err
}

// cutText finds the end of a text message: $, or the zero that some send instead.
func cutText(m []byte, final bool) (int, error) {
	head := m[:min(len(m), maxFrame)]
	end := bytes.IndexByte(head, '$')
	if end >= 0 {
		head = head[:end]
	}
	if i := bytes.IndexByte(head, 0); i >= 0 {
		head, end = head[:i], i
	}
	for i := 1; ; i++ { // a plus is rare: in telephone numbers, zones, and where the next message begins
		j := bytes.IndexByte(head[min(i, len(head)):], '+')
		if j < 0 {
			break
		}
		i += j
		if is, _ := startsText(m[i:]); is {
			return i, fmt.Errorf("queclink: message without end: %w", protocols.ErrMalformed)
		}
	}
	if end >= 0 {
		return end + 1, nil
	}
	if len(m) >= maxFrame {
		return resync(m, final), fmt.Errorf("queclink: no end within %d bytes: %w", maxFrame, protocols.ErrGarbage)
	}
	if final {
		return len(m), nil
	}
	return 0, nil
}

// cutOther finds the end of a message that is not text, or passes over what is no message.
func cutOther(m []byte, final bool) (int, form, error) {
	if f, length, known := otherLength(m); known {
		switch {
		case length == 0 && !final:
			return 0, f, nil
		case length == 0:
			return len(m), f, fmt.Errorf("queclink: message is cut off: %w", protocols.ErrMalformed)
		case len(m) >= length && !endsWell(f, m[:length]):
		case len(m) >= length:
			return length, f, nil
		case final:
			return len(m), f, fmt.Errorf("queclink: message is cut off: %w", protocols.ErrMalformed)
		default:
			return 0, f, nil
		}
	}
	return resync(m, final), formNone, fmt.Errorf("queclink: %w", protocols.ErrGarbage)
}

// resync is how many bytes to pass over: up to the next place where a message may begin.
func resync(m []byte, final bool) int {
	for i := 1; i < len(m); i++ {
		if m[i] != '+' && m[i] != '-' {
			continue
		}
		is, may := startsText(m[i:])
		if is || may && !final {
			return i
		}
		if _, _, known := otherLength(m[i:]); known {
			return i
		}
	}
	return len(m)
}
