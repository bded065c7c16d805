// Package h02 decodes the protocol of the H02 boards, Sinotrack ST-90x and their many relatives: text sentences and binary records, mixed on one
// connection.
//
//	*HQ,id,type,fields...#      text; HQ is the maker's code
//	$ id time date ...          binary, of 32, 42, 45 or 46 bytes; nothing in it says which
//	X ...                       32 bytes of one vendor, opaque
//
// There is no checksum and no login: every record names its device. An operator can say of a device, besides zone and unit:
//
//	acc=false          no ignition wire: what the status word says of it does not count
//	interval=d1        the interval is set by command D1 (or s17) instead of S71
//	r12=true           positions other than V1 are answered, by R12
package h02

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the H02 family as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "h02",
	Version:    1,
	TCP:        5013,
	UDP:        5013,
	MaxLogin:   maxLong,
	MaxFrame:   maxLong,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"cells_raw":    {Type: "text", Meaning: "cells in a form that is not known, as sent"},
	"coding":       {Type: "number", Meaning: "coding scheme sent in place of the validity"},
	"device_date":  {Type: "text", Meaning: "date and time as sent, where they are no usable time"},
	"differential": {Type: "bool", Meaning: "the fix is marked B: differential, indoor or by cells, depending on the model"},
	"fuel":         {Type: "number", Meaning: "fuel as sent, in % or litres"},
	"reboots":      {Type: "number", Meaning: "V3: restarts as sent"},
	"record":       {Type: "number", Meaning: "number of the record as sent"},
	"rssi":         {Type: "number", Meaning: "mobile signal as sent, mostly 0 to 31"},
	"steps":        {Type: "number", Meaning: "steps of the wearer"},
	"turnovers":    {Type: "number", Meaning: "times that the wearer turned over"},
	"user_alarm":   {Type: "number", Meaning: "alarm flags of the binary record as sent; absent: idle"},
	"voltage_code": {Type: "number", Meaning: "V3: voltage as sent, in a scale of the firmware"},
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s, f, in.Received}
	b := in.Bytes
	switch b[0] {
	case '*':
		n, end := cutText(b, in.Final)
		if n <= 0 {
			return garbage(b, n)
		}
		f.Type = "unknown"
		f.Note(b[:1], "start", "asterisk")
		f.Note(b[end:n], "stop", "number sign")
		return n, c.text(b[1:end])
	case '$':
		known := binaryLength(s.State)
		if !isDevice(s.Device, b) {
			known = 0
		}
		n, learnt := cutBinary(b, known, in.Final)
		if n <= 0 {
			return garbage(b, n)
		}
		f.Type = "binary"
		f.Note(b[:1], "start", "dollar")
		c.record(b[:n], learnt)
		return n, nil
	case 'X':
		n := cutOpaque(b, in.Final)
		if n <= 0 {
			return garbage(b, n)
		}
		f.Type = "opaque"
		e := f.Add(protocols.Status)
		e.Text("raw", hexText(b[:n]))
		e.FP = protocols.Fingerprint(b[:n])
		return n, nil
	case '\r', '\n', ' ':
		n := 1
		for n < len(b) && (b[n] == '\r' || b[n] == '\n' || b[n] == ' ') {
			n++
		}
		f.Type = "line end"
		f.Note(b[:n], "line end", "between frames")
		return n, nil
	}
	return garbage(b, -1)
}

// garbage passes over what no frame begins with, or waits where n is 0.
func garbage(b []byte, n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	n = 1
	for n < len(b) && b[n] != '*' && b[n] != '$' && b[n] != 'X' {
		n++
	}
	return n, fmt.Errorf("h02: %w", protocols.ErrGarbage)
}

// name makes id the session's device. It costs nothing when that is known.
func (c *call) name(id []byte) {
	if len(id) == 0 || c.s.Device == string(id) {
		return
	}
	c.s.Device = string(id)
	if c.s.State != "" {
		c.s.State = c.s.State[:2] + noState[2:] // the rest was of an earlier device of this connection
	}
}

// isDevice tells whether the binary record b is of that device.
func isDevice(device string, b []byte) bool {
	for i := range len(device) {
		if at := 1 + i/2; at < len(b) && device[i]-'0' != b[at]>>(4-i%2*4)&15 {
			return false
		}
	}
	return true
}
