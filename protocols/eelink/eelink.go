// Package eelink decodes the binary protocol of Eelink's trackers: TK115, TK116, TK119, TK319, TK419, GPT and KeepTrack. A package,
// integers big endian:
//
//	67 67 | PID 1 | size 2 | sequence 2 | content size-2
//
// It has neither checksum nor end. Two generations share it: V1.8 with PIDs 02 and 04 to 07, V2 with PIDs 12 and 14 to 1F. Over TCP the
// login alone names the device. A datagram holds one or more packages behind a header of its own:
//
//	45 4C | size 2, from offset 4 | checksum 2, from offset 6 | IMEI 8, BCD | packages
package eelink

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Eelink's as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "eelink",
	Version:    1,
	TCP:        5064,
	UDP:        5064,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// PIDs.
const (
	pidLogin     = 0x01
	pidGPS       = 0x02 // V1.8
	pidHeartbeat = 0x03
	pidAlarm     = 0x04 // V1.8
	pidState     = 0x05 // V1.8
	pidSMS       = 0x06 // V1.8
	pidOBD       = 0x07 // V1.8
	pidLocation  = 0x12
	pidWarning   = 0x14
	pidReport    = 0x15
	pidMessage   = 0x16
	pidOBDData   = 0x17
	pidOBDBody   = 0x18
	pidOBDFault  = 0x19
	pidPedometer = 0x1a
	pidParameter = 0x1b
	pidCamera    = 0x1e
	pidPhoto     = 0x1f
	pidCommand   = 0x80
	pidBroadcast = 0x81
)

var names = [256]string{pidLogin: "login", pidGPS: "gps", pidHeartbeat: "heartbeat", pidAlarm: "alarm", pidState: "state", pidSMS: "sms", pidOBD: "obd",
	pidLocation: "location", pidWarning: "warning", pidReport: "report", pidMessage: "message", pidOBDData: "obd", pidOBDBody: "obd_body",
	pidOBDFault: "obd_fault", pidPedometer: "pedometer", pidParameter: "parameters", pidCamera: "camera", pidPhoto: "photo", pidCommand: "command",
	pidBroadcast: "broadcast"}

// viaUDP is what State holds of a device whose last packages came behind a datagram's header: commands for it go the same way.
const viaUDP = "el"

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n, err := cut(in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	c := call{s: s, f: f, received: in.Received}
	if in.Bytes[0] == 'E' {
		return n, c.datagram(in.Bytes[:n])
	}
	return n, c.single(in.Bytes[:n])
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	pid      byte
	content  []byte // of the package at hand
}

// single reads a package that stands alone, over TCP.
func (c *call) single(b []byte) error {
	if b[2] == pidLogin {
		imei, ok := readIMEI(b[packageHead:])
		if !ok {
			return fmt.Errorf("eelink: login without an IMEI: %w", protocols.ErrMalformed)
		}
		c.bind(imei, "")
	}
	c.pack(b)
	return nil
}

// datagram reads the packages behind a header. One that does not fit ends the list.
func (c *call) datagram(b []byte) error {
	before := *c.s
	imei, ok := readIMEI(b[6:])
	if !ok {
		return fmt.Errorf("eelink: datagram without an IMEI: %w", protocols.ErrMalformed)
	}
	if c.f.Notes != nil {
		c.noteDatagram(b)
	}
	c.bind(imei, viaUDP)
	c.f.Reply = append(c.f.Reply, b[:datagramHead]...)
	rest := b[datagramHead:]
	for len(rest) > 0 {
		n, _ := plausiblePackage(rest)
		if n == 0 || n > len(rest) {
			break
		}
		c.pack(rest[:n])
		rest = rest[n:]
	}
	if len(rest) == len(b)-datagramHead {
		*c.s, c.f.Reply = before, c.f.Reply[:0]
		return fmt.Errorf("eelink: datagram without a package: %w", protocols.ErrMalformed)
	}
	if len(rest) > 0 {
		e := c.f.Add(protocols.Status)
		e.FP = protocols.Fingerprint(rest)
		e.Text("raw", hexText(rest))
	}
	if len(c.f.Reply) == datagramHead {
		c.f.Reply = c.f.Reply[:0]
	} else {
		seal(c.f.Reply)
	}
	if checksum(b[6:]) == binary.BigEndian.Uint16(b[4:]) {
		return nil
	}
	if c.s.Options.TolerateChecksum {
		for i := range c.f.Events {
			c.f.Events[i].Bool("checksum_ok", false)
		}
		return nil
	}
	*c.s = before
	return fmt.Errorf("eelink: datagram: %w", protocols.ErrChecksum)
}

// bind makes the device that of the session. Nothing is allocated when it is already.
func (c *call) bind(imei [15]byte, state string) {
	if c.s.Device != string(imei[:]) {
		c.s.Device = string(imei[:])
	}
	if c.s.State != state {
		c.s.State = state
	}
}

// pack reads one package and prepares its answer.
func (c *call) pack(b []byte) {
	c.pid, c.content = b[2], b[packageHead:]
	if c.f.Notes != nil {
		c.notePackage(b)
	}
	if c.f.Type = names[c.pid]; c.f.Type == "" {
		c.f.Type = "unknown"
	}
	c.read()
	switch c.pid {
	case pidLogin:
		c.f.Reply = append(c.f.Reply, b[0], b[1], b[2], 0, 9, b[5], b[6])
		c.f.Reply = binary.BigEndian.AppendUint32(c.f.Reply, uint32(c.received/1000))
		c.f.Reply = append(c.f.Reply, 0, 1, 0) // version of the protocol, no action on parameters
	case pidGPS, pidCommand, pidBroadcast:
	default:
		if names[c.pid] != "" {
			c.f.Reply = append(c.f.Reply, b[0], b[1], b[2], 0, 2, b[5], b[6])
		}
	}
}

// read picks the reader of the content.
func (c *call) read() {
	if c.pid == pidLogin || len(c.content) == 0 {
		return // who it is, or a sign of life: nothing to keep
	}
	r := protocols.NewReader(c.content)
	switch c.pid {
	case pidPhoto:
		c.f.Media += len(c.content)
	case pidGPS, pidAlarm, pidState, pidSMS:
		c.first(&r)
	case pidHeartbeat:
		e := c.add(protocols.Status)
		statusV1(e, &r)
		finish(e, &r)
	case pidOBD:
		c.obd(&r)
	case pidLocation, pidWarning, pidReport, pidMessage, pidOBDData, pidOBDBody, pidOBDFault:
		c.second(&r)
	case pidCommand:
		c.result(&r)
	case pidBroadcast:
		e := c.add(protocols.Status)
		message(e, &r)
		finish(e, &r)
	default:
		finish(c.add(protocols.Status), &r)
	}
}

// add starts an event. What a device sends again has another sequence number and the same content.
func (c *call) add(kind protocols.Kind) *protocols.Event {
	e := c.f.Add(kind)
	e.FP = protocols.Fingerprint([]byte{c.pid}, c.content)
	e.Int("type", int64(c.pid))
	return e
}

// finish keeps what was not read and settles the kind.
func finish(e *protocols.Event, r *protocols.Reader) {
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
