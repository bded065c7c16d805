package protocols

import "encoding/binary"

// CRC16 is a reflected 16-bit CRC, eight bytes a step.
type CRC16 struct {
	init, out uint16
	table     [8][256]uint16 // table[k][x] is what x does to the sum k bytes later
}

// NewCRC16 makes a CRC from its reflected polynomial, its initial value and what the result is XORed with.
func NewCRC16(poly, init, out uint16) *CRC16 {
	c := &CRC16{init: init, out: out}
	for i := range 256 {
		v := uint16(i)
		for range 8 {
			if v&1 != 0 {
				v = v>>1 ^ poly
			} else {
				v >>= 1
			}
		}
		c.table[0][i] = v
	}
	for i := range 256 {
		for k := 1; k < len(c.table); k++ {
			v := c.table[k-1][i]
			c.table[k][i] = v>>8 ^ c.table[0][v&0xff]
		}
	}
	return c
}

// Sum is the checksum of b. All of a step but its first two bytes does not wait for the step before. Frames and answers of trackers are short, so what is
// left of them counts, too.
func (c *CRC16) Sum(b []byte) uint16 {
	v, t := c.init, &c.table
	for len(b) >= 8 {
		rest := t[5][b[2]] ^ t[4][b[3]] ^ t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		v ^= binary.LittleEndian.Uint16(b)
		v = t[7][v&0xff] ^ t[6][v>>8] ^ rest
		b = b[8:]
	}
	if len(b) >= 4 {
		rest := t[1][b[2]] ^ t[0][b[3]]
		v ^= binary.LittleEndian.Uint16(b)
		v = t[3][v&0xff] ^ t[2][v>>8] ^ rest
		b = b[4:]
	}
	if len(b) >= 2 {
		v ^= binary.LittleEndian.Uint16(b)
		v = t[1][v&0xff] ^ t[0][v>>8]
		b = b[2:]
	}
	if len(b) == 1 {
		v = v>>8 ^ t[0][byte(v)^b[0]]
	}
	return v ^ c.out
}

// The reflected CRCs that trackers use, by the names of the CRC catalogue.
var (
	X25    = NewCRC16(0x8408, 0xffff, 0xffff) // GT06, and many of its relatives: "CRC-ITU" in vendors' documents
	ARC    = NewCRC16(0xa001, 0x0000, 0x0000) // Teltonika, Ruptela and others: "CRC-16-IBM"
	Modbus = NewCRC16(0xa001, 0xffff, 0x0000)
	Kermit = NewCRC16(0x8408, 0x0000, 0x0000)
)

// CCITTStart is CCITT of no bytes.
const CCITTStart = 0xffff

// CCITT continues CRC-16/CCITT-FALSE: polynomial 1021, not reflected. It begins with CCITTStart.
func CCITT(v uint16, b []byte) uint16 {
	t := &ccittTable
	for len(b) >= 4 { // what does not wait for the step before comes first
		rest := t[1][b[2]] ^ t[0][b[3]]
		v ^= uint16(b[0])<<8 | uint16(b[1])
		v = t[3][v>>8] ^ t[2][v&0xff] ^ rest
		b = b[4:]
	}
	for _, x := range b {
		v = v<<8 ^ t[0][byte(v>>8)^x]
	}
	return v
}

var ccittTable = func() (t [4][256]uint16) {
	for i := range 256 {
		v := uint16(i) << 8
		for range 8 {
			if v&0x8000 != 0 {
				v = v<<1 ^ 0x1021
			} else {
				v <<= 1
			}
		}
		t[0][i] = v
	}
	for i := range 256 {
		for k := 1; k < len(t); k++ {
			v := t[k-1][i]
			t[k][i] = v<<8 ^ t[0][v>>8]
		}
	}
	return t
}()

// XOR is the exclusive or of all bytes.
func XOR(b []byte) byte {
	var v byte
	for _, x := range b {
		v ^= x
	}
	return v
}
