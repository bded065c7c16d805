// Package ruptela decodes the trackers of Ruptela: records and extended records, trouble codes, identification, heartbeats, files and
// answers to commands, over TCP and UDP.
//
// A packet, integers big endian:
//
//	length 2 | IMEI 8 | command 1 | payload | CRC 2
//
// length counts from the IMEI to the payload. The CRC is Kermit's over the same.
//
// An operator can say of a device, besides its model and tolerate_checksum:
//
//	ignition_input=5   number of the parameter that is the ignition, where the device sends none (default 5); 0: none is
package ruptela

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Ruptela as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "ruptela",
	Version:    1,
	TCP:        5046,
	UDP:        5046,
	MaxLogin:   maxLength + overhead,
	MaxFrame:   maxLength + overhead,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

const (
	overhead  = 4    // length and CRC
	head      = 9    // IMEI and command
	maxLength = 2048 // devices stay below 1 KiB
)

// Commands from the device.
const (
	cmdRecords        = 1
	cmdConfiguration  = 2
	cmdVersion        = 3
	cmdFirmware       = 4
	cmdConnection     = 5
	cmdOdometer       = 6
	cmdText           = 7
	cmdCodes          = 9
	cmdTachograph     = 10
	cmdTachographData = 11
	cmdTransparent    = 14
	cmdIdentification = 15
	cmdHeartbeat      = 16
	cmdOutput         = 17
	cmdGarmin         = 30
	cmdWeighing       = 32
	cmdFiles          = 37
	cmdBluetooth      = 42
	cmdExtended       = 68
)

// Commands to the device: most are that of its answer plus 100.
const (
	sendRecords        = 100
	sendConfiguration  = 102
	sendVersion        = 103
	sendFirmware       = 104
	sendConnection     = 105
	sendOdometer       = 106
	sendText           = 108
	sendCodes          = 109
	sendIdentification = 115
	sendHeartbeat      = 116
	sendOutput         = 117
	sendFiles          = 137
)

// typeName is the name of a command for metrics; empty for one that is not known.
func typeName(command byte) string {
	switch command {
	case cmdRecords, cmdExtended:
		return "records"
	case cmdConfiguration, cmdVersion, cmdFirmware, cmdConnection, cmdOdometer, cmdText, cmdOutput:
		return "answer"
	case cmdCodes:
		return "codes"
	case cmdTachograph, cmdTachographData:
		return "tachograph"
	case cmdTransparent, cmdGarmin, cmdWeighing, cmdBluetooth:
		return "transparent"
	case cmdIdentification:
		return "identification"
	case cmdHeartbeat:
		return "heartbeat"
	case cmdFiles:
		return "file"
	}
	return ""
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) < 2 && !in.Final {
		return 0, nil
	}
	if len(b) < 2 {
		return len(b), fmt.Errorf("ruptela: packet of %d bytes: %w", len(b), protocols.ErrMalformed)
	}
	length := int(binary.BigEndian.Uint16(b))
	if length < head || length > maxLength {
		// Nothing marks the start of a packet: what follows can not be told apart.
		return unfollowable(in, fmt.Errorf("ruptela: length %d: %w", length, protocols.ErrMalformed))
	}
	n := length + overhead
	if len(b) < n {
		if in.Final {
			return len(b), fmt.Errorf("ruptela: packet is cut off after %d of %d bytes: %w", len(b), n, protocols.ErrMalformed)
		}
		return 0, nil
	}
	bad := protocols.Kermit.Sum(b[2:2+length]) != binary.BigEndian.Uint16(b[2+length:])
	if bad && b[10] == cmdText {
		switch end := textEnd(b, length, in.Final); {
		case end < 0:
			return 0, nil
		case end > 0:
			n, length, bad = end, end-overhead, false
		}
	}
	data := b[2 : 2+length]
	imei := binary.BigEndian.Uint64(data)
	if imei == 0 || imei > 999_999_999_999_999 {
		return n, fmt.Errorf("ruptela: IMEI %d: %w", imei, protocols.ErrMalformed)
	}
	c := call{s: s, f: f, received: in.Received, command: data[8], payload: data[head:], bad: bad}
	if f.Notes != nil {
		notePacket(f, b[:n])
	}
	before := *s
	c.bind(imei)
	c.message()
	if c.bad && !s.Options.TolerateChecksum {
		*s = before
		for i := range f.Events {
			f.Events[i].Device = deviceID(imei)
		}
		return n, fmt.Errorf("ruptela: command %d: %w", c.command, protocols.ErrChecksum)
	}
	return n, nil
}

