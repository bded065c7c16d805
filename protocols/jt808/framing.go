package jt808

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/trackgate/trackgate/protocols"
)

const (
	// maxFrame is the largest frame between its flags. The header can name a body of 1023 bytes; some vendors send more.
	maxFrame = 8 << 10
	// maxBody is the largest body that the header can name.
	maxBody = 1023
	// maxSentence is the longest sentence in parentheses.
	maxSentence = 1024
	// maxFlags is how many flags in a row may come before a frame.
	maxFlags = 16
	// minUnit is the shortest content: a header with a serial number of one byte, and the check.
	minUnit = 12
)

// First bytes of what a device sends.
const (
	flagStandard = 0x7e
	flagLock     = 0xe7
	sentence     = '('
)

// unit is what is cut off the stream: the content of a frame, or a sentence.
type unit struct {
	flag     byte
	badCheck bool
	content  []byte // from id to check, without escapes; of a sentence, what is between the parentheses

	scratch *[maxFrame]byte // what content is a part of when there were escapes; nil: a view of the input
}

// scratches lend the memory in which frames are unescaped, so that they cost no garbage.
var scratches = sync.Pool{New: func() any { return new([maxFrame]byte) }}

// release gives back what content is a part of.
func (u *unit) release() {
	if u.scratch != nil {
		scratches.Put(u.scratch)
	}
}

// lend is empty memory that n bytes fit into.
func (u *unit) lend(n int) []byte {
	if n > maxFrame {
		return make([]byte, 0, n)
	}
	if u.scratch == nil {
		u.scratch = scratches.Get().(*[maxFrame]byte)
	}
	return u.scratch[:0]
}

// mine tells whether x can begin a frame. A connection keeps to one flag, so that the other is noise once one was seen.
func mine(x byte, state string, final bool) bool {
	switch x {
	case flagStandard:
		return final || !speaksLock(state)
	case flagLock:
		return final || state == "" || speaksLock(state)
	}
	return x == sentence
}

// cut takes the first frame off b. What it decides on a prefix holds for every longer one; n is 0 while more bytes are needed.
func (u *unit) cut(state string, b []byte, final, tolerant bool) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if !mine(b[0], state, final) {
		return garbage(b, 1, state)
	}
	if u.flag = b[0]; u.flag == sentence {
		return u.cutSentence(b, state, final)
	}
	start := 1
	for start < len(b) && b[start] == u.flag {
		if start++; start > maxFlags {
			return start - 1, fmt.Errorf("jt808: flags without a frame: %w", protocols.ErrGarbage)
		}
	}
	end := bytes.IndexByte(b[start:], u.flag)
	switch {
	case end >= 0:
		end += start
	case len(b) > maxFrame:
		return garbage(b, 1, state)
	case !final:
		return 0, nil
	default:
		end = len(b)
	}
	next := min(end+1, len(b))
	if u.unescape(b[start:end]) && u.check() || u.whole(b[start:end]) {
		return next, nil
	}
	if final {
		if n := u.plain(b, start); n > 0 {
			return n, nil
		}
	}
	if len(u.content) < minUnit {
		n, err = u.skipTo(b, end, next, final)
		if n > 0 {
			err = fmt.Errorf("jt808: %d bytes between flags are no frame: %w", end-start, protocols.ErrMalformed)
		}
		return n, err
	}
	u.badCheck = true
	if tolerant {
		return next, nil
	}
	return u.skipTo(b, end, next, final)
}

// skipTo is where a frame that is not acceptable ends: its closing flag may be the opening one of the next frame, when no flag follows.
func (u *unit) skipTo(b []byte, end, next int, final bool) (int, error) {
	if end+1 < len(b) && b[end+1] != u.flag && b[end+1] != sentence {
		return end, nil
	}
	if end+1 >= len(b) && !final {
		return 0, nil // the byte behind the flag tells
	}
	return next, nil
}

// check tells whether the check is right.
func (u *unit) check() bool {
	return len(u.content) >= minUnit && xor(u.content) == 0
}

// whole takes content that was sent without escapes: it fits its length and its check as it is.
func (u *unit) whole(raw []byte) bool {
	if len(raw) < minUnit || sizeOf(raw, u.flag) != len(raw) || xor(raw) != 0 {
		return false
	}
	u.content = raw
	return true
}

