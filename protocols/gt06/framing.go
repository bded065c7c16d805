package gt06

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	// maxFrame is the largest extended frame that LEN can name.
	maxFrame = 6 + 0xffff
	// maxExtended is the largest LEN taken seriously of an extended frame that carries no file.
	maxExtended = 8 << 10
	// maxLoose is how far behind a start marker with a wrong LEN the end of its frame is looked for.
	maxLoose = 1 << 10
	// maxEnds is how many stop bytes are tried as that end.
	maxEnds = 64
)

type form uint8

const (
	short form = iota
	extended
	bare // of the sibling protocol: no serial, no checksum
)

// message is one frame taken apart. Its slices are views of the input.
type message struct {
	form   form
	badCRC bool
	number byte
	serial uint16
	length int    // LEN as sent
	record []byte // number and INFO: what a repetition has in common
	info   []byte
}

func isStart(b []byte) bool { return b[0] == b[1] && (b[0] == 0x78 || b[0] == 0x79) }

func isStop(b []byte) bool { return b[0] == 0x0d && b[1] == 0x0a }

// next cuts the first frame off b. What it decides on a prefix holds for every longer one, so a stream means the same wherever
// it is cut; n is 0 while more bytes are needed. With final, b is all there will ever be. sendsBare says that the device is known to
// speak the sibling protocol.
func next(sendsBare bool, b []byte, final bool) (m message, n int, err error) {
	n, err = cut(&m, sendsBare, b, final)
	return m, n, err
}

// cut is next with its result in place: a message is large, and every frame comes this way.
func cut(m *message, sendsBare bool, b []byte, final bool) (n int, err error) {
	if len(b) < 5 {
		if len(b) >= 2 && !isStart(b) || len(b) == 1 && (final || b[0] != 0x78 && b[0] != 0x79) {
			return m.take(garbage(b, 1, final))
		}
		return m.take(wait(b, final)) // no frame is that short
	}
	if !isStart(b) {
		return m.take(garbage(b, 1, final))
	}
	head, length := 3, int(b[2])
	if b[0] == 0x79 {
		head, length = 4, int(b[2])<<8|int(b[3])
	}
	end := head + length // where the stop bytes belong
	if length == 0x78 && head == 3 && stray(b, end+2) {
		return m.take(garbage(b, 1, final))
	}
	if length < 5 || len(b) < end+2 || !isStop(b[end:]) {
		return m.take(irregular(sendsBare, b, head, length, final))
	}
	if protocols.X25.Sum(b[2:end-2]) != binary.BigEndian.Uint16(b[end-2:]) {
		return m.take(unverified(sendsBare, b, head, length, final))
	}
	m.set(b, head, length, end)
	return end + 2, nil
}

// take puts a result in place.
func (m *message) take(result message, n int, err error) (int, error) {
	*m = result
	return n, err
}

// stray tells whether the first of three start bytes is one too many: a verified frame begins with the second, and ends before the
// frame that the first would begin.
func stray(b []byte, n int) bool {
	return verified(b[1:]) == yes && 1+3+int(b[3])+2 < n
}

// whole is the frame whose stop bytes are at end.
func whole(b []byte, head, length, end int) (m message) {
	m.set(b, head, length, end)
	return m
}

// set makes m the frame whose stop bytes are at end.
func (m *message) set(b []byte, head, length, end int) {
	m.form = short
	if head == 4 {
		m.form = extended
	}
	m.number = b[head]
	m.serial = binary.BigEndian.Uint16(b[end-4:])
	m.length = length
	m.record = b[head : end-4]
	m.info = m.record[1:]
}

// bareFrame is the frame of the sibling protocol whose stop bytes are at end.
func bareFrame(b []byte, end int) (message, int, error) {
	return message{form: bare, number: b[3], length: int(b[2]), record: b[3:end], info: b[4:end]}, end + 2, nil
}

// wait asks for more bytes, or, when there will be none, gives up what is there.
func wait(b []byte, final bool) (message, int, error) {
	if !final || len(b) == 0 {
		return message{}, 0, nil
	}
	return message{}, len(b), fmt.Errorf("gt06: frame is cut off after %d bytes: %w", len(b), protocols.ErrMalformed)
}

// garbage passes over the bytes up to the first start marker at or behind from.
func garbage(b []byte, from int, final bool) (message, int, error) {
	n := from
	for n+1 < len(b) && !isStart(b[n:]) {
		n++
	}
	if n+1 == len(b) && (final || b[n] != 0x78 && b[n] != 0x79) {
		n++
	}
	return message{}, n, fmt.Errorf("gt06: %w", protocols.ErrGarbage)
}

