package t800x

// note names the parts of a packet's head.
func (c *call) note() {
	b := c.packet
	c.f.Note(b[:2], "start", "23 23, 25 25, 26 26 or 27 27 by the family of the model")
	c.f.Note(b[2:3], "type", "of the packet")
	c.f.Note(b[3:5], "length", "u16 big endian; of the whole packet")
	c.f.Note(b[5:7], "serial number", "u16 big endian; the answer repeats it")
	c.f.Note(b[7:headSize], "device", "15 digits of BCD behind a zero")
}
