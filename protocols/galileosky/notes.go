package galileosky

import "github.com/trackgate/trackgate/protocols"

// notePacket names the frame around the data of a packet.
func notePacket(f *protocols.Frame, b []byte) {
	n := len(b)
	f.Note(b[:1], "header", "01 data, 07 photo, 08 compressed data")
	f.Note(b[1:3], "length", "u16 little endian, of the data; bit 15 marks an upload from the archive")
	f.Note(b[n-2:], "checksum", "CRC-16/Modbus of all before it, u16 little endian; the answer repeats it")
}
