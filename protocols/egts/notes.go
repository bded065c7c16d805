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

// noteRecord names the parts of the record that b begins with and the heads of its subrecords. Behind it, rest follows.
func noteRecord(f *protocols.Frame, b, rest []byte, rec *record) {
	if !rec.cut {
		f.Note(b[:len(b)-len(rest)], "record", "header and subrecords")
	}
	f.Note(b[:2], "length", "u16 little endian; of the subrecords")
	f.Note(b[2:4], "record number", "u16 little endian; the answer repeats it")
	f.Note(b[4:5], "flags", "bits 4-3 priority, 2 time, 1 event and 0 object are there")
	at := 5
	for _, part := range recordOptions {
		if rec.flags&part.flag != 0 {
			f.Note(b[at:at+4], part.name, part.rule)
			at += 4
		}
	}
	f.Note(b[at:at+1], "source service", "decides what the subrecords are")
	f.Note(b[at+1:at+2], "recipient service", "the service that the record is for")
	for data := rec.data; len(data) > 0; {
		_, _, behind, ok := nextSub(data)
		if !ok {
			return
		}
		f.Note(data[:1], "subrecord type", "decides the layout of its data")
		f.Note(data[1:3], "length", "u16 little endian; of the subrecord's data")
		data = behind
	}
}

// recordOptions are the numbers of a record that its flags announce, in their order.
var recordOptions = [...]struct {
	flag       byte
	name, rule string
}{
	{recordObject, "object", "u32 little endian; whose the record is"},
	{recordEvent, "event", "u32 little endian; number of the event"},
	{recordTime, "record time", "u32 little endian; seconds since 2010"},
}
