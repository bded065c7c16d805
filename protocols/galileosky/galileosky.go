// Package galileosky decodes the tag protocol of Galileosky units, over TCP and in the messages of their Iridium modems.
//
// A packet, little endian throughout:
//
//	header 1 | length 2 | data | crc 2
//
// Bit 15 of the length says that records still wait in the unit's archive. The checksum is CRC-16/MODBUS over all before it. The unit repeats a packet
// until it is answered with its own checksum.
//
// An operator can say of a device:
//
//	ignition=in<n>       the ignition is wired to input n, from 1
//	ignition=status      bit 9 of the status word is the ignition
//	sos=status           bit 15 of the status word is the panic button
//	engine_output=<n>    output n stops the engine
package galileosky

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Galileosky as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "galileosky",
	Version:    1,
	TCP:        5034,
	MaxLogin:   4096,
	MaxFrame:   frameSize + maxLength,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Headers of packets.
const (
	headerData       = 0x01
	headerAnswer     = 0x02
	headerOther5     = 0x05
	headerGarmin     = 0x06
	headerPhoto      = 0x07
	headerCompressed = 0x08
	headerOther9     = 0x09
)

// Framing.
const (
	frameSize   = 5 // header, length and checksum
	maxLength   = 0x7fff
	archiveFlag = 0x8000
)

// typeNames label the metrics.
var typeNames = map[byte]string{
	headerData: "data", headerPhoto: "photo", headerCompressed: "compressed", headerGarmin: "garmin", headerOther5: "other", headerOther9: "other",
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	device   string // identity so far
	stored   bool   // the packet comes from the archive
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) == 0 {
		return 0, nil
	}
	c := call{s: s, f: f, received: in.Received, device: s.Device}
	name, ok := typeNames[b[0]]
	if !ok {
		return 0, fmt.Errorf("galileosky: header %#02x: %w", b[0], protocols.ErrGarbage)
	}
	if len(b) >= iridiumMark && isIridium(b) {
		return c.iridium(b, in.Final)
	}
	var n int
	if len(b) >= 3 {
		n = frameSize + int(binary.LittleEndian.Uint16(b[1:])&^archiveFlag)
	}
	switch {
	case len(b) == frameSize && b[3] == 0x01 && b[4] == 0x00 && !in.Final:
		return 0, nil // an Iridium message perhaps; as a packet without data it would have another checksum
	case n > 0 && len(b) >= n:
	case in.Final:
		return len(b), fmt.Errorf("galileosky: packet is cut off after %d bytes: %w", len(b), protocols.ErrMalformed)
	default:
		return 0, nil
	}
	f.Type = name
	c.stored = b[2]&(archiveFlag>>8) != 0
	data, crc := b[3:n-2], b[n-2:n]
	if f.Notes != nil {
		notePacket(f, b[:n])
	}
	c.packet(b[0], data)
	switch b[0] {
	case headerData, headerCompressed:
		f.Reply = append(f.Reply, headerAnswer, crc[0], crc[1])
	case headerPhoto:
		f.Reply = append(f.Reply, headerPhoto, crc[0], crc[1])
	}
	if protocols.Modbus.Sum(b[:n-2]) != binary.LittleEndian.Uint16(crc) {
		if !s.Options.TolerateChecksum {
			return n, fmt.Errorf("galileosky: packet %s: %w", f.Type, protocols.ErrChecksum)
		}
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
	}
	s.Device = c.device
	return n, nil
}

// packet reads the data of a packet.
func (c *call) packet(header byte, data []byte) {
	switch header {
	case headerData:
		c.records(data)
	case headerCompressed:
		c.compressed(data)
	case headerPhoto:
		c.f.Media = max(0, len(data)-1) // behind the number of the part; a part without data ends the photo
	default:
		if len(data) > 0 {
			e := c.f.Add(protocols.Status)
			e.Device, e.FP = c.device, protocols.Fingerprint(data)
			e.Int("type", int64(header))
			e.Text("raw", hexText(data))
		}
	}
}
