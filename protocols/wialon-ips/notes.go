package wialonips

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// note names the parts of a packet that are not of its message.
func (p *packet) note(f *protocols.Frame, b []byte) {
	at := bytes.IndexByte(b, '#')
	if at < 0 {
		f.Note(b, "line end", "between packets")
		return
	}
	f.Note(b[at:at+1], "start", "number sign")
	f.Note(p.kind, "message type", "decides the layout of the message")
	at += 1 + len(p.kind)
	f.Note(b[at:at+1], "separator", "number sign")
	end := len(b) - len(p.binary)
	f.Note(b[at+1+len(p.body):end], "stop", "CR LF")
	f.Note(p.binary, "block", "part of a photo or a file; the journal keeps it")
}

// noteBlock names the frame of a compressed block.
func noteBlock(f *protocols.Frame, b []byte) {
	f.Note(b[:1], "start", "ff: compressed packets follow")
	f.Note(b[1:3], "length", "u16 little endian; of the compressed bytes")
	f.Note(b[3:], "packets", "compressed by zlib: lines of this protocol")
}
