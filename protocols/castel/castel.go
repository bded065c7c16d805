// Package castel decodes the binary protocols of Sinocastel: its OBD dongles IDD-212 and IDD-213 (the SC family, versions 3 and 4), its
// trackers D-2xxL and PT-690 (CC, any other version), and their elder MPIP. A packet, integers little endian but for the type:
//
//	40 40 | length of all 2 | version 1 | id 20, text and zeros | type 2 | content | CRC 2 | 0d 0a
//	24 24 | length of all 2 |             id 20                 | type 2 | content | CRC 2 | 0d 0a     MPIP
//
// The CRC is X.25's over everything before it.
//
// An operator can say of a device:
//
//	pids=converted   values of the vehicle's bus come in their units already, as 2121 for 2121 rpm; by default they are SAE's bytes
package castel

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Sinocastel's as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "castel",
	Version:    1,
	TCP:        5086,
	UDP:        5086,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// family is who speaks.
type family uint8

const (
	familySC   family = iota // OBD dongles
	familyCC                 // trackers
	familyMPIP               // their elder
)

// Types of message. CC and MPIP use some of the numbers for other contents.
const (
	msgLogin     = 0x1001
	msgLogout    = 0x1002
	msgHeartbeat = 0x1003
	msgGPS       = 0x4001
	msgPID       = 0x4002
	msgGSensor   = 0x4003
	msgSupported = 0x4004
	msgSnapshot  = 0x4005
	msgDTC       = 0x4006
	msgAlarm     = 0x4007
	msgCell      = 0x4008
	msgSleep     = 0x4009
	msgTruckDTC  = 0x400b
	msgFuel      = 0x400e
	msgAll       = 0x401f
	msgAGPS      = 0x5101
	msgAnswer    = 0xa002
	msgLocation  = 0xb001

	msgTrackerLogin = 0x4001 // CC, and MPIP's
	msgTracker      = 0x4206

	msgElder     = 0x2001 // MPIP
	msgElder4201 = 0x4201
	msgElder4202 = 0x4202
	msgElder4204 = 0x4204
)

// typeName is the name of a type that a family has; empty: of none.
func typeName(f family, kind uint16) string {
	switch f {
	case familySC:
		switch kind {
		case msgLogin:
			return "login"
		case msgLogout:
			return "logout"
		case msgHeartbeat:
			return "heartbeat"
		case msgGPS:
			return "gps"
		case msgPID:
			return "pid"
		case msgGSensor:
			return "gsensor"
		case msgSupported:
			return "supported"
		case msgSnapshot:
			return "snapshot"
		case msgDTC, msgTruckDTC:
			return "dtc"
		case msgAlarm:
			return "alarm"
		case msgCell:
			return "cell"
		case msgSleep:
			return "sleep"
		case msgFuel:
			return "fuel"
		case msgAll:
			return "comprehensive"
		case msgAGPS:
			return "agps"
		case msgAnswer:
			return "answer"
		case msgLocation:
			return "location"
		}
	case familyCC:
		switch kind {
		case msgTrackerLogin:
			return "tracker_login"
		case msgTracker:
			return "tracker"
		}
	case familyMPIP:
		switch kind {
		case msgElder, msgTrackerLogin, msgElder4201, msgElder4202, msgElder4204, msgTracker:
			return "mpip"
		}
	}
	return ""
}

// call is what the readers of one packet share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	packet   []byte
	family   family
	kind     uint16
	content  []byte
	index    []byte // the number of an alarm, which its answer repeats
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n, err := cut(in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	before := *s
	c := call{s: s, f: f, received: in.Received, packet: in.Bytes[:n]}
	c.head()
	if err := c.read(); err != nil {
		*s, f.Reply = before, f.Reply[:0]
		return n, fmt.Errorf("castel: %w", err)
	}
	c.answer()
	if protocols.X25.Sum(c.packet[:n-tailSize]) == binary.LittleEndian.Uint16(c.packet[n-tailSize:]) {
		return n, nil
	}
	if s.Options.TolerateChecksum {
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
		return n, nil
	}
	*s = before
	return n, fmt.Errorf("castel: %w", protocols.ErrChecksum)
}

// head reads who speaks and what about. State holds the start of the device's packets in hex, which commands repeat: header and version, or the
// header of MPIP.
func (c *call) head() {
	b := c.packet
	at := idAt(b)
	state := [4]byte{'2', '4', '2', '4'}
	c.family = familyMPIP
	if at == idAtVersion {
		const digits = "0123456789abcdef"
		state = [4]byte{'v', ':', digits[b[4]>>4], digits[b[4]&15]}
		if c.family = familyCC; b[4] == 3 || b[4] == 4 {
			c.family = familySC
		}
	}
	id := readID(b[at : at+idSize])
	if c.s.Device != string(id) {
		c.s.Device = string(id)
	}
	if c.s.State != string(state[:]) {
		c.s.State = string(state[:])
	}
	if c.f.Notes != nil {
		c.note(at)
	}
	c.kind = binary.BigEndian.Uint16(b[at+idSize:])
	c.content = b[at+idSize+2 : len(b)-tailSize]
	if c.f.Type = typeName(c.family, c.kind); c.f.Type == "" {
		c.f.Type = "unknown"
	}
}

// read picks the reader of the content.
func (c *call) read() error {
	if len(c.content) == 0 {
		return nil // a sign of life
	}
	r := protocols.NewReader(c.content)
	switch c.family {
	case familyCC:
		return c.tracker(&r)
	case familyMPIP:
		return c.elder(&r)
	}
	return c.dongle(&r)
}

// answer prepares what the packet is owed.
func (c *call) answer() {
	switch {
	case c.family == familySC && c.kind == msgLogin:
		content := [10]byte{0xff, 0xff, 0xff, 0xff} // the address of the server stays, and its port
		binary.LittleEndian.PutUint32(content[6:], uint32(c.received/1000))
		c.reply(0x9001, content[:])
	case c.family == familySC && c.kind == msgHeartbeat:
		c.reply(0x9003, nil)
	case c.family == familySC && c.kind == msgAlarm:
		c.reply(0xc007, c.index)
	case c.family == familyCC && c.kind == msgTrackerLogin:
		c.reply(0x8001, nil)
	case c.family == familyCC && c.kind == msgTracker:
		c.reply(0x8206, nil)
	case c.family == familyMPIP && c.kind == msgTrackerLogin:
		c.reply(msgTrackerLogin, nil)
	case c.family == familyMPIP && c.kind == msgElder:
		content := [12]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		c.reply(msgLogin, content[:])
	}
}

// reply appends a packet to the device, with its header, version and id.
func (c *call) reply(kind uint16, content []byte) {
	c.f.Reply = appendPacket(c.f.Reply, c.packet[:idAt(c.packet)+idSize], kind, content)
}

// add starts an event. What identifies it is the type and the bytes that a device repeats.
func (c *call) add(kind protocols.Kind, parts ...[]byte) *protocols.Event {
	e := c.f.Add(kind)
	e.FP = int32(c.kind)<<16 ^ protocols.Fingerprint(parts...)
	e.Int("type", int64(c.kind))
	return e
}

// finish keeps what was not read and settles the kind.
func finish(e *protocols.Event, r *protocols.Reader) {
	if rest := r.Rest(); len(rest) > 0 {
		e.Text("raw", hex.EncodeToString(rest))
	}
	settle(e)
}

func settle(e *protocols.Event) {
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Kind == protocols.Status && e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}
