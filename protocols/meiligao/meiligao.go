// Package meiligao decodes the protocol of Meiligao's trackers, the GT30i, GT60, VT300, VT310 and VT400, and of the clones TK208, TK218, TK228,
// TK510, GT08 and MT05.
//
// A frame, big endian:
//
//	$$ | length 2 | id 7 | command 2 | data | CRC 2 | CR LF
//
// The length is that of the whole frame, the id is decimal digits filled up with F, the CRC is CCITT's of all before it. Positions are
// text within the data. The server's frames begin with @@, as do those of some clones.
//
// An operator can say of a device, besides its model and tolerate_checksum:
//
//	ignition=3            the input, 1 to 5, that the ignition is wired to (default: none)
//	server=host:port      the answer to a device that asks for its server
package meiligao

import (
	"encoding/hex"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Meiligao as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "meiligao",
	Version:    1,
	TCP:        5009,
	UDP:        5009,
	MaxLogin:   maxFrame,
	MaxFrame:   maxPhoto,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Options of the operator in Options.Extra.
const (
	optionIgnition = "ignition"
	optionServer   = "server"
)

// call is what the readers of one frame share.
type call struct {
	s *protocols.Session
	f *protocols.Frame
	message
	whole string // the data as text, once it is needed
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f}
	n, err := cut(&c.message, in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	if f.Notes != nil {
		c.note(f, in.Bytes[:n])
	}
	before := *s
	if err := c.decode(); err != nil {
		*s = before
		return n, err
	}
	if !c.badCRC {
		return n, nil
	}
	if s.Options.TolerateChecksum {
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
		return n, nil
	}
	for i := range f.Events {
		f.Events[i].Device = s.Device // of this frame, which the session does not learn
	}
	*s = before
	return n, fmt.Errorf("meiligao: command %04x: %w", c.command, protocols.ErrChecksum)
}

var errID = fmt.Errorf("meiligao: the id is not digits filled up with F: %w", protocols.ErrMalformed)

// decode reads the message and prepares its answer.
func (c *call) decode() error {
	digits := idDigits(c.id)
	if digits == 0 {
		return errID
	}
	var name [14]byte
	for i := range digits {
		name[i] = '0' + nibble(c.id, i)
	}
	if c.s.Device != string(name[:digits]) {
		c.s.Device = string(name[:digits])
	}
	c.f.Type = typeOf(c.command)
	switch c.command {
	case cmdLogin:
		c.f.Reply = appendFrame(c.f.Reply, c.id, cmdLoginAnswer, []byte{1})
		c.f.Refuse = appendFrame(c.f.Refuse, c.id, cmdLoginAnswer, []byte{0})
		if len(c.data) > 0 {
			c.raw(c.f.Add(protocols.Status), c.data)
		}
	case cmdHeartbeat:
		c.f.Reply = appendFrame(c.f.Reply, c.id, cmdHeartbeat, []byte{1})
	case cmdServer:
		if server, ok := c.s.Options.Get(optionServer); ok {
			c.f.Reply = appendFrame(c.f.Reply, c.id, cmdServer, []byte(server))
		}
	case cmdPhotoRequest:
		if len(c.data) > 0 {
			c.f.Reply = appendFrame(c.f.Reply, c.id, cmdPhotoAccept, c.data[:1])
		}
	case cmdPhotoComplete:
		if len(c.data) > 0 {
			c.f.Reply = appendFrame(c.f.Reply, c.id, cmdRetransmission, []byte{c.data[0], 0, 0})
		}
	case cmdPhotoData: // the picture is in the journaled frames
	case cmdPosition:
		c.report(0, c.data, 0)
	case cmdAlarm:
		c.alarm()
	case cmdStored:
		c.stored()
	case cmdRetransmission:
		c.retransmission()
	case cmdPhotoDone:
		c.photoDone()
	case cmdRFID:
		c.cards()
	case cmdOBD:
		c.vehicle()
	case cmdTrip:
		c.trip()
	case cmdDTC:
		c.troubleCodes()
	case cmdSerial:
		e := c.f.Add(protocols.Status)
		if printable(c.data) {
			e.Text("serial", string(c.data))
		} else {
			c.raw(e, c.data)
		}
		c.identify(e, c.data)
	default:
		c.others()
	}
	return nil
}

// others reads answers to commands, and keeps what is not known.
func (c *call) others() {
	if c.command < cmdFirstAnswer || c.command > cmdLastAnswer {
		c.raw(c.f.Add(protocols.Status), c.data)
		return
	}
	if len(c.data) > 10 && c.report(0, c.data, 0) {
		e := &c.f.Events[len(c.f.Events)-1]
		e.Kind = protocols.CommandResult
		e.Text("command", commandText(c.command))
		return
	}
	e := c.f.Add(protocols.CommandResult)
	e.Text("command", commandText(c.command))
	e.Text("result", hex.EncodeToString(c.data[:min(len(c.data), protocols.MaxText/2)]))
	if len(c.data) == 1 {
		e.Bool("success", c.data[0] == 1)
	}
	c.identify(e, c.data)
}

// commandText is a command in hex.
func commandText(command uint16) string {
	return hex.EncodeToString([]byte{byte(command >> 8), byte(command)})
}

// identify gives a record its identity: the command, and the bytes that a repetition has in common.
func (c *call) identify(e *protocols.Event, b []byte) {
	e.FP = protocols.Fingerprint([]byte{byte(c.command >> 8), byte(c.command)}, b)
}

// raw keeps bytes that have no meaning here.
func (c *call) raw(e *protocols.Event, b []byte) {
	if len(b) > 0 {
		e.Text("raw", hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]))
	}
	if e.FP == 0 {
		c.identify(e, b)
	}
}

// nibble is digit i of an id.
func nibble(id []byte, i int) byte {
	if i&1 == 0 {
		return id[i/2] >> 4
	}
	return id[i/2] & 15
}

// idDigits is how many digits an id has; 0: it is none, because it is all F, or has F or a letter before a digit.
func idDigits(id []byte) int {
	n := 0
	for n < 2*len(id) && nibble(id, n) <= 9 {
		n++
	}
	for i := n; i < 2*len(id); i++ {
		if nibble(id, i) != 15 {
			return 0
		}
	}
	return n
}

// printable tells whether b is ASCII for people.
func printable(b []byte) bool {
	for _, x := range b {
		if x < 0x20 || x > 0x7e {
			return false
		}
	}
	return len(b) > 0
}