// plain takes a frame without escapes that has flags inside, as the length in its header has it: a line of `decode` may be one that
// was unescaped when it was recorded. A wrong check is none the less its own where the length fits the line.
func (u *unit) plain(b []byte, start int) int {
	raw := b[start:]
	if len(raw) < minUnit {
		return 0
	}
	n := sizeOf(raw, u.flag)
	if n > len(raw) || n < len(raw) && raw[n] != u.flag || n == len(raw) && raw[n-1] == u.flag {
		return 0
	}
	end := min(start+n+1, len(b))
	if u.whole(raw[:n]) {
		return end
	}
	if n < len(raw) && end == len(b) && bytes.IndexByte(raw[:n], u.flag) >= 0 {
		u.content, u.badCheck = raw[:n], true
		return end
	}
	return 0
}

// unescape makes the content of what was between the flags: a view of it when it has no escapes. False: there is an escape that has no meaning.
func (u *unit) unescape(raw []byte) bool {
	u.content = raw
	if u.flag == flagStandard {
		at := bytes.IndexByte(raw, 0x7d)
		if at < 0 {
			return true
		}
		out := u.lend(len(raw))
		for at >= 0 {
			if at+1 == len(raw) || raw[at+1] != 1 && raw[at+1] != 2 {
				u.content = nil
				return false
			}
			out = append(append(out, raw[:at]...), 0x7c+raw[at+1])
			raw = raw[at+2:]
			at = bytes.IndexByte(raw, 0x7d)
		}
		u.content = append(out, raw...)
		return true
	}
	if bytes.IndexByte(raw, 0xe6) < 0 && bytes.IndexByte(raw, 0x3e) < 0 {
		return true
	}
	out := u.lend(len(raw))
	for i := 0; i < len(raw); i++ {
		x := raw[i]
		if x == 0xe6 || x == 0x3e {
			if i++; i == len(raw) || raw[i] != 1 && raw[i] != 2 {
				u.content = nil
				return false
			}
			if x == 0xe6 {
				x = 0xe5 + raw[i]
			} else {
				x = 0x3f - raw[i]
			}
		}
		out = append(out, x)
	}
	u.content = out
	return true
}

// cutSentence takes `( ... )` of printable characters.
func (u *unit) cutSentence(b []byte, state string, final bool) (int, error) {
	for i := 1; i < len(b) && i < maxSentence; i++ {
		switch x := b[i]; {
		case x == ')':
			u.content = b[1:i]
			return i + 1, nil
		case x == flagStandard || x == sentence || x < ' ' && x != '\r' && x != '\n' && x != '\t':
			return garbage(b, 1, state)
		}
	}
	switch {
	case len(b) >= maxSentence || final && len(b) < 2:
		return garbage(b, 1, state)
	case final:
		u.content = b[1:]
		return len(b), nil
	}
	return 0, nil
}

// garbage passes over the bytes up to the first that can begin a frame, at or behind from.
func garbage(b []byte, from int, state string) (int, error) {
	n := from
	for n < len(b) && !mine(b[n], state, false) {
		n++
	}
	return n, fmt.Errorf("jt808: %w", protocols.ErrGarbage)
}

// xor is the exclusive or of all bytes, eight at a time.
func xor(b []byte) byte {
	var v uint64
	for len(b) >= 8 {
		v ^= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	v ^= v >> 32
	v ^= v >> 16
	v ^= v >> 8
	for _, x := range b {
		v ^= uint64(x)
	}
	return byte(v)
}

// appendFrame appends content with its check, escapes and flags.
func appendFrame(out []byte, flag byte, content []byte) []byte {
	out = append(out, flag)
	check := xor(content)
	if flag == flagStandard && check&^3 != 0x7c && bytes.IndexByte(content, 0x7d) < 0 && bytes.IndexByte(content, 0x7e) < 0 {
		return append(append(out, content...), check, flag)
	}
	for _, x := range content {
		out = appendEscaped(out, flag, x)
	}
	return append(appendEscaped(out, flag, check), flag)
}

func appendEscaped(out []byte, flag, x byte) []byte {
	switch {
	case flag == flagStandard && (x == 0x7d || x == 0x7e):
		return append(out, 0x7d, x-0x7c)
	case flag == flagLock && (x == 0xe6 || x == 0xe7):
		return append(out, 0xe6, x-0xe5)
	case flag == flagLock && (x == 0x3d || x == 0x3e):
		return append(out, 0x3e, 0x3f-x)
	}
	return append(out, x)
}
