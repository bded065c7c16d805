package egts

import "github.com/trackgate/trackgate/protocols"

// notePacket names the header of a packet and what ends its data.
func notePacket(f *protocols.Frame, b []byte) {
	f.Note(b[:1], "version", "of the protocol, 1")
	f.Note(b[1:2], "key", "of the encryption")
	f.Note(b[2:3], "flags", "bits 7-6 prefix, 4-3 encryption, 2 compression, 1-0 priority")
	f.Note(b[3:4], "length", "u8; of the header")
	f.Note(b[4:5], "encoding", "of the header, 0")
	f.Note(b[5:7], "length", "u16 little endian; of the data")
	f.Note(b[7:9], "packet number", "u16 little endian; the answer repeats it")
	f.Note(b[9:10], "message type", "0 response, 1 data, 2 signed data")
	end := int(b[3])
	if end > headerSize {
		f.Note(b[headerSize-1:end-1], "route", "addresses and time to live")
	}
	f.Note(b[end-1:end], "checksum", "CRC-8 of the header")
	if n := len(b); n > end {
		f.Note(b[n-sumSize:], "checksum", "CRC-16/CCITT-FALSE of the data, u16 little endian")
	}
}
