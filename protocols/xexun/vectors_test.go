package xexun

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/xexun/vectors.jsonl.
type vector struct {
	Kind      string // text, or frame_hex: bytes as received
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       time.Time `json:"device_time"`
			Valid      bool
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
		}
	}
}

// reasons say why a frame differs from the reference wherever it does.
var reasons = map[string]string{
	"serial":       "the digits in front are a date and time, not a serial number: local_time",
	"time":         "thousandths of a second count, and a message without date and time has none",
	"rollover":     "a date of 2003 is 1024 weeks in the past",
	"position":     "0, 0 is no fix",
	"events":       "a status without a position is an event too",
	"framing":      "a serial and a phone number make the line one message",
	"missing date": "a message without date and time has the time of its receipt",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	text := func(name string) any {
		if a, ok := e.Attrs.Get(name); ok {
			if s, ok := a.Text(); ok {
				return s
			}
			if b, ok := a.Bool(); ok {
				return b
			}
			f, _ := a.Float()
			return f
		}
		return nil
	}
	switch key {
	case "alarm":
		return e.Alarm
	case "sat":
		return float64(e.Sats)
	case "power":
		return text("battery_v")
	case "number":
		return text("phone")
	case "signal":
		if text("signal_low") == true {
			return "L"
		}
		return "F"
	}
	return text(key)
}

// differences lists in what a frame's events differ from the reference.
func differences(v *vector, f *protocols.Frame, device string) (out []string) {
	ref := &v.Reference
	if len(ref.Records) != len(f.Events) {
		return []string{"events"}
	}
	if len(ref.Devices) == 1 && ref.Devices[0] != device {
		out = append(out, "device")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		_, rolled := e.Attrs.Get("rollover")
		switch at := protocols.At(r.Time); {
		case rolled:
			out = append(out, "rollover")
		case e.NoTime:
			out = append(out, "missing date")
		case e.Time != at:
			out = append(out, "time")
		}
		if math.Abs(r.Lat-e.Lat) > 1e-6 || math.Abs(r.Lon-e.Lng) > 1e-6 || r.Valid != e.Valid || math.Abs(r.Altitude-e.Alt) > 1e-6 ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || math.Abs(r.Course-e.Course) > 1e-6 {
			out = append(out, "position")
		}
		for key, want := range r.Attributes {
			if got := value(e, key); got != want {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unmet says in what an event falls short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	var o struct {
		Position *struct {
			Time     time.Time
			Valid    bool
			Lat, Lon float64
		}
	}
	if string(expect) == "null" {
		if slices.ContainsFunc(f.Events, func(e protocols.Event) bool { return e.Has&protocols.HasFix != 0 }) {
			return "a position where none is expected"
		}
		return ""
	}
	if len(f.Events) != 1 {
		return "another number of events"
	}
	e := &f.Events[0]
	if json.Unmarshal(expect, &word) == nil {
		if word == "position" && (e.Has&protocols.HasFix == 0 || e.NoTime) || len(e.Attrs) == 0 && word == "attributes" {
			return "no " + word
		}
		return ""
	}
	if err := json.Unmarshal(expect, &o); err != nil || o.Position == nil {
		return "unknown expectation"
	}
	if p := o.Position; e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
		return "another position"
	}
	return ""
}

// TestVectors compares what each message means with what the vectors expect and with what their reference made of it.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/xexun/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n, differ := 0, map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		var s protocols.Session
		f := new(protocols.Frame)
		if v.Kind == "frame_hex" {
			var want struct{ Hex string }
			b, err := hex.DecodeString(v.Input)
			if err != nil || json.Unmarshal(v.Expect, &want) != nil {
				t.Fatal(err)
			}
			used, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, f)
			if differ["framing"]++; err != nil || used != len(b)-1 || !strings.Contains(v.Input, want.Hex) || b[used-1] != '\n' {
				t.Errorf("framing took %d of %d bytes: %v", used, len(b), err)
			}
			continue
		}
		if _, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: []byte(v.Input), Received: protocols.CaptureTime, Final: true}, f); err != nil {
			t.Errorf("%s: %v", v.Input, err)
			continue
		}
		if why := unmet(v.Expect, f); why != "" {
			t.Errorf("%s: %s", v.Input, why)
		}
		for _, what := range differences(&v, f, s.Device) {
			if differ[what]++; reasons[what] == "" {
				t.Errorf("%s differs from the reference in %s without a reason", v.Input, what)
			}
		}
	}
	if n != 26 {
		t.Errorf("%d vectors", n)
	}
	for what := range reasons {
		if differ[what] == 0 {
			t.Errorf("nothing differs in %s", what)
		}
	}
}
