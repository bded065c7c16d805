// Package queclink decodes the @Track protocol of Queclink's GL, GV, GB, GT, GMT and CV trackers: the text form, the HEX form of the
// same messages, and the newer binary form of the GL6xx.
//
//	+RESP:GTFRI,060502,<IMEI>,<name>,...,<send time>,<count>$                text
//	+RSP | type 1 | mask 4 | length 2 | ... | count 2 | CRC 2 | 0d 0a        HEX
//	2b 00 | length 2 | flag 1 | IMEI 8 | ... | records | CRC 2 | 24          binary
//
// A text message has no length and no checksum, and the places of its fields differ by model. Its location groups are found by their
// form, as are the fields behind them; what has no meaning here is kept as io_<place in the message>.
//
// An operator can say of a device, besides its zone (of the send time, where it is not UTC):
//
//	sack=false         messages are not acknowledged; heartbeats are all the same
//	password=<text>    of its commands; by default the model's name in lower case
package queclink

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is @Track as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "queclink",
	Version:    1,
	TCP:        5004,
	UDP:        5004,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// maxFrame bounds a message in bytes: an extended report with CAN and Bluetooth data has up to 4 KiB.
const maxFrame = 8192

// call is what the readers of one message share.
type call struct {
	s       *protocols.Session
	f       *protocols.Frame
	m       message
	version []byte // protocol version: device type and version
	report  string // the three letters behind GT
	model   model
	body    int              // place of the first field behind the names
	end     int              // place of the send time
	sent    protocols.Millis // the send time; 0: there is none
	count   []byte           // count number in hex; nil: there is none
	stored  bool
	base    int32 // fingerprint of the message without its head and count number
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	at, n, form, err := cut(in.Bytes, in.Final)
	if n == 0 || err != nil || form == formNone {
		return n, err
	}
	switch b := in.Bytes[at:n]; form {
	case formHex:
		err = decodeHex(s, f, b)
	case formBinary:
		err = decodeBinary(s, f, b)
	default:
		c := call{s: s, f: f}
		err = c.decode(b)
	}
	return n, err
}

// decode reads a text message, whose terminator may be missing.
func (c *call) decode(b []byte) error {
	if last := b[len(b)-1]; last == '$' || last == 0 {
		b = b[:len(b)-1]
	}
	if !c.m.split(b) {
		return fmt.Errorf("queclink: more than %d fields: %w", maxFields, protocols.ErrMalformed)
	}
	if c.m.n < 6 {
		return fmt.Errorf("queclink: %d fields: %w", c.m.n, protocols.ErrMalformed)
	}
	head := c.m.take(0)
	c.f.Note(head, "message type", "+RESP:GT sent now, +BUFF:GT stored, +ACK:GT answer; and the report's three letters")
	kind, name := splitHead(head)
	c.stored = kind == headBuffered
	if c.report = knownReport(name); c.report != "" {
		c.f.Type = c.report
	} else {
		c.f.Type, c.report = "unknown", string(name[:min(len(name), 16)])
	}
	id := 2
	if isIdentity(c.m.at(1)) && !isIdentity(c.m.at(2)) {
		id = 1 // the older line without a version in front
	}
	device := c.m.take(id)
	if !isIdentity(device) {
		return fmt.Errorf("queclink: device id %q: %w", device, protocols.ErrMalformed)
	}
	if id == 1 {
		c.tailOld()
	} else {
		c.version = c.m.take(1)
		c.tail()
	}
	c.model = modelOf(c.version)
	c.learn(string2(c.s.Device, device))
	if kind == headAck && c.report == "HBD" {
		c.heartbeat()
		return nil
	}
	c.acknowledge()
	c.base = protocols.Fingerprint(name, c.m.b[c.m.off[1]:c.m.start(c.end+1)])
	c.names(id)
	if kind == headAck {
		c.commandResult(head)
		return nil
	}
	c.read()
	return nil
}

// string2 is b as a string: known where it is the same, to save its storage.
func string2(known string, b []byte) string {
	if known == string(b) {
		return known
	}
	return string(b)
}

// learn keeps the device and, for commands and for the names of the next message, its version and name.
func (c *call) learn(device string) {
	if c.s.Device != device {
		c.s.Device = device
		c.s.State = ""
	}
}

