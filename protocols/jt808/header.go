package jt808

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	attrParts     = 1 << 13 // the message is sent in parts
	attrVersion   = 1 << 14 // a version byte follows, and the identity has ten bytes
	attrWantsAck  = 1 << 15 // in messages 0x55xx
	attrEncrypted = 7 << 10
)

// header is what stands before the body.
type header struct {
	id         uint16
	attributes uint16
	version    byte // of the 2019 edition on; 0: an older header
	identity   []byte
	serial     uint16
	parts      uint16 // 0: not in parts
	part       uint16 // from 1
}

// compact tells whether messages of this id have a serial number of one byte, and attribute bits of their own.
func compact(id uint16) bool { return id>>8 == 0x55 }

// headerSize is the size of the header that begins with these four bytes.
func headerSize(b []byte, flag byte) int {
	id, attributes := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	size := 12
	if compact(id) {
		return 11
	}
	switch {
	case attributes&attrVersion != 0:
		size = 17
	case flag == flagLock:
		size = 13
	}
	if attributes&attrParts != 0 {
		size += 4
	}
	return size
}

// sizeOf is the size of content as its header has it, check included.
func sizeOf(b []byte, flag byte) int {
	return headerSize(b, flag) + int(binary.BigEndian.Uint16(b[2:])&maxBody) + 1
}

// head reads the header and divides what follows it.
func (c *call) head() error {
	b := c.content
	size := headerSize(b, c.flag)
	if len(b) < size+1 {
		return fmt.Errorf("jt808: frame of %d bytes: %w", len(b), protocols.ErrMalformed)
	}
	c.id, c.attributes = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	at, width := 4, 6
	switch {
	case compact(c.id):
	case c.attributes&attrVersion != 0:
		c.version = b[4]
		at, width = 5, 10
	case c.flag == flagLock:
		width = 7
	}
	c.identity = b[at : at+width]
	at += width
	if compact(c.id) {
		c.serial = uint16(b[at])
	} else {
		c.serial = binary.BigEndian.Uint16(b[at:])
		if c.attributes&attrParts != 0 {
			c.parts, c.part = binary.BigEndian.Uint16(b[at+2:]), binary.BigEndian.Uint16(b[at+4:])
		}
	}
	c.body = b[size : len(b)-1]
	// Firmware exists that declares too little, and such that sends more than the ten bits can say.
	if n := int(c.attributes & maxBody); n < len(c.body) && len(c.body)&maxBody != n {
		c.body, c.surplus = c.body[:n], c.body[n:]
	}
	return nil
}

// encrypted tells whether the body can not be read: no key is ever known here.
func (c *call) encrypted() bool { return c.attributes&attrEncrypted != 0 && !compact(c.id) }

// is2019 tells whether the header is of the 2019 edition.
func (c *call) is2019() bool { return c.attributes&attrVersion != 0 && !compact(c.id) }
