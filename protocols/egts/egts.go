// Package egts decodes EGTS, the protocol of ERA-GLONASS terminals and of the platforms that pass their data on (GOST R 54619): positions,
// sensors, counters, identification and answers to commands.
//
// A packet, integers little endian:
//
//	version 1 | key 1 | flags 1 | header length 1 | encoding 1 | data length 2 | packet number 2 | type 1 |
//	[sender 2 | recipient 2 | time to live 1] | CRC-8 1 | data | CRC-16 2 of the data, none without data
//
// The data of a packet of type 1 is records, one behind the other; see record.
//
// An operator can say of a device, besides tolerate_checksum:
//
//	ignition=source      the cause of a record tells the ignition: 0, timer while it is on, and 5, timer while it is off
//	ignition=1 ... 8     this digital input is the ignition
//	result_code=7        the terminal expects the result of its login as subrecord 7 of the standard's first draft, not 9
package egts

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is EGTS as the gateway serves it. A platform that passes records on does not log in first, so a first packet may be of any size.
var Protocol = protocols.Protocol{
	Name:       "egts",
	Version:    1,
	TCP:        5143,
	MaxLogin:   maxPacket,
	MaxFrame:   maxPacket,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Sizes.
const (
	headerSize = 11
	routedSize = 16 // of a header with the addresses of sender and recipient
	sumSize    = 2
	maxData    = 65517
	maxPacket  = 65535
)

// version is the first byte of every packet.
const version = 1

// Bits of the flags.
const (
	flagPrefix     = 0xc0 // 0 in this version
	flagEncrypted  = 0x18
	flagCompressed = 0x04
	flagPriority   = 0x03
)

// Types of packets.
const (
	typeResponse = 0
	typeData     = 1
	typeSigned   = 2
)

// Result codes of packets and records.
const (
	resultOK         = 0
	resultDecryption = 129
	resultFormat     = 132
	resultType       = 133
	resultDenied     = 151
	resultNoID       = 153
)

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	bad := false
	switch header(b) {
	case protocols.No:
		if bad = in.Final && onlySumWrong(b); !bad {
			return resync(b), fmt.Errorf("egts: %w", protocols.ErrGarbage)
		}
	case protocols.More:
		if in.Final {
			return len(b), fmt.Errorf("egts: header is cut off after %d bytes: %w", len(b), protocols.ErrMalformed)
		}
		return 0, nil
	}
	n := packetSize(b)
	if len(b) < n {
		if in.Final {
			return len(b), fmt.Errorf("egts: packet is cut off after %d of %d bytes: %w", len(b), n, protocols.ErrMalformed)
		}
		return 0, nil
	}
	data := b[b[3]:n]
	if len(data) > 0 {
		data = data[:len(data)-sumSize]
		bad = bad || protocols.CCITT(protocols.CCITTStart, data) != binary.LittleEndian.Uint16(b[n-sumSize:])
	}
	c := call{s: s, f: f, received: in.Received, flags: b[2], packet: binary.LittleEndian.Uint16(b[7:]), bad: bad}
	if f.Notes != nil {
		notePacket(f, b[:n])
	}
	before := *s
	c.message(b[9], data)
	if s.Device != before.Device {
		c.refuse()
	}
	if bad && !s.Options.TolerateChecksum {
		for i := range f.Events {
			if f.Events[i].Device == "" {
				f.Events[i].Device = s.Device
			}
		}
		*s = before
		return n, fmt.Errorf("egts: packet %d: %w", c.packet, protocols.ErrChecksum)
	}
	if bad {
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
	}
	return n, nil
}

// header judges whether b begins with a header; its CRC-8 makes it sure.
func header(b []byte) protocols.Verdict {
	if v := headerShape(b); v != protocols.Sure {
		return v
	}
	if end := int(b[3]) - 1; crc8(b[:end]) != b[end] {
		return protocols.No
	}
	return protocols.Sure
}

