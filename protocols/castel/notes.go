package castel

// note names the parts of a packet around its content, whose id stands at an offset.
func (c *call) note(at int) {
	b := c.packet
	n := len(b)
	c.f.Note(b[:2], "start", "40 40, of MPIP 24 24")
	c.f.Note(b[2:4], "length", "u16 little endian; of the whole packet")
	if at == idAtVersion {
		c.f.Note(b[4:5], "version", "3 and 4 are OBD dongles, others trackers")
	}
	c.f.Note(b[at:at+idSize], "device", "text filled up with zeros")
	c.f.Note(b[at+idSize:at+idSize+2], "message type", "decides the layout of the content")
	c.f.Note(b[n-tailSize:n-tailSize+2], "checksum", "CRC-16/X.25 of all before it, u16 little endian")
	c.f.Note(b[n-tailSize+2:], "stop", "0d 0a")
}
