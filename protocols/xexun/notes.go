package xexun

import "github.com/trackgate/trackgate/protocols"

// noteBinary names the flags and the header of a binary frame whose content lies in raw, between them.
func noteBinary(f *protocols.Frame, b, raw, content []byte) {
	f.Note(b[:len(flag)], "flag", "fa af, begins the frame")
	if end := len(flag) + len(raw); end < len(b) {
		f.Note(b[end:], "flag", "fa af, ends the frame")
	}
	f.NoteLayer(content, func(i int) int { return len(flag) + wire(raw, i) })
	f.Note(content[:2], "type", "of the message, u16 big endian")
	f.Note(content[2:4], "index", "u16 big endian; the answer repeats it")
	f.Note(content[4:12], "device", "BCD digits")
	f.Note(content[12:14], "attributes", "bits 9-0 length of the payload")
	f.Note(content[14:headerSize], "checksum", "of the payload, u16 big endian")
}

// wire is where in raw the byte of the content stands that has an offset there. Of two bytes escaped as three, the second is the last of the three.
func wire(raw []byte, offset int) int {
	at := 0
	for offset > 0 && at < len(raw) {
		if raw[at] == escape0 && at+2 < len(raw) && raw[at+1] == escape1 {
			if offset == 1 {
				return at + 2
			}
			at, offset = at+3, offset-2
			continue
		}
		at, offset = at+1, offset-1
	}
	return at
}
