package fanout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Message is one event on its way to the clients, with as much of it decoded as the way needs. Nobody changes a message once it is made:
// all clients share it.
type Message struct {
	Vehicle  string
	Seq      string           // empty for a third party's publish
	Time     protocols.Millis // the device's time; the time of arrival where the event has none
	Live     bool             // a valid fix of now: it moves the vehicle on the map
	Alarm    bool             // never conflated
	HasFix   bool
	Lat, Lng float64
	body     []byte // the event's JSON object
}

// MaxMessage is the largest event in bytes that is taken from the bus.
const MaxMessage = 64 << 10

var errTooLarge = errors.New("fanout: message too large")

// NewMessage makes a message of an event; the message keeps nothing of it.
func NewMessage(e *protocols.Event) *Message {
	if e.Vehicle == "" {
		with := *e
		with.Vehicle = e.Device
		e = &with
	}
	var room [1024]byte // most events fit: one allocation, of the right size
	return &Message{
		Vehicle: e.Vehicle, Seq: e.Seq(), Time: e.Time, Live: e.Live(), Alarm: e.Kind == protocols.Alarm || e.Alarm != "",
		HasFix: e.Has&protocols.HasFix != 0, Lat: e.Lat, Lng: e.Lng, body: bytes.Clone(e.AppendJSON(room[:0])),
	}
}

// JSON is the event as a JSON object; the caller must not change it.
func (m *Message) JSON() []byte { return m.body }

// parseMessage reads what somebody published for a vehicle; live says on which of the two channels. The vehicle is that of the channel,
// whatever the payload claims. It keeps payload, or replaces it.
func parseMessage(vehicle string, live bool, payload []byte, now time.Time) (*Message, error) {
	if len(payload) > MaxMessage {
		return nil, errTooLarge
	}
	if vehicle == "" || len(vehicle) > protocols.MaxIdentity {
		return nil, errors.New("fanout: no vehicle has such a name")
	}
	if !json.Valid(payload) {
		return nil, errors.New("fanout: not JSON")
	}
	if bytes.ContainsAny(payload, "\r\n") || payload[0] != '{' || payload[len(payload)-1] != '}' {
		var compact bytes.Buffer // an event is one line, in SSE as in NDJSON
		json.Compact(&compact, payload)
		payload = compact.Bytes()
	}
	m := &Message{Vehicle: vehicle, Time: protocols.At(now), body: payload}
	var haveLat, haveLng, named, foreign bool
	valid, late := true, false
	var bad error
	ok := eachMember(payload, func(key, value []byte) {
		switch string(key) {
		case `"seq"`:
			if seq := text(value); validSeq(seq) {
				m.Seq = seq
			}
		case `"vehicle"`:
			if named || text(value) != vehicle {
				foreign = true
			}
			named = true
		case `"type"`:
			foreign = true // ours stands before it, and readers believe the last
		case `"time"`:
			if string(value) != "null" {
				if m.Time, bad = parseTime(value); bad != nil {
					m.Time = protocols.At(now)
				}
			}
		case `"lat"`:
			m.Lat, haveLat = number(value)
		case `"lng"`:
			m.Lng, haveLng = number(value)
		case `"valid"`:
			valid = string(value) != "false"
		case `"late"`:
			late = string(value) == "true"
		case `"kind"`:
			m.Alarm = m.Alarm || string(value) == `"alarm"`
		case `"alarm"`:
			m.Alarm = m.Alarm || string(value) != "null" && string(value) != `""`
		default:
			foreign = foreign || bytes.IndexByte(key, '\\') >= 0 // an escape may spell one of the names above
		}
	})
	if !ok {
		return nil, errors.New("fanout: not a JSON object")
	}
	if bad != nil {
		return nil, fmt.Errorf("fanout: time: %w", bad)
	}
	var fix protocols.Event
	m.HasFix = haveLat && haveLng && fix.SetFix(m.Lat, m.Lng, true)
	// A clock that is ahead must not freeze the vehicle for everyone behind it.
	m.Live = live && m.HasFix && valid && !late && m.Time <= protocols.At(now)+protocols.FutureBeyond
	if !named || foreign {
		if err := m.rename(payload); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// rename writes the body anew with the message's own vehicle and without the keys that are not the publisher's to set.
func (m *Message) rename(payload []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return fmt.Errorf("fanout: %w", err)
	}
	delete(members, "type")
	members["vehicle"], _ = json.Marshal(m.Vehicle)
	body, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("fanout: %w", err)
	}
	m.body = body
	return nil
}

func validSeq(s string) bool {
	_, _, ok := protocols.ParseSeq(s)
	return ok
}

// text is the value of a JSON string; empty for anything else.
func text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	for _, c := range value[1 : len(value)-1] {
		if c == '\\' {
			var s string
			json.Unmarshal(value, &s)
			return s
		}
	}
	return string(value[1 : len(value)-1])
}

// number is the value of a JSON number; false for anything else.
func number(value []byte) (float64, bool) {
	f, err := strconv.ParseFloat(string(value), 64)
	return f, err == nil
}

func parseTime(value []byte) (protocols.Millis, error) {
	if value[0] == '"' {
		t, err := time.Parse(time.RFC3339, text(value))
		if err != nil {
			return 0, errors.New("not RFC 3339")
		}
		return protocols.At(t), nil
	}
	ms, ok := number(value)
	if !ok || !(ms > 0 && ms < 4e12) {
		return 0, errors.New("neither RFC 3339 nor Unix milliseconds")
	}
	return protocols.Millis(ms), nil
}

// newer says whether a replaces b as the vehicle's position: by the device's time, and within one time by seq. Where the times are equal
// and one has no seq, the later arrival counts unless it says the same.
func newer(a, b *Message) bool {
	if b == nil || a.Time != b.Time {
		return b == nil || a.Time > b.Time
	}
	if a.Seq != "" && b.Seq != "" {
		return a.Seq > b.Seq
	}
	return a != b && string(a.body) != string(b.body)
}

// better says whether a rather than b is what is known last of a vehicle: a live position before anything else, then the newer.
func better(a, b *Message) bool {
	if b == nil || a.Live != b.Live {
		return b == nil || a.Live
	}
	return newer(a, b)
}
