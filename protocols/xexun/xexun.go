// Package xexun decodes the two protocols of Xexun's trackers: the RMC sentences with `imei:` of the TK101, TK102, TK103-2 and XT009, and the
// binary frames between flags FA AF of the newer ones. A message is
//
//	GPRMC,<RMC fields>*hh,F,,imei:860000000000016,                                 basic: nothing marks its end but the comma
//	260314163015,+8613912345678,GPRMC,...*hh,F,help me!, imei:860000000000016,...  full: to the end of the line
//	FA AF | type | index | IMEI | attributes | checksum | payload | FA AF          binary
//
// Sentences have no answer and no checksum that holds: many units send a wrong one. Binary frames are answered, but for answers to commands.
//
// An operator can say of a device: unit=kmh where its sentences carry km/h instead of knots; password=<digits> for its commands, 123456 by default.
package xexun

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the Xexun family as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "xexun",
	Version:    1,
	TCP:        5006,
	UDP:        5006,
	MaxLogin:   maxBinary,
	MaxFrame:   maxBinary,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"device_date":    {Type: "text", Meaning: "date and time as sent, where they are no usable time"},
	"distance_m":     {Type: "number", Unit: "m", Meaning: "distance that ends a full sentence"},
	"event_text":     {Type: "text", Meaning: "what raised the report, where the word is not known"},
	"fingerprint":    {Type: "text", Meaning: "fingerprint of a binary record, in hex"},
	"local_time":     {Type: "text", Meaning: "the unit's local date and time, yymmddhhmmss as sent"},
	"parameters_hex": {Type: "text", Meaning: "parameters of the device in a binary record, in hex"},
	"removed":        {Type: "bool", Meaning: "the device was taken off"},
	"rmc_ok":         {Type: "bool", Meaning: "false: the sentence's checksum is not that of its characters; many units send a wrong one"},
	"rssi":           {Type: "number", Meaning: "mobile signal as sent in binary records"},
	"signal_low":     {Type: "bool", Meaning: "the satellites' signal is low: the position may be the last known"},
	"gnss_snr":       {Type: "number", Meaning: "signal to noise ratio of the satellites as sent"},
	"time_of_flight": {Type: "text", Meaning: "distances by time of flight in a binary record, 12 bytes each, in hex"},
}

// speaksBinary is the Session.State of a device that sent a binary frame: its commands are binary too.
const speaksBinary = "b"

// call is what the readers of one message share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f, received: in.Received}
	if len(in.Bytes) > 0 && in.Bytes[0] == flag0 {
		return c.binary(in.Bytes, in.Final)
	}
	m, n := cut(in.Bytes, in.Final)
	switch m.form {
	case noise:
		return n, fmt.Errorf("xexun: %w", protocols.ErrGarbage)
	case blank:
		f.Type = "line end"
		f.Note(in.Bytes[:n], "line end", "between messages")
		return n, nil
	case tail:
		return n, c.lateTail(in.Bytes[:n])
	case basic, full:
		return n, c.sentence(&m)
	}
	return 0, nil
}

// name makes id the session's device and remembers how it speaks. It costs nothing when both are known.
func (c *call) name(id []byte, state string) {
	if c.s.Device != string(id) {
		c.s.Device = string(id)
	}
	if c.s.State != state {
		c.s.State = state
	}
}

// settle gives the event its kind.
func settle(e *protocols.Event) {
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}
