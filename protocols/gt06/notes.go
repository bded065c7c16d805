package gt06

import "github.com/trackgate/trackgate/protocols"

// note names the parts of a frame of n bytes that become no field.
func (m *message) note(f *protocols.Frame, b []byte) {
	head := 3
	if m.form == extended {
		head = 4
	}
	f.Note(b[:2], "start", "78 78 short, 79 79 extended")
	f.Note(b[2:head], "length", "big endian; number to CRC, of the sibling number and content")
	f.Note(b[head:head+1], "type", "protocol number of the message")
	end := head + len(m.record)
	if m.form != bare {
		f.Note(b[end:end+2], "serial number", "u16 big endian; the answer repeats it")
		f.Note(b[end+2:end+4], "checksum", "CRC-16/X.25 of length to serial number, big endian")
		end += 4
	}
	f.Note(b[end:], "stop", "0d 0a")
}
