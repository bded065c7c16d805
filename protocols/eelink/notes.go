package eelink

// notePackage names the head of a package.
func (c *call) notePackage(b []byte) {
	c.f.Note(b[:2], "start", "67 67")
	c.f.Note(b[2:3], "message type", "PID, decides the layout of the content")
	c.f.Note(b[3:5], "length", "u16 big endian; of what follows")
	c.f.Note(b[5:packageHead], "sequence number", "u16 big endian; the answer repeats it")
}

// noteDatagram names the header of a datagram.
func (c *call) noteDatagram(b []byte) {
	c.f.Note(b[:2], "start", "EL")
	c.f.Note(b[2:4], "length", "u16 big endian; of what follows")
	c.f.Note(b[4:6], "checksum", "sum of what follows, rotated left by a bit before each byte, u16 big endian")
	c.f.Note(b[6:datagramHead], "device", "15 digits of BCD behind a zero")
}
