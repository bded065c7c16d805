package eelink

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/trackgate/trackgate/protocols"
)

// Sizes.
const (
	packageHead  = 7    // of a package, sequence included
	maxSize      = 4096 // of what the size field of a package counts
	datagramHead = 14
	maxFrame     = datagramHead + 5 + maxSize // a datagram with the longest package
)

// plausiblePackage judges the start of a package by its head: its length, or 0 and whether more bytes may tell.
func plausiblePackage(b []byte) (n int, maybe bool) {
	for i := 0; i < len(b) && i < 2; i++ {
		if b[i] != 0x67 {
			return 0, false
		}
	}
	switch {
	case len(b) > 2 && b[2]&^0x1f != 0 && b[2]&^0x0f != 0x80 || len(b) > 2 && b[2] == 0:
		return 0, false
	case len(b) > 3 && b[3] > maxSize>>8:
		return 0, false
	case len(b) < 5:
		return 0, true
	}
	size := int(binary.BigEndian.Uint16(b[3:]))
	if size < 2 || size > maxSize {
		return 0, false
	}
	return size + 5, false
}

// plausibleDatagram judges the header of a datagram likewise.
func plausibleDatagram(b []byte) (n int, maybe bool) {
	const magic = "EL"
	for i := 0; i < len(b) && i < len(magic); i++ {
		if b[i] != magic[i] {
			return 0, false
		}
	}
	if len(b) >= 4 {
		if n = int(binary.BigEndian.Uint16(b[2:])) + 4; n <= datagramHead || n > maxFrame {
			return 0, false
		}
	}
	for i := 6; i < min(len(b), datagramHead); i++ {
		if b[i]>>4 > 9 || b[i]&15 > 9 || i == 6 && b[i]>>4 != 0 {
			return 0, false
		}
	}
	if len(b) < datagramHead {
		return 0, true
	}
	return n, false
}

// plausible judges the start of a frame of either form.
func plausible(b []byte) (n int, maybe bool) {
	switch {
	case len(b) == 0:
		return 0, true
	case b[0] == 'E':
		return plausibleDatagram(b)
	}
	return plausiblePackage(b)
}

// cut finds the end of the frame at the start of b, or passes over what is no frame.
func cut(b []byte, final bool) (int, error) {
	n, maybe := plausible(b)
	switch {
	case n > 0 && len(b) >= n:
		return n, nil
	case (n > 0 || maybe) && !final:
		return 0, nil
	case n > 0:
		return len(b), fmt.Errorf("eelink: package is cut off: %w", protocols.ErrMalformed)
	}
	i := 1
	for ; i < len(b); i++ {
		if n, maybe := plausible(b[i:]); n > 0 || maybe && !final {
			break
		}
	}
	return i, fmt.Errorf("eelink: %w", protocols.ErrGarbage)
}

// checksum is that of a datagram: before each byte is added the sum is rotated left by one bit.
func checksum(b []byte) uint16 {
	var sum uint16
	for _, x := range b {
		sum = bits.RotateLeft16(sum, 1) + uint16(x)
	}
	return sum
}

// seal writes size and checksum into the header of a datagram.
func seal(b []byte) {
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
	binary.BigEndian.PutUint16(b[4:], checksum(b[6:]))
}

// readIMEI reads eight bytes of BCD, of which the first digit is padding; false when they are none, or all zero.
func readIMEI(b []byte) (imei [15]byte, ok bool) {
	if len(b) < 8 {
		return imei, false
	}
	var any byte
	for i := range imei {
		d := b[(i+1)/2]
		if i%2 == 1 {
			d >>= 4
		}
		d &= 15
		if d > 9 {
			return imei, false
		}
		any |= d
		imei[i] = '0' + d
	}
	return imei, any != 0
}
