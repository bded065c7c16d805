package watch

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxText   = 4 << 10 // content in words
	maxMedia  = 1 << 20 // content of voice and pictures
	minDigits = 8       // ten by the document; some devices send fewer
	maxDigits = 15
	// maxHeader is the longest header, with its bracket and the one that closes the frame.
	maxHeader = 1 + 2 + 1 + maxDigits + 1 + 4 + 1 + 4 + 1 + 1
)

// frame is one frame taken apart. Its slices are views of the input.
type frame struct {
	maker, id, index []byte // index is nil where there is none
	length           int    // LEN as sent
	content          []byte
	word             []byte // of the content, up to its first comma
	data             []byte // behind it
}

type answer uint8

const (
	no answer = iota
	yes
	open // more bytes may tell
)

// header reads what stands in front of the content and returns its size.
func (f *frame) header(b []byte) (n int, is answer) {
	if len(b) == 0 {
		return 0, open
	}
	if b[0] != '[' {
		return 0, no
	}
	for i := 1; i < 3; i++ {
		if i >= len(b) {
			return 0, open
		}
		if x := b[i]; (x < '0' || x > '9') && (x|0x20 < 'a' || x|0x20 > 'z') {
			return 0, no
		}
	}
	if len(b) == 3 {
		return 0, open
	}
	if b[3] != '*' {
		return 0, no
	}
	at := 4
	for at < len(b) && b[at] >= '0' && b[at] <= '9' && at-4 <= maxDigits {
		at++
	}
	switch {
	case at-4 > maxDigits:
		return 0, no
	case at == len(b):
		return 0, open
	case b[at] != '*' || at-4 < minDigits:
		return 0, no
	}
	f.maker, f.id = b[1:3], b[4:at]
	length, is := four(b[at+1:])
	if is != yes {
		return 0, is
	}
	first := b[at+1 : at+5]
	at += 6
	f.index, f.length = nil, int(length)
	length, is = four(b[at:])
	if is == yes {
		f.index, f.length = first, int(length)
		at += 5
	}
	if is == open {
		return 0, open
	}
	return at, yes
}

// four reads four hex digits and a star.
func four(b []byte) (v uint16, is answer) {
	for i := range 4 {
		if i >= len(b) {
			return 0, open
		}
		d, ok := protocols.HexDigit(b[i])
		if !ok {
			return 0, no
		}
		v = v<<4 | uint16(d)
	}
	if len(b) == 4 {
		return 0, open
	}
	if b[4] != '*' {
		return 0, no
	}
	return v, yes
}

// cut takes the first frame off b. What it decides on a prefix holds for every longer one; n is 0 while more bytes are needed. With
// final, b is all there will ever be.
func cut(f *frame, b []byte, final bool) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	head, is := f.header(b)
	switch {
	case is == open && !final:
		return 0, nil
	case is != yes:
		return garbage(b)
	}
	end, size, found := f.end(b, head, final)
	switch found {
	case no:
		return garbage(b)
	case open:
		return 0, nil
	}
	if size < 0 {
		return -size, fmt.Errorf("watch: a frame begins within another: %w", protocols.ErrMalformed)
	}
	f.content = b[head:end]
	f.word, f.data, _ = bytes.Cut(f.content, []byte(","))
	return size, nil
}

// garbage passes over the bytes up to the next bracket.
func garbage(b []byte) (int, error) {
	n := len(b)
	if next := bytes.IndexByte(b[1:], '['); next >= 0 {
		n = next + 1
	}
	return n, fmt.Errorf("watch: %w", protocols.ErrGarbage)
}

// limit is the longest content, by its first word.
func limit(content []byte) int {
	word, _, ok := bytes.Cut(content[:min(len(content), 8)], []byte(","))
	if !ok {
		return maxText
	}
	switch string(word) {
	case "TK", "TK2", "JXTK", "img":
		return maxMedia
	}
	return maxText
}

// end finds the end of the content that begins at head, and the size of the frame. The frame ends where its brackets close, or with a bracket
// where LEN says; a name within may hold a bracket that nothing closes. A frame that begins within another ends that, as well it can: the size
// is negative where the one before has no end.
func (f *frame) end(b []byte, head int, final bool) (end, size int, found answer) {
	longest, depth, said := limit(b[head:]), 1, head+f.length
	for at := head; ; {
		i := nextBracket(b[at:])
		if i < 0 || at+i-head > longest {
			break
		}
		at += i
		if b[at] == ']' {
			if depth--; depth == 0 || at == said {
				return at, at + 1, yes
			}
			at++
			continue
		}
		if at > head {
			var inner frame
			switch _, is := inner.header(b[at:]); {
			case is == yes && b[at-1] == ']':
				return at - 1, at, yes
			case is == yes:
				return 0, -at, yes
			case is == open && !final:
				return 0, 0, open
			}
		}
		depth++
		at++
	}
	switch {
	case len(b)-head > longest:
		return 0, 0, no
	case !final:
		return 0, 0, open
	}
	if end = len(b); b[end-1] == ']' && end > head {
		end-- // of a frame with a bracket that nothing closes
	}
	return end, len(b), yes
}

// nextBracket is the offset of the first bracket, or -1.
func nextBracket(b []byte) int {
	closing := bytes.IndexByte(b, ']')
	if closing >= 0 {
		b = b[:closing]
	}
	if opening := bytes.IndexByte(b, '['); opening >= 0 {
		return opening
	}
	return closing
}

// escape is the first of two bytes that stand for one.
const escape = 0x7d

// escaped are the bytes that may not stand in binary content, by the second byte of their escape.
var escaped = [...]byte{1: 0x7d, 2: '[', 3: ']', 4: ',', 5: '*'}

// unescapedLen is the size of binary content without its escapes. False: there is an escape that is none.
func unescapedLen(b []byte) (int, bool) {
	n := len(b)
	for {
		at := bytes.IndexByte(b, escape)
		if at < 0 {
			return n, true
		}
		if at+1 == len(b) || b[at+1] == 0 || int(b[at+1]) >= len(escaped) {
			return 0, false
		}
		n--
		b = b[at+2:]
	}
}

// appendEscaped appends binary content as it goes into a frame.
func appendEscaped(dst, b []byte) []byte {
	for _, x := range b {
		if code := bytes.IndexByte(escaped[1:], x); code >= 0 {
			dst = append(dst, escape, byte(code+1))
		} else {
			dst = append(dst, x)
		}
	}
	return dst
}
