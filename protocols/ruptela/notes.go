package ruptela

import "github.com/trackgate/trackgate/protocols"

// notePacket names the frame around the payload of a packet.
func notePacket(f *protocols.Frame, b []byte) {
	n := len(b)
	f.Note(b[:2], "length", "u16 big endian; IMEI to payload")
	f.Note(b[10:11], "command", "decides the layout of the payload")
	f.Note(b[n-2:], "checksum", "CRC-16/Kermit of IMEI to payload, u16 big endian")
}

// note names the parts of a record that are no values of parameters.
func (r *recordReader) note(f *protocols.Frame, b []byte) {
	f.Note(b, "record", "time, position and parameters")
	at, size := r.header(), r.idSize()
	for width := 1; width <= 8; width *= 2 {
		n := int(b[at])
		f.Note(b[at:at+1], "count", parameterCounts[width])
		at++
		for ; n > 0; n-- {
			f.Note(b[at:at+size], "parameter id", "decides what the value behind it is")
			at += size + width
		}
	}
}

var parameterCounts = map[int]string{1: "of parameters of 1 byte", 2: "of parameters of 2 bytes", 4: "of parameters of 4 bytes", 8: "of parameters of 8 bytes"}
