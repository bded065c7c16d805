package teltonika

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// notePacket names the parts of a packet of a TCP stream.
func notePacket(f *protocols.Frame, b []byte) {
	n := len(b)
	f.Note(b[:4], "preamble", "zero")
	f.Note(b[4:8], "length", "u32 big endian; codec to the second count")
	noteData(f, b[8:n-4])
	f.Note(b[n-4:], "checksum", "CRC-16/ARC of codec to the second count, u32 big endian")
}

// noteData names the frame of the data of a packet.
func noteData(f *protocols.Frame, data []byte) {
	if len(data) < 3 {
		return
	}
	f.Note(data[:1], "codec", "decides the layout of what follows")
	f.Note(data[1:2], "count", "u8; of records or messages")
	f.Note(data[len(data)-1:], "count", "u8; again, must be the same; the answer repeats it")
	if !isAVL(data[0]) && len(data) >= 8 {
		f.Note(data[2:3], "message type", "05 command, 06 answer, 11 refused; others are of the device")
		f.Note(data[3:7], "length", "u32 big endian; of the message")
	}
}

// noteChannel names the head of a channel packet, whose identity ends at end.
func noteChannel(f *protocols.Frame, b []byte, end int) {
	f.Note(b[:2], "length", "u16 big endian; of what follows")
	f.Note(b[2:4], "packet id", "u16 big endian; the answer repeats it")
	f.Note(b[4:5], "packet type", "0 wants an acknowledgement of its own")
	f.Note(b[5:6], "AVL packet id", "u8; the answer repeats it")
	f.Note(b[6:8], "length", "u16 big endian; of the IMEI")
	noteData(f, b[end:])
}

// note names the parts of a record, which its reader has accepted. The values of elements are fields.
func (r *recordReader) note(b []byte) {
	f := r.frame
	f.Note(b, "record", "AVL record")
	f.Note(b[8:9], "priority", "u8: 0 low, 1 high, 2 panic")
	size, at := 1, 25
	if r.codec != codec8 {
		size, at = 2, 26
	}
	f.Note(b[24:at], "event", "IO id of the element that caused the record; 0 none")
	if r.codec == codec16 {
		f.Note(b[26:27], "generation_type", "u8")
		at = 27
	}
	count := func(rule string) int {
		n, next := r.count(b, at)
		f.Note(b[at:next], "count", rule)
		at = next
		return n
	}
	count("of all elements")
	for width := 1; width <= 8; width *= 2 {
		for n := count(countRules[width]); n > 0; n-- {
			f.Note(b[at:at+size], "IO id", "decides which element the value behind it is")
			at += size + width
		}
	}
	switch {
	case r.codec == codec8E:
		for n := count("of elements of variable length"); n > 0; n-- {
			f.Note(b[at:at+2], "IO id", "decides which element the value behind it is")
			f.Note(b[at+2:at+4], "length", "u16 big endian; of the value")
			at += 4 + int(binary.BigEndian.Uint16(b[at+2:]))
		}
	case r.n16:
		for n := count("of elements of 16 bytes"); n > 0; n-- {
			f.Note(b[at:at+1], "IO id", "decides which element the value behind it is")
			at += 17
		}
	}
}

var countRules = map[int]string{1: "of elements of 1 byte", 2: "of elements of 2 bytes", 4: "of elements of 4 bytes", 8: "of elements of 8 bytes"}