// unverified reads a frame whose stop bytes are in place and whose checksum is wrong.
func unverified(sendsBare bool, b []byte, head, length int, final bool) (message, int, error) {
	end := head + length
	if head == 3 && (sendsBare && siblingNumber(b[3]) || b[3] == msgLogin && length == 0x0a) {
		return bareFrame(b, end) // LEN counts the number here
	}
	if protocols.X25.Sum(b[2:end]) == 0x0d0a {
		// The stop bytes are the checksum of a frame whose LEN leaves out the checksum.
		switch {
		case len(b) < end+4 && !final:
			return message{}, 0, nil
		case len(b) >= end+4 && isStop(b[end+2:]):
			return whole(b, head, length, end+2), end + 4, nil
		}
	}
	m := whole(b, head, length, end)
	m.badCRC = true
	return m, end + 2, nil
}

// irregular reads what LEN does not fit, or does not fit yet.
func irregular(sendsBare bool, b []byte, head, length int, final bool) (message, int, error) {
	end := head + length
	if head == 3 {
		if m, n, err, ok := siblingLogin(b, length, final); ok {
			return m, n, err
		}
	}
	if length >= 5 && !ruledOut(b, end) && (head == 3 || length <= maxExtended || large(b[4])) {
		if !final {
			return message{}, 0, nil
		}
		if len(b) >= end && protocols.X25.Sum(b[2:end-2]) == binary.BigEndian.Uint16(b[end-2:]) {
			return whole(b, head, length, end), len(b), nil // but for its stop bytes
		}
	}
	if head == 3 {
		if m, n, err, ok := siblingFrame(sendsBare, b, length, final); ok {
			return m, n, err
		}
	}
	// LEN without the checksum that nevertheless is there.
	if length >= 3 && end+4 <= maxLoose {
		switch {
		case len(b) < end+4 && !final:
			return message{}, 0, nil
		case len(b) >= end+4 && isStop(b[end+2:]) && protocols.X25.Sum(b[2:end]) == binary.BigEndian.Uint16(b[end:]):
			return whole(b, head, length, end+2), end + 4, nil
		}
	}
	return loose(b, head, length, final)
}

// ruledOut tells that the stop bytes are not at end, whatever follows.
func ruledOut(b []byte, end int) bool {
	return len(b) > end && b[end] != 0x0d || len(b) > end+1 && b[end+1] != 0x0a
}

// large tells whether messages of this number carry files.
func large(number byte) bool {
	return number == msgHeartbeat4G || number == msgMedia || number == msgFile
}

// loose looks for the end of a frame whose LEN is wrong: the first stop bytes with a matching checksum before them, or with a
// start marker behind them. A verified frame inside means that what is before it is garbage.
func loose(b []byte, head, length int, final bool) (message, int, error) {
	ends := 0
	for i := 1; i < maxLoose && ends < maxEnds; i++ {
		if i+1 >= len(b) {
			if !final {
				return message{}, 0, nil
			}
			return wait(b, final)
		}
		if isStart(b[i:]) {
			switch verified(b[i:]) {
			case yes:
				return garbage(b, i, final)
			case open:
				if !final {
					return message{}, 0, nil
				}
			}
			continue
		}
		if i < head+5 || !isStop(b[i:]) {
			continue
		}
		ends++
		if protocols.X25.Sum(b[2:i-2]) == binary.BigEndian.Uint16(b[i-2:]) {
			return whole(b, head, length, i), i + 2, nil
		}
		if len(b) < i+4 {
			if !final {
				return message{}, 0, nil
			}
			if len(b) > i+2 {
				continue
			}
		} else if !isStart(b[i+2:]) {
			continue
		}
		return message{}, i + 2, fmt.Errorf("gt06: LEN %d does not fit: %w", length, protocols.ErrMalformed)
	}
	return garbage(b, 1, final)
}

type answer uint8

const (
	no answer = iota
	yes
	open // more bytes may tell
)

// verified tells whether b starts with a frame that fits its LEN and its checksum.
func verified(b []byte) answer {
	head := 3
	if b[0] == 0x79 {
		head = 4
	}
	if len(b) < head {
		return open
	}
	length := int(b[2])
	if head == 4 {
		length = length<<8 | int(b[3])
	}
	end := head + length
	switch {
	case length < 5 || length > 2*maxLoose || ruledOut(b, end):
		return no
	case len(b) < end+2:
		return open
	case protocols.X25.Sum(b[2:end-2]) == binary.BigEndian.Uint16(b[end-2:]):
		return yes
	}
	return no
}
