package meitrack

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// note names the frame around the data.
func (m *message) note(f *protocols.Frame, b []byte) {
	comma := bytes.IndexByte(b, ',')
	imei := comma + 1 + len(m.imei)
	last := len(b)
	for last > 0 && (b[last-1] == '\r' || b[last-1] == '\n') {
		last--
	}
	star := last - 3
	f.Note(b[:2], "start", "$$")
	f.Note(b[2:3], "flag", "A to z, counts the frames")
	f.Note(b[3:comma], "length", "decimal; from the comma to the line end")
	f.Note(b[comma:comma+1], "separator", "comma")
	f.Note(b[imei:imei+1], "separator", "comma")
	f.Note(b[imei+1:imei+4], "command", "AAA and CCE are reports, others answers to commands")
	if b[imei+4] == ',' {
		f.Note(b[imei+4:imei+5], "separator", "comma")
	}
	f.Note(b[star:star+1], "separator", "asterisk, ends the data")
	f.Note(b[star+1:last], "checksum", "sum of all bytes up to the asterisk, in hex")
	f.Note(b[last:], "stop", "CR LF")
}
