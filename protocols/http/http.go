// Package http decodes what phones and other programs send to the gateway's HTTP ingest: one JSON object an update, in the event's own
// terms. The HTTP server does the transport and the authorisation; each update it accepts becomes one frame of this protocol, and so
// goes the way of every tracker's record.
package http

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is HTTP ingest. It has no port of its own and is never recognised by bytes.
var Protocol = protocols.Protocol{
	Name:     "http",
	Version:  1,
	MaxLogin: MaxUpdate,
	MaxFrame: MaxUpdate,
	Decode:   decode,
}

// MaxUpdate is the largest update in bytes.
const MaxUpdate = 16 << 10

// MaxAttrs is the most attributes an update may have.
const MaxAttrs = 128

// decode reads one update: a JSON object, whole in its input. The vehicle names itself and is its own device.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n := len(in.Bytes)
	if n == 0 {
		return 0, nil
	}
	parsed, err := protocols.ParseEvent(in.Bytes)
	if err != nil {
		return n, fmt.Errorf("http: %w: %w", protocols.ErrMalformed, err)
	}
	if parsed.Vehicle == "" {
		return n, fmt.Errorf("http: %w: vehicleId is missing", protocols.ErrMalformed)
	}
	if parsed.Alarm != "" && protocols.Alarms[parsed.Alarm] == "" {
		return n, fmt.Errorf("http: %w: unknown alarm %q", protocols.ErrMalformed, parsed.Alarm)
	}
	if len(parsed.Attrs) > MaxAttrs {
		return n, fmt.Errorf("http: %w: more than %d attributes", protocols.ErrMalformed, MaxAttrs)
	}
	if parsed.Kind == protocols.Position && parsed.Has&protocols.HasFix == 0 {
		return n, fmt.Errorf("http: %w: a position needs lat and lng", protocols.ErrMalformed)
	}
	f.Note(in.Bytes, "update", "JSON object; its members are the event's")
	e := f.Add(parsed.Kind)
	attrs := append(e.Attrs, parsed.Attrs...)
	*e = parsed
	e.Attrs = attrs
	if e.Alarm != "" {
		e.Kind = protocols.Alarm
	}
	e.Device = e.Vehicle        // whoever may speak for the vehicle may not speak for a tracker
	e.Session, e.Counter = 0, 0 // the connection's, never the sender's
	e.Received = in.Received
	e.FP = protocols.Fingerprint(bytes.TrimSpace(in.Bytes))
	f.Type = "update"
	s.Device = e.Device
	return n, nil
}
