package calamp

import "github.com/trackgate/trackgate/protocols"

// noteHeader names the parts of the options and of the message header, which readHeader has accepted and which end at size.
func noteHeader(f *protocols.Frame, b []byte, size int) {
	if b[0]&optionsThere != 0 {
		f.Note(b[:1], "options", "mask of the options that follow, bit 7 set")
		at := 1
		for bit := range 7 {
			if b[0]>>bit&1 == 0 {
				continue
			}
			n := int(b[at])
			f.Note(b[at:at+1], "length", "u8; of the option")
			f.Note(b[at+1:at+1+n], optionNames[bit], "option of the header")
			at += 1 + n
		}
	}
	f.Note(b[size-4:size-3], "service", "0 unacknowledged, 1 acknowledged, 2 response")
	f.Note(b[size-3:size-2], "message type", "decides the layout of the body")
	f.Note(b[size-2:size], "sequence number", "u16 big endian; the answer repeats it")
}

var optionNames = [7]string{"mobile id", "mobile id type", "authentication", "routing", "forwarding", "response redirection", "options extension"}
