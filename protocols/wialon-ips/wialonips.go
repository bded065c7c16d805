// Package wialonips decodes Wialon IPS, versions 1.1, 2.0 and 2.1: the text protocol of many trackers, phones and retranslators.
//
// A packet, over TCP and over UDP, where the identity stands in front:
//
//	#TYPE#message CR LF
//	imei#TYPE#message CR LF          UDP, 1.1
//	2.0;imei#TYPE#message CR LF      UDP, 2.0
//	ff | length 2, little endian | zlib data that holds one or more packets
//
// From version 2.0 on a message ends in a checksum: CRC-16/ARC over the message up to and including the separator before it, in hex. The
// version is that of the login or of the UDP prefix. Types I and T are followed by as many raw bytes as their message says.
//
// An operator can say of a device, besides its zone, its unit and tolerate_checksum:
//
//	param_<name>=<attribute>     the parameter <name> is that attribute of the dictionary, as param_can3=fuel_l
//	param_<name>=<attribute>*<n> likewise, times a factor, as param_odo=odometer_m*1000
//	commands=plain               text commands go as plain lines, not as messages of type M
package wialonips

import (
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Wialon IPS as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "wialon-ips",
	Version:    1,
	TCP:        5039,
	UDP:        5039,
	MaxLogin:   4096,
	MaxFrame:   maxLine + maxBlock,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	version  byte // of the packet: '1', '2', or 0 where no login said it
	badCRC   bool
	parts    int // messages and records so far, of a frame that may hold many
}

// maxParts is the most packets and records that one frame may hold; a black box sends at most a few hundred.
const maxParts = 8192

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f, received: in.Received}
	if len(in.Bytes) > 0 && in.Bytes[0] == compressed {
		return c.block(in.Bytes, in.Final)
	}
	var p packet
	n, err := cut(&p, in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	if f.Notes != nil {
		p.note(f, in.Bytes[:n])
	}
	before := *s
	err = c.packet(&p)
	return n, c.settle(before, err)
}

// settle ends a frame: what is refused leaves the session as it was.
func (c *call) settle(before protocols.Session, err error) error {
	switch {
	case err != nil:
		*c.s = before
		c.f.Reply = c.f.Reply[:0]
		return err
	case c.badCRC && c.s.Options.TolerateChecksum:
		for i := range c.f.Events {
			c.f.Events[i].Bool("checksum_ok", false)
		}
	case c.badCRC:
		for i := range c.f.Events {
			c.f.Events[i].Device = c.s.Device // which the session is not to keep
		}
		*c.s = before
		return fmt.Errorf("wialon-ips: packet %s: %w", c.f.Type, protocols.ErrChecksum)
	}
	return nil
}

// packet reads one packet. An error refuses the frame.
func (c *call) packet(p *packet) error {
	if c.parts++; c.parts > maxParts {
		return fmt.Errorf("wialon-ips: more than %d packets: %w", maxParts, protocols.ErrMalformed)
	}
	c.f.Type = typeNames[string(p.kind)]
	c.version = loginVersion(c.s.State)
	if len(p.id) > 0 {
		c.version = p.version
		if c.s.Device != string(p.id) {
			c.s.Device = string(p.id)
		}
	}
	switch string(p.kind) {
	case "L":
		c.login(p.body)
	case "P":
		c.reply("#AP#")
	case "SD":
		c.data(p.body, "#ASD#")
	case "D":
		c.data(p.body, "#AD#")
	case "B":
		return c.blackBox(p.body)
	case "M":
		c.message(p.body)
	case "AM", "AUS", "AUC":
		c.answer(p)
	case "I":
		c.photo(p)
	case "IT":
		c.tachograph(p)
	case "T":
		c.tachographBlock(p)
	}
	return nil
}

// typeNames are the packets that a device sends, by their own names; all others count as unknown.
var typeNames = map[string]string{
	"L": "L", "P": "P", "SD": "SD", "D": "D", "B": "B", "M": "M", "AM": "AM", "AUS": "AUS", "AUC": "AUC", "I": "I", "IT": "IT", "T": "T",
}

// reply appends an answer.
func (c *call) reply(words string) {
	c.f.Reply = append(append(c.f.Reply, words...), '\r', '\n')
}

// replyNumber appends an answer that ends in a number.
func (c *call) replyNumber(words string, n int64) {
	c.f.Reply = strconv.AppendInt(append(c.f.Reply, words...), n, 10)
	c.f.Reply = append(c.f.Reply, '\r', '\n')
}
