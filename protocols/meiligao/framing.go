package meiligao

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	minFrame = 17
	maxFrame = 2048
	maxPhoto = 4096 // a frame with part of a photo
	headSize = 13   // up to the data
)

// message is one frame taken apart. Its slices are views of the input.
type message struct {
	id      []byte
	command uint16
	data    []byte
	badCRC  bool
}

var (
	errGarbage = fmt.Errorf("meiligao: no frame: %w", protocols.ErrGarbage)
	errCut     = fmt.Errorf("meiligao: frame is cut off: %w", protocols.ErrMalformed)
)

// isStart tells whether a frame can begin with b: $$ or @@.
func isStart(b []byte) bool { return b[0] == b[1] && (b[0] == '$' || b[0] == '@') }

// garbage is the number of bytes before the next place where a frame may begin.
func garbage(b []byte) int {
	n := 1
	for n < len(b) && b[n] != '$' && b[n] != '@' {
		n++
	}
	return n
}

// limitOf is the largest length of a frame, which is known once its command is there.
func limitOf(b []byte) int {
	if binary.BigEndian.Uint16(b[11:]) == cmdPhotoData {
		return maxPhoto
	}
	return maxFrame
}

// cut takes the first frame off b. What it decides on a prefix holds for every longer one.
func cut(m *message, b []byte, final bool) (int, error) {
	if len(b) >= 2 && !isStart(b) || b[0] != '$' && b[0] != '@' {
		return garbage(b), errGarbage
	}
	if len(b) < headSize {
		if final {
			return len(b), errGarbage
		}
		return 0, nil
	}
	size, limit := int(binary.BigEndian.Uint16(b[2:])), limitOf(b)
	if size > limit {
		return 2, errGarbage
	}
	if size >= minFrame {
		switch {
		case len(b) >= size && b[size-2] == '\r' && b[size-1] == '\n':
			m.take(b, size-4)
			return size, nil
		case len(b) < size && !final:
			return 0, nil
		case len(b) >= size-2 && len(b) < size && !bytes.HasSuffix(b, []byte("\r\n")):
			m.take(b, size-4)
			return len(b), nil // the line end is cut off
		}
	}
	return search(m, b, limit, final)
}

// maxEnds is how many line ends are tried as the end of a frame whose length is wrong.
const maxEnds = 16

// search finds the end of a frame whose length is wrong: the first line end whose CRC fits, or behind which another frame begins.
func search(m *message, b []byte, limit int, final bool) (int, error) {
	end := min(len(b), limit)
	tried := 0
	for at := minFrame - 2; at+1 < end && tried < maxEnds; at++ {
		if b[at] != '\r' || b[at+1] != '\n' {
			continue
		}
		tried++
		switch m.take(b, at-2); {
		case !m.badCRC, at+3 < end && isStart(b[at+2:]), at+2 == len(b) && final:
			return at + 2, nil
		case at+3 >= end && end < limit && !final:
			return 0, nil // what follows is not there yet
		}
	}
	switch {
	case tried == maxEnds || len(b) >= limit:
		return 2, errGarbage
	case final:
		return len(b), errCut
	}
	return 0, nil
}

// take fills m from a frame whose CRC is at offset at.
func (m *message) take(b []byte, at int) {
	m.id, m.command, m.data = b[4:11], binary.BigEndian.Uint16(b[11:]), b[headSize:at]
	m.badCRC = !fits(b, at)
}

// fits holds the CRC at offset at against the bytes before it. Clones that send a wrong length, or none, have the right one in their CRC,
// and those that begin with @@ have $$ in it.
func fits(b []byte, at int) bool {
	want := binary.BigEndian.Uint16(b[at:])
	size := at + 4
	for _, head := range [...][4]byte{{b[0], b[1], b[2], b[3]}, {'$', '$', byte(size >> 8), byte(size)}} {
		if protocols.CCITT(protocols.CCITT(protocols.CCITTStart, head[:]), b[4:at]) == want {
			return true
		}
	}
	return false
}

// appendFrame appends a frame of the server.
func appendFrame(b, id []byte, command uint16, data []byte) []byte {
	at := len(b)
	b = append(b, '@', '@')
	b = binary.BigEndian.AppendUint16(b, uint16(minFrame+len(data)))
	b = append(b, id...)
	b = binary.BigEndian.AppendUint16(b, command)
	b = append(b, data...)
	b = binary.BigEndian.AppendUint16(b, protocols.CCITT(protocols.CCITTStart, b[at:]))
	return append(b, '\r', '\n')
}
