package atrack

// note names what stands before the sequence in a packet.
func (c *call) note(p *outline, b []byte) {
	c.f.Note(b[:2], "prefix", "of the unit's packets, @P by default")
	if p.ascii {
		c.f.Note(b[2:3], "separator", "comma")
		c.f.Note(b[3:7], "checksum", "CRC-16/ARC of all behind it, in hex")
		c.f.Note(b[7:8], "separator", "comma")
		c.f.Note(b[8:p.body-1], "length", "decimal; of all behind it")
		return
	}
	c.f.Note(b[2:4], "checksum", "CRC-16/ARC of all behind it, u16 big endian")
	c.f.Note(b[4:6], "length", "u16 big endian; of what follows")
	c.f.Note(b[6:8], "sequence number", "u16 big endian; the answer repeats it")
}