// maxTextEnd is how far the end of a text is looked for.
const maxTextEnd = 512

// textEnd finds the end of a text whose length is too short, as some firmware sends it: behind printable characters, where the CRC is
// right. 0: there is none; -1: more bytes may tell.
func textEnd(b []byte, length int, final bool) int {
	if !printable(b[2+head : 2+length]) {
		return 0
	}
	for k := 2 + length; k < maxTextEnd; k++ {
		if k+2 > len(b) {
			if final {
				return 0
			}
			return -1
		}
		if protocols.Kermit.Sum(b[2:k]) == binary.BigEndian.Uint16(b[k:]) {
			return k + 2
		}
		if !printable(b[k : k+1]) {
			return 0
		}
	}
	return 0
}

// unfollowable ends a stream; of a datagram or a line, nothing follows anyway.
func unfollowable(in protocols.Input, err error) (int, error) {
	if in.Final {
		return len(in.Bytes), err
	}
	return 0, err
}

// call is what the readers of one packet share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	command  byte
	payload  []byte
	bad      bool // the checksum is wrong
}

// bind makes the device of the packet that of the session. Nothing is allocated when it is the same as before.
func (c *call) bind(imei uint64) {
	if digits := digitsOf(imei); c.s.Device != string(digits[:]) {
		c.s.Device = string(digits[:])
	}
}

func deviceID(imei uint64) string {
	digits := digitsOf(imei)
	return string(digits[:])
}

// digitsOf is an IMEI with its zeros in front.
func digitsOf(imei uint64) (digits [15]byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + imei%10)
		imei /= 10
	}
	return digits
}

// message reads the payload and prepares the answer.
func (c *call) message() {
	if c.f.Type = typeName(c.command); c.f.Type == "" {
		c.f.Type = "unknown"
	}
	first := len(c.f.Events)
	switch c.command {
	case cmdRecords, cmdExtended:
		c.records()
	case cmdCodes:
		c.codes()
	case cmdIdentification:
		c.f.Reply = appendPacket(c.f.Reply, sendIdentification, 1)
		c.f.Refuse = appendPacket(c.f.Refuse, sendIdentification, 0)
	case cmdHeartbeat:
		c.f.Reply = appendPacket(c.f.Reply, sendHeartbeat, 1)
	case cmdFiles:
		c.file()
	case cmdConfiguration, cmdVersion, cmdFirmware, cmdConnection, cmdOdometer, cmdText, cmdOutput:
		c.result()
	default:
		if len(c.payload) > 0 {
			hexText(c.status(protocols.Status), "raw", c.payload)
		}
	}
	if c.bad && c.s.Options.TolerateChecksum {
		for i := first; i < len(c.f.Events); i++ {
			c.f.Events[i].Bool("checksum_ok", false)
		}
	}
}

// status adds an event of this message.
func (c *call) status(k protocols.Kind) *protocols.Event {
	e := c.f.Add(k)
	e.Int("type", int64(c.command))
	e.FP = protocols.Fingerprint([]byte{c.command}, c.payload)
	return e
}

// appendPacket appends a packet to the device.
func appendPacket(out []byte, command byte, payload ...byte) []byte {
	out = append(out, byte((len(payload)+1)>>8), byte(len(payload)+1))
	at := len(out)
	out = append(append(out, command), payload...)
	return binary.BigEndian.AppendUint16(out, protocols.Kermit.Sum(out[at:]))
}
