package meiligao

import "github.com/trackgate/trackgate/protocols"

// note names the frame around the data.
func (m *message) note(f *protocols.Frame, b []byte) {
	end := headSize + len(m.data)
	f.Note(b[:2], "start", "$$, of some clones @@")
	f.Note(b[2:4], "length", "u16 big endian; of the whole frame")
	f.Note(b[4:11], "device", "digits of BCD filled up with F")
	f.Note(b[11:13], "command", "decides the layout of the data")
	f.Note(b[end:end+2], "checksum", "CRC-16/CCITT-FALSE of all before it, u16 big endian")
	f.Note(b[end+2:], "stop", "CR LF")
}
