package watch

// note names the frame around the content of a frame of n bytes.
func (c *call) note(b []byte) {
	at := 4 + len(c.id)
	c.f.Note(b[:1], "start", "opening bracket")
	c.f.Note(b[1:3], "maker", "answers repeat it")
	c.f.Note(b[3:4], "separator", "star")
	c.f.Note(b[at:at+1], "separator", "star")
	at++
	if c.index != nil {
		c.f.Note(b[at:at+4], "index", "four hex digits; the answer repeats them")
		c.f.Note(b[at+4:at+5], "separator", "star")
		at += 5
	}
	c.f.Note(b[at:at+4], "length", "four hex digits; of the content")
	c.f.Note(b[at+4:at+5], "separator", "star")
	c.f.Note(c.word, "message type", "decides the layout of what follows")
	if last := len(b) - 1; b[last] == ']' {
		c.f.Note(b[last:], "stop", "closing bracket")
	}
}
