package fanout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// request is what a client may say in one frame; several keys may stand together.
type request struct {
	Auth    string            `json:"auth"`
	Track   ids               `json:"track"`
	Untrack ids               `json:"untrack"`
	MaxHz   *float64          `json:"max_hz"`
	Box     json.RawMessage   `json:"bbox"`
	Groups  json.RawMessage   `json:"groups"`
	Resume  map[string]string `json:"resume"`
	Ping    json.RawMessage   `json:"ping"`

	unknown string // a key that means nothing here; the others are carried out
	boxSet  bool
	box     *box
	inSet   bool
	in      []string      // groups, sorted; nil: none
	gap     time.Duration // of MaxHz
}

// requestKeys are the keys of a request; their case does not matter.
var requestKeys = []string{"auth", "track", "untrack", "max_hz", "bbox", "groups", "resume", "ping"}

// maxUnknown is the longest key in bytes that is repeated to a client.
const maxUnknown = 64

// maxIDs is the most vehicles in one call.
const maxIDs = 1000

// maxGroups is the most groups that a client may follow.
const maxGroups = 100

// ids are vehicles, as texts or, as some clients hold them, numbers.
type ids []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *ids) UnmarshalJSON(raw []byte) error {
	var many []json.RawMessage
	if len(raw) > 0 && raw[0] != '[' {
		many = []json.RawMessage{raw}
	} else if err := json.Unmarshal(raw, &many); err != nil {
		return err
	}
	if len(many) == 0 || len(many) > maxIDs {
		return fmt.Errorf("1 to %d vehicles a call", maxIDs)
	}
	for _, v := range many {
		var s string
		switch {
		case v[0] == '"':
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		case v[0] == '-' || v[0] >= '0' && v[0] <= '9':
			s = string(v)
		default:
			return errors.New("a vehicle is a text or a number")
		}
		if s == "" || len(s) > protocols.MaxIdentity {
			return fmt.Errorf("a vehicle has 1 to %d bytes", protocols.MaxIdentity)
		}
		*l = append(*l, s)
	}
	return nil
}

// parseRequest reads a frame of a client.
func parseRequest(raw []byte) (*request, error) {
	r := new(request)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, errors.New("not a request: " + plain(err))
	}
	eachMember(raw, func(raw, _ []byte) {
		key := text(raw)
		if r.unknown != "" || slices.ContainsFunc(requestKeys, func(k string) bool { return strings.EqualFold(k, key) }) {
			return
		}
		if r.unknown = key; key == "" || len(key) > maxUnknown {
			r.unknown = "?"
		}
	})
	if r.MaxHz != nil {
		if hz := *r.MaxHz; !(hz >= 0 && hz <= 1000) || hz > 0 && hz < 1e-4 {
			return nil, errors.New("max_hz: 0 (no limit), or 0.0001 to 1000")
		}
		r.gap = gapOf(*r.MaxHz)
	}
	if len(r.Resume) > maxIDs {
		return nil, fmt.Errorf("resume: 1 to %d vehicles a call", maxIDs)
	}
	for v := range r.Resume {
		if v == "" || len(v) > protocols.MaxIdentity {
			return nil, fmt.Errorf("resume: a vehicle has 1 to %d bytes", protocols.MaxIdentity)
		}
	}
	if r.Box != nil {
		r.boxSet = true
		if string(bytes.TrimSpace(r.Box)) != "null" {
			var v []float64
			if err := json.Unmarshal(r.Box, &v); err != nil {
				return nil, errors.New("bbox: four numbers are needed: west, south, east, north")
			}
			var err error
			if r.box, err = newBox(v); err != nil {
				return nil, err
			}
		}
	}
	if r.Groups != nil {
		r.inSet = true
		if string(bytes.TrimSpace(r.Groups)) != "null" {
			bad := func(name string) bool { return name == "" || len(name) > protocols.MaxIdentity }
			if json.Unmarshal(r.Groups, &r.in) != nil || len(r.in) == 0 || len(r.in) > maxGroups || slices.ContainsFunc(r.in, bad) {
				return nil, fmt.Errorf("groups: 1 to %d names of 1 to %d bytes, or null", maxGroups, protocols.MaxIdentity)
			}
			slices.Sort(r.in)
			r.in = slices.Compact(r.in)
		}
	}
	return r, nil
}

// gapOf is the least time between two positions at a rate; 0 for no limit.
func gapOf(hz float64) time.Duration {
	if hz <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / hz)
}

// plain is an error's text without the names of our types.
func plain(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return t.Field + " is a " + t.Value
	}
	return err.Error()
}

// unknownMessage is what a client is told about a key that means nothing here.
func unknownMessage(key string) []byte {
	b, _ := json.Marshal(struct {
		Type  string `json:"type"`
		Error string `json:"error"`
		Key   string `json:"key"`
	}{"error", "Unknown key", key})
	return b
}

// errorMessage is what a client is told about a request, and about a vehicle if one is given.
func errorMessage(text, vehicle string) []byte {
	b, _ := json.Marshal(struct {
		Type    string `json:"type"`
		Error   string `json:"error"`
		Vehicle string `json:"vehicle,omitempty"`
	}{"error", text, vehicle})
	return b
}
