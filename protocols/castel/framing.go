package castel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Sizes and places.
const (
	idSize      = 20
	idAtVersion = 5 // where the id stands behind a version
	idAtMPIP    = 4
	tailSize    = 4    // CRC and line end
	minFrame    = 30   // MPIP's without content; with a version one more
	maxFrame    = 2048 // of the document
)

// idAt is where the id stands.
func idAt(b []byte) int {
	if b[0] == '@' {
		return idAtVersion
	}
	return idAtMPIP
}

// plausible judges the start of a packet by its head: its length, or 0 and whether more bytes may tell.
func plausible(b []byte) (n int, maybe bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0] != '@' && b[0] != '$' || len(b) > 1 && b[1] != b[0] {
		return 0, false
	}
	at := idAt(b)
	if len(b) >= 4 {
		n = int(binary.LittleEndian.Uint16(b[2:]))
		if n < minFrame-idAtMPIP+at || n > maxFrame {
			return 0, false
		}
	}
	if len(b) > at && !plausibleID(b[at:min(len(b), at+idSize)]) {
		return 0, false
	}
	if len(b) < at+idSize+2 {
		return 0, true
	}
	return n, false
}

// plausibleID tells whether b is the start of an id: one or more printable characters, and zeros.
func plausibleID(b []byte) bool {
	end := false
	for i, x := range b {
		switch {
		case x == 0 && i > 0:
			end = true
		case x <= ' ' || x > '~' || end:
			return false
		}
	}
	return true
}

// readID is an id without its zeros.
func readID(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// cut finds the end of the packet at the start of b by its length, or passes over what is no packet.
func cut(b []byte, final bool) (int, error) {
	n, maybe := plausible(b)
	switch {
	case n > 0 && len(b) >= n && b[n-2] == '\r' && b[n-1] == '\n':
		return n, nil
	case n > 0 && len(b) >= n: // another's end: no packet
	case (n > 0 || maybe) && !final:
		return 0, nil
	case n > 0:
		return len(b), fmt.Errorf("castel: packet is cut off: %w", protocols.ErrMalformed)
	}
	i := 1
	for ; i < len(b); i++ {
		n, maybe := plausible(b[i:])
		whole := n > 0 && len(b)-i >= n
		if whole && b[i+n-2] == '\r' && b[i+n-1] == '\n' || !whole && (n > 0 || maybe && !final) {
			break
		}
	}
	return i, fmt.Errorf("castel: %w", protocols.ErrGarbage)
}

// appendPacket appends a packet with the header, version and id of head.
func appendPacket(b, head []byte, kind uint16, content []byte) []byte {
	start := len(b)
	b = append(b, head...)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = append(b, content...)
	binary.LittleEndian.PutUint16(b[start+2:], uint16(len(b)-start+tailSize))
	b = binary.LittleEndian.AppendUint16(b, protocols.X25.Sum(b[start:]))
	return append(b, '\r', '\n')
}
