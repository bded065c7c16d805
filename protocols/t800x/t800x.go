// Package t800x decodes the binary protocol of Topflytech's trackers: T8xxx and T880x, T8806+, TLW and TLD, the OBD units, and the asset
// and personal trackers. A packet, integers big endian:
//
//	header 2 | type 1 | length of all 2 | serial 2 | IMEI 8, BCD | body
//
// with header 2323, 2525, 2626 or 2727 by family. Coordinates are IEEE floats and cells words, both little endian; dates and several
// decimals are BCD. There is neither checksum nor end.
//
// An operator can say of a device, besides its model:
//
//	ack_positions=false   positions are not answered; alarms and all else are
//	password=<text>       of its commands, by default 123456
package t800x

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Topflytech's as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "t800x",
	Version:    1,
	TCP:        5063,
	UDP:        5063,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Headers, by family.
const (
	familyT8 = 0x23 // T8xxx, T880x
	familyTL = 0x25 // T8806+, TLW, TLD
	familyOB = 0x26 // OBD
	familyPE = 0x27 // asset and personal
)

// Types of message.
const (
	msgLogin     = 0x01
	msgPosition  = 0x02
	msgHeartbeat = 0x03
	msgAlarm     = 0x04
	msg05        = 0x05 // driver behaviour of OBD units, network of asset trackers
	msgAccel     = 0x06 // driver behaviour by acceleration
	msgBLE       = 0x10
	msgNetwork   = 0x11
	msgPosition2 = 0x13 // with extended inputs and outputs
	msgAlarm2    = 0x14
	msgCommand   = 0x81
)

var names = [256]string{msgLogin: "login", msgPosition: "position", msgHeartbeat: "heartbeat", msgAlarm: "alarm", msg05: "behaviour",
	msgAccel: "behaviour", msgBLE: "ble", msgNetwork: "network", msgPosition2: "position", msgAlarm2: "alarm", 0x15: "15", msgCommand: "command"}

// call is what the readers of one packet share.
type call struct {
	s      *protocols.Session
	f      *protocols.Frame
	family byte
	kind   byte
	packet []byte
	code   byte // of the alarm
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n, err := cut(in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	b := in.Bytes[:n]
	c := call{s: s, f: f, family: b[0], kind: b[2], packet: b}
	if f.Type = names[c.kind]; f.Type == "" {
		f.Type = "unknown"
	}
	imei := readIMEI(b[7:15])
	if s.Device != string(imei[:]) {
		s.Device = string(imei[:])
	}
	if st := families[c.family&7]; s.State != st {
		s.State = st
	}
	if f.Notes != nil {
		c.note()
	}
	c.read(b[headSize:])
	c.answer()
	return n, nil
}

// families are what State holds: the header of the device's packets, which commands repeat.
var families = [8]string{familyT8 & 7: "23", familyTL & 7: "25", familyOB & 7: "26", familyPE & 7: "27"}

// read reads the body of a packet.
func (c *call) read(b []byte) {
	r := protocols.NewReader(b)
	switch k := c.kind; {
	case k == msgLogin, k == msgHeartbeat:
	case k == msgPosition || k == msgAlarm || k == msgPosition2 || k == msgAlarm2:
		if c.family == familyPE {
			c.asset(&r)
		} else {
			c.position(&r)
		}
	case k == msg05 && c.family == familyOB:
		c.behaviour(&r)
	case k == msgAccel && c.family == familyOB:
		c.acceleration(&r)
	case k == msgBLE:
		c.bluetooth(&r)
	case k == msgNetwork, k == msg05 && c.family == familyPE:
		c.network(&r)
	case k == msgCommand:
		c.result(&r)
	default:
		e := c.add(protocols.Status)
		c.finish(e, &r)
	}
}

// add starts an event.
func (c *call) add(kind protocols.Kind) *protocols.Event {
	e := c.begin(kind)
	e.FP = c.whole()
	return e
}

// begin starts an event whose identity the caller makes.
func (c *call) begin(kind protocols.Kind) *protocols.Event {
	e := c.f.Add(kind)
	e.Int("type", int64(c.kind))
	return e
}

// whole is the identity of a packet that repeats all but its serial number.
func (c *call) whole() int32 { return protocols.Fingerprint(c.packet[2:3], c.packet[headSize:]) }

// finish keeps what was not read and settles the kind.
func (c *call) finish(e *protocols.Event, r *protocols.Reader) {
	if rest := r.Rest(); len(rest) > 0 {
		e.Text("raw", hexText(rest))
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Kind == protocols.Status && e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// answer prepares what the packet is owed: its head, with the code of an alarm behind it. T8xxx want serial number 1.
func (c *call) answer() {
	switch c.kind {
	case msgCommand:
		return
	case msgPosition, msgPosition2:
		if v, _ := c.s.Options.Get("ack_positions"); v == "false" {
			return
		}
	}
	r := append(c.f.Reply, c.packet[:headSize]...)
	r[3], r[4] = 0, headSize
	if c.family == familyT8 {
		r[5], r[6] = 0, 1
	}
	if (c.kind == msgAlarm || c.kind == msgAlarm2) && c.code != 0 {
		r[4]++
		r = append(r, c.code)
	}
	c.f.Reply = r
}

// headSize is that of a packet's head, and of the shortest packet; maxFrame that of the longest.
const (
	headSize = 15
	maxFrame = 2048
)

// plausible judges the start of a packet by its head as far as it is there: maybe says that more bytes are needed.
func plausible(b []byte) (is, maybe bool) {
	if len(b) == 0 {
		return false, true
	}
	if b[0] != familyT8 && (b[0] < familyTL || b[0] > familyPE) || len(b) > 1 && b[1] != b[0] {
		return false, false
	}
	if len(b) > 2 && b[0] == familyT8 && b[2] == ',' { // text of others: ##,
		return false, false
	}
	if len(b) >= 5 {
		if n := int(b[3])<<8 | int(b[4]); n < headSize || n > maxFrame {
			return false, false
		}
	} else if len(b) == 4 && b[3] > maxFrame>>8 {
		return false, false
	}
	for i := 7; i < min(len(b), headSize); i++ {
		if b[i]>>4 > 9 || b[i]&15 > 9 || i == 7 && b[i]>>4 != 0 {
			return false, false
		}
	}
	return len(b) >= headSize, len(b) < headSize
}

// cut finds the end of the packet at the start of b, or passes over what is no packet.
func cut(b []byte, final bool) (int, error) {
	is, maybe := plausible(b)
	switch {
	case is:
		if n := int(b[3])<<8 | int(b[4]); len(b) >= n {
			return n, nil
		}
		if !final {
			return 0, nil
		}
		return len(b), fmt.Errorf("t800x: packet is cut off: %w", protocols.ErrMalformed)
	case maybe && !final:
		return 0, nil
	}
	n := 1
	for ; n < len(b); n++ {
		if is, maybe := plausible(b[n:]); is || maybe && !final {
			break
		}
	}
	return n, fmt.Errorf("t800x: %w", protocols.ErrGarbage)
}

// readIMEI is the 15 digits behind the first.
func readIMEI(b []byte) (imei [15]byte) {
	for i := range imei {
		d := b[(i+1)/2]
		if i%2 == 1 {
			d >>= 4
		}
		imei[i] = '0' + d&15
	}
	return imei
}
