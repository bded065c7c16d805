// Package meitrack decodes the protocol of Meitrack's trackers: the MVT, T, TC, MT, P and MD series, and of the many that speak it as well.
//
// A frame, whatever it carries:
//
//	$$ | flag 1 | length in digits | , | IMEI | , | command | , data | * | checksum in 2 hex digits | CR LF
//
// The length counts from the first comma to the line feed, the checksum sums all bytes up to the asterisk. AAA is a position in text, CCC and
// CCE are batches of positions in binary, little endian.
//
// An operator can say of a device, besides its model and tolerate_checksum:
//
//	ack_cce=true      batches CCE are confirmed, as the tracker is configured to expect
//	ignition=3        the input, 1 to 8, that the ignition is wired to (default 3, and none on portable models); 0: none
package meitrack

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Meitrack as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "meitrack",
	Version:    1,
	TCP:        5020,
	UDP:        5020,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Options of the operator in Options.Extra.
const (
	optionAckCCE   = "ack_cce"
	optionIgnition = "ignition"
)

// call is what the readers of one frame share.
type call struct {
	s *protocols.Session
	f *protocols.Frame
	message
	whole string // the data as text, once it is needed
}

// message is one frame taken apart. Its slices are views of the input.
type message struct {
	flag    byte
	imei    []byte
	command []byte
	data    []byte // behind the command's comma
	badSum  bool
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
	if !c.badSum {
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
	return n, fmt.Errorf("meitrack: %w", protocols.ErrChecksum)
}

var errRecord = fmt.Errorf("meitrack: record out of range: %w", protocols.ErrMalformed)

// decode reads the message and prepares its answer.
func (c *call) decode() error {
	if c.s.Device != string(c.imei) {
		c.s.Device = string(c.imei)
	}
	switch string(c.command) {
	case "AAA":
		c.f.Type = "AAA"
		return c.position()
	case "AAC":
		c.f.Type = "AAC"
		if err := c.position(); err != nil {
			return err
		}
		e := &c.f.Events[0]
		e.Stored = true
		e.Bool("archive", true)
		c.answer('z', ",AAC,1")
		return nil
	case "CCC":
		c.f.Type = "CCC"
		return c.batch()
	case "CCE":
		c.f.Type = "CCE"
		return c.packets()
	case "D00":
		c.f.Type = "D00"
		return c.photoPart()
	case "D03":
		c.f.Type = "D03"
		c.photoTaken()
	default:
		c.f.Type = "result"
	}
	c.result()
	return nil
}

// result keeps the answer to a command. The flag is that of the command.
func (c *call) result() {
	e := c.f.Add(protocols.CommandResult)
	words := string(c.command)
	e.Text("command", words)
	if len(c.data) > 0 {
		words += "," + string(c.data)
	}
	e.Text("result", words)
	e.Int("command_id", int64(c.flag-firstFlag))
	if first, _, _ := strings.Cut(string(c.data), ","); first == "OK" {
		e.Bool("success", true)
	}
	e.FP = protocols.Fingerprint(c.command, c.data)
}

// answer prepares a frame to the device: flag, and what follows the IMEI.
func (c *call) answer(flag byte, words string) {
	c.f.Reply = appendFrame(c.f.Reply, flag, c.imei, words)
}

// appendFrame appends a frame of the server.
func appendFrame(b []byte, flag byte, imei []byte, words string) []byte {
	at := len(b)
	b = append(b, '@', '@', flag)
	b = strconv.AppendInt(b, int64(1+len(imei)+len(words)+len("*00\r\n")), 10)
	b = append(append(append(b, ','), imei...), words...)
	b = append(b, '*')
	sum := checksum(b[at:])
	const digits = "0123456789ABCDEF"
	return append(b, digits[sum>>4], digits[sum&15], '\r', '\n')
}

// checksum is the sum of all bytes.
func checksum(b []byte) (sum byte) {
	for _, x := range b {
		sum += x
	}
	return sum
}

// str is a field of the data as text. The data is copied once for all of its fields.
func (c *call) str(t *fields, i int) string {
	if c.whole == "" {
		c.whole = string(c.data)
	}
	return c.whole[t.at[i] : t.at[i+1]-1]
}

// rest is all fields from i on as text.
func (c *call) rest(t *fields, i int) string {
	if i >= t.n {
		return ""
	}
	if c.whole == "" {
		c.whole = string(c.data)
	}
	return c.whole[t.at[i]:]
}

// finish settles the kind of a record by what was found in it, and its alarm and what it says of the ignition by the event.
func finish(e *protocols.Event, event int64) {
	if event >= 0 && event < int64(len(alarms)) {
		e.Alarm = alarms[event]
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// portable are the models that are worn or carried: their inputs are buttons.
var portable = [...]string{"MT90", "P66", "P88", "P99"}

// ignitionBit is the bit of the inputs that is the ignition; -1: none.
func (c *call) ignitionBit() int {
	if c.s.Options.Extra != "" {
		if v, ok := c.s.Options.Get(optionIgnition); ok && len(v) == 1 && v[0] >= '0' && v[0] <= '8' {
			return int(v[0]-'0') - 1
		}
	}
	for _, model := range portable {
		if strings.HasPrefix(c.s.Options.Model, model) {
			return -1
		}
	}
	return 2
}

// inputs reads both masks. The events of newer models for the ignition are worth more than its wire.
func (c *call) inputs(e *protocols.Event, in int, event int64) {
	switch bit := c.ignitionBit(); {
	case event == eventIgnitionOn || event == eventIgnitionOff:
		e.Bool("ignition", event == eventIgnitionOn)
	case bit >= 0:
		e.Bool("ignition", in>>bit&1 != 0)
	}
	e.Bool("in1", in&1 != 0)
	e.Bool("in2", in&2 != 0)
	e.Bool("in3", in&4 != 0)
	e.Bool("in4", in&8 != 0)
	e.Int("inputs", int64(in))
}

func outputs(e *protocols.Event, out int) {
	e.Bool("out1", out&1 != 0)
	e.Int("outputs", int64(out))
}

// plausible holds a record against the ranges beyond which the protocol refuses it.
func plausible(lat, lng float64, at protocols.Millis) bool {
	const year2005 = 1104537600_000
	return lat >= -90 && lat <= 90 && lng >= -180 && lng <= 180 && at >= year2005
}

// isDigits tells whether b is n1 to n2 digits.
func isDigits(b []byte, n1, n2 int) bool {
	return len(b) >= n1 && len(b) <= n2 && allDigits(b)
}

// upperWord tells whether b is a command: letters and digits.
func upperWord(b []byte) bool {
	return len(b) == 3 && bytes.IndexFunc(b, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) < 0
}
