package jt808

import "bytes"

// note names the parts of a frame that become no field: flags, header, check. raw is the frame as it came, in which what content holds may be escaped.
func (c *call) note(raw []byte) {
	start := 0
	for start < len(raw) && raw[start] == c.flag {
		start++
	}
	c.f.Note(raw[:start], "flag", "begins the frame")
	if end := bytes.LastIndexByte(raw, c.flag); end >= start {
		c.f.Note(raw[end:], "flag", "ends the frame")
	}
	flag := c.flag // c itself must not escape
	c.f.NoteLayer(c.content, func(i int) int { return wire(raw, flag, start, i) })
	part := func(from, to int, name, rule string) { c.f.Note(c.content[from:to], name, rule) }
	size := headerSize(c.content, c.flag)
	identity := 4
	if c.is2019() {
		part(4, 5, "version", "of the protocol, u8")
		identity = 5
	}
	serial := identity + len(c.identity)
	part(0, 2, "type", "message id, u16 big endian")
	part(identity, serial, "device", "BCD digits")
	if compact(c.id) {
		part(2, 4, "attributes", "bits of the compact message")
		part(serial, serial+1, "serial number", "u8; the answer repeats it")
	} else {
		part(2, 4, "attributes", "bits 9-0 length of the body, 12-10 encryption, 13 in parts, 14 2019 edition")
		part(serial, serial+2, "serial number", "u16 big endian; the answer repeats it")
		if c.parts > 0 {
			part(serial+2, serial+4, "fragments", "u16 big endian; parts of the message")
			part(serial+4, size, "fragment", "u16 big endian; number of the part, from 1")
		}
	}
	part(len(c.content)-1, len(c.content), "checksum", "exclusive or of all bytes between the flags, without escapes")
}

// wire is where in the frame as it came, from start on, the byte of the content stands that has an offset there.
func wire(raw []byte, flag byte, start, offset int) int {
	at := start
	for ; offset > 0 && at < len(raw); offset-- {
		if x := raw[at]; at+1 < len(raw) && (raw[at+1] == 1 || raw[at+1] == 2) &&
			(flag == flagStandard && x == 0x7d || flag == flagLock && (x == 0xe6 || x == 0x3e)) {
			at++
		}
		at++
	}
	return at
}

// noteItem names the head of an item.
func (c *call) noteItem(b []byte) {
	c.f.Note(b[:1], "item id", "decides what the value behind it is")
	c.f.Note(b[1:2], "length", "u8; of the value")
}