// tail finds send time and count number at the end: "..., send time, count".
func (c *call) tail() {
	last := c.m.n - 1
	c.end = last - 1
	if isCount(c.m.at(last)) {
		c.count = c.m.take(last)
		c.f.Note(c.count, "count number", "hex; the answer repeats it")
	} else if isTime(c.m.at(last)) { // cut short by the device
		c.end = last
	}
	c.sent = c.sendTime(c.end)
}

// tailOld is tail of the older line: "..., send time, count, version".
func (c *call) tailOld() {
	last := c.m.n - 1
	if v := c.m.at(last); len(v) == 10 && isHex(v) {
		c.version = c.m.take(last)
		last--
	} else if v := c.m.at(last - 1); len(v) == 10 && isHex(v) { // some add the count behind
		c.version = c.m.take(last - 1)
		c.count = c.m.take(last)
		last -= 2
	}
	if c.count == nil && isCount(c.m.at(last)) {
		c.count = c.m.take(last)
		last--
	}
	c.end = last + 1
	if isTime(c.m.at(last)) && c.report != "TRI" {
		c.end = last
		c.sent = c.sendTime(last)
	}
}

// sendTime reads the time of sending: UTC unless the operator says otherwise.
func (c *call) sendTime(i int) protocols.Millis {
	t, ok := readTime(c.m.at(i), c.s.Options.Zone)
	if ok {
		c.f.Note(c.m.take(i), "send time", "yyyymmddHHMMSS; the time of records without one")
	}
	return t
}

// names finds where the report's own fields begin: behind the name, and behind the VIN where the model sends one in front.
func (c *call) names(id int) {
	c.body = id + 2
	if id == 1 {
		c.body = 2
	} else if c.report == "GSM" {
		c.body = 3
	} else if v := c.m.at(3); c.model.vin || isVIN(v) && isName(c.m.at(4)) {
		c.body = 5
	}
	c.body = min(c.body, c.end)
}

// add starts the next event of the message.
func (c *call) add(kind protocols.Kind) *protocols.Event {
	e := c.f.Add(kind)
	e.Stored = c.stored
	e.FP = c.base
	e.Text("report", c.report)
	if len(c.version) > 0 {
		version, name := c.known()
		e.Text("protocol_version", version)
		if name != "" {
			e.Text("device_name", name)
		}
	}
	if c.body == 5 {
		if v := c.m.take(3); len(v) > 0 {
			e.Text("vin", string(v))
		}
	}
	return e
}

// known is the version and the name of the device. They are kept in State, so that a device which repeats them costs no storage.
func (c *call) known() (version, name string) {
	var field []byte
	if c.body > 3 && c.body <= 5 {
		field = c.m.take(c.body - 1)
	}
	field = field[:min(len(field), maxName)]
	n := len(c.version)
	if st := c.s.State; len(st) == n+1+len(field) && st[:n] == string(c.version) && st[n+1:] == string(field) {
		return st[:n], st[n+1:]
	}
	if n > maxVersion {
		return string(c.version[:maxVersion]), string(field)
	}
	st := string(c.version) + "," + string(field)
	c.s.State = st
	return st[:n], st[n+1:]
}

// Bounds of what State holds.
const (
	maxVersion = 16
	maxName    = 128
)

// finish settles time and kind of an event, once all of it is read.
func (c *call) finish(e *protocols.Event) {
	if e.Time == 0 {
		e.Time = c.sent
	} else if c.sent != 0 {
		e.Int("send_delay_s", int64(c.sent-e.Time)/1000)
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Kind == protocols.Status && e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// rest keeps the fields that nobody read, by their place in the message.
func (c *call) rest(e *protocols.Event) {
	for i := 1; i < c.m.n; i++ {
		if !c.m.isUsed(i) {
			c.keep(e, i)
		}
	}
}

func (c *call) keep(e *protocols.Event, i int) {
	v := c.m.take(i)
	if len(v) == 0 {
		return
	}
	key := protocols.IOKey(uint16(i))
	if n, scale, ok := readDecimal(v); ok && (v[0] != '0' || len(v) == 1 || v[1] == '.') && v[0] != '+' {
		e.Dec(key, n, scale)
		return
	}
	e.Text(key, string(v))
}