// headerShape is header without the CRC-8.
func headerShape(b []byte) protocols.Verdict {
	switch {
	case len(b) > 0 && b[0] != version,
		len(b) > 2 && b[2]&flagPrefix != 0,
		len(b) > 3 && b[3] != headerSize && b[3] != routedSize,
		len(b) > 4 && b[4] != 0,
		len(b) > 6 && binary.LittleEndian.Uint16(b[5:]) > maxData:
		return protocols.No
	case len(b) < headerSize || len(b) < int(b[3]):
		return protocols.More
	}
	return protocols.Sure
}

// packetSize is the length of a packet that begins with this header.
func packetSize(b []byte) int {
	n := int(binary.LittleEndian.Uint16(b[5:]))
	if n > 0 {
		n += sumSize
	}
	return int(b[3]) + n
}

// onlySumWrong tells whether b is one packet in all but the CRC-8 of its header. In a stream nothing else tells where such a packet ends.
func onlySumWrong(b []byte) bool {
	if headerShape(b) != protocols.Sure {
		return false
	}
	n := packetSize(b)
	return n == len(b) && (n == int(b[3]) ||
		protocols.CCITT(protocols.CCITTStart, b[b[3]:n-sumSize]) == binary.LittleEndian.Uint16(b[n-sumSize:]))
}

// resync is where behind its first byte b may go on with a packet.
func resync(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == version && header(b[i:]) != protocols.No {
			return i
		}
	}
	return len(b)
}

// call is what the readers of one packet share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	flags    byte
	packet   uint16 // its number
	bad      bool   // a checksum is wrong

	login  bool   // the packet held a TERM_IDENTITY
	result byte   // of that
	number uint16 // of that record
	named  bool   // a record of the packet has told its object
	object uint32 // that of the last record that told
	other  string // object in words, where it is not the session's device
	known  uint32 // the object that other is of
}

// message reads the data of a packet and prepares the answer.
func (c *call) message(kind byte, data []byte) {
	switch {
	case c.flags&flagEncrypted != 0:
		c.f.Type = "encrypted"
		c.f.Reply = c.appendAnswer(c.f.Reply, nil, resultDecryption)
		return
	case c.flags&flagCompressed != 0:
		c.f.Type = "compressed"
		c.f.Reply = c.appendAnswer(c.f.Reply, nil, resultFormat)
		return
	}
	switch kind {
	case typeResponse: // packet answered 2, result 1, records; no answer to an answer
		c.f.Type = "response"
		if len(data) > 3 {
			c.records(data[3:])
		}
	case typeData:
		c.f.Type = "data"
		c.data(data)
	case typeSigned: // length of the signature 2, signature, records
		c.f.Type = "signed"
		r := protocols.NewReader(data)
		r.Skip(int(r.U16LE()))
		if r.Err() != nil {
			c.f.Reply = c.appendAnswer(c.f.Reply, nil, resultFormat)
			return
		}
		c.data(r.Rest())
	default:
		c.f.Type = "unknown"
		c.f.Reply = c.appendAnswer(c.f.Reply, nil, resultType)
	}
}

// data reads records and answers them.
func (c *call) data(b []byte) {
	if c.records(b) == 0 && len(b) > 0 {
		c.f.Reply = c.appendAnswer(c.f.Reply, nil, resultFormat)
		return
	}
	c.f.Reply = c.appendAnswer(c.f.Reply, b, resultOK)
	if c.login {
		c.f.Type = "identification"
		c.f.Reply = c.appendResult(c.f.Reply, c.result)
	}
}

// refuse prepares what a device gets that is not accepted: of its login, the result; of data, no word about a record.
func (c *call) refuse() {
	if !c.login {
		c.f.Refuse = c.appendAnswer(c.f.Refuse, nil, resultDenied)
		return
	}
	c.f.Refuse = c.appendAnswer(c.f.Refuse, nil, resultOK)
	c.f.Refuse = c.appendResult(c.f.Refuse, resultDenied)
}
