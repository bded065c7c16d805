package xexun

import "github.com/trackgate/trackgate/protocols"

// noteBinary names the flags and the header of a binary frame whose content lies in raw, between them. What is escaped is not named: its bytes are not
// those of the content.
func noteBinary(f *protocols.Frame, b, raw, content []byte) {
	f.Note(b[:len(flag)], "flag", "fa af, begins the frame")
	if end := len(flag) + len(raw); end < len(b) {
		f.Note(b[end:], "flag", "fa af, ends the frame")
	}
	if len(raw) != len(content) {
		return
	}
	f.Note(raw[:2], "type", "of the message, u16 big endian")
	f.Note(raw[2:4], "index", "u16 big endian; the answer repeats it")
	f.Note(raw[4:12], "device", "BCD digits")
	f.Note(raw[12:14], "attributes", "bits 9-0 length of the payload")
	f.Note(raw[14:headerSize], "checksum", "of the payload, u16 big endian")
}
