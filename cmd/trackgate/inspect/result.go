package inspect

import (
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/explain"
)

// Result is what came out of one input.
type Result struct {
	Protocol *protocols.Protocol // nil when the input was not recognised
	Reason   string              // why that protocol was taken, when the bytes told
	Datagram bool                // read as a whole UDP datagram
	Device   string              // that the input or the session names; empty before login
	Bytes    []byte              // of the input, the caller's
	Frames   []Frame
	Err      error // why the input as a whole was not understood, or from where on
	Rest     int   // bytes at the end that belong to no frame

	received protocols.Millis
	explain  bool
}

// Frame is one frame of an input.
type Frame struct {
	Offset, Len int // within Bytes
	Type        string
	Events      []protocols.Event
	Reply       []byte
	Close       bool
	Err         error // nil, or why the frame was refused; events and reply only beside an ErrChecksum
	Explanation *explain.Explanation

	before protocols.Session
}

// Fault is the error of the input as `decode --jsonl` tells it: empty, "checksum" when nothing worse than that was wrong, or a text.
func (r *Result) Fault() string {
	fault := ""
	for i := range r.Frames {
		switch err := r.Frames[i].Err; {
		case err == nil:
		case errors.Is(err, protocols.ErrChecksum):
			fault = "checksum"
		default:
			return err.Error()
		}
	}
	if r.Err != nil {
		return r.Err.Error()
	}
	return fault
}

// AppendJSON appends the result as one line of `decode --jsonl`, line end included.
func (r *Result) AppendJSON(b []byte) []byte {
	b = append(b, `{"device":`...)
	if r.Device == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, r.Device)
	}
	b = append(b, `,"events":[`...)
	n := 0
	for i := range r.Frames {
		for k := range r.Frames[i].Events {
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = r.Frames[i].Events[k].AppendJSON(b)
		}
	}
	b = append(b, `],"replies":[`...)
	n = 0
	for i := range r.Frames {
		if reply := r.Frames[i].Reply; len(reply) > 0 {
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = append(b, '"')
			b = hex.AppendEncode(b, reply)
			b = append(b, '"')
		}
	}
	b = append(b, `],"error":`...)
	if fault := r.Fault(); fault == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, fault)
	}
	if r.explain {
		b = r.appendExplain(append(b, `,"explain":`...))
	}
	return append(b, '}', '\n')
}

func appendString(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always encodes
	return append(b, quoted...)
}
