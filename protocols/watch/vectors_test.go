package watch

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/watch/vectors.jsonl.
type vector struct {
	Kind    string // buffer: one frame; frame_hex: bytes as received; encoder: a command
	Input   string
	Expect  json.RawMessage
	Command struct {
		Type       string
		Attributes map[string]any
	}
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *string `json:"device_time"` // or "now"
			Valid      bool
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
			Network    *struct {
				Cells []any `json:"cellTowers"`
				WiFi  []any `json:"wifiAccessPoints"`
			}
		}
		Replies []string
	}
}

// ours is what an attribute of the vectors is called here.
var ours = map[string]string{"batteryLevel": "battery_pct", "heartRate": "heart_rate", "temp1": "temp1_c"}

var alarmsOf = map[string]any{"general": "general", "removing": "tampering", "sos": "sos"}

// value is the event's value of an attribute of the vectors; nil: none.
func value(t *testing.T, e *protocols.Event, key string) any {
	t.Helper()
	switch key {
	case "alarm":
		return e.Alarm
	case "sat":
		return float64(e.Sats)
	}
	if name, ok := ours[key]; ok {
		key = name
	}
	var all map[string]any
	if err := json.Unmarshal(e.Attrs.AppendJSON(nil), &all); err != nil {
		t.Fatal(err)
	}
	return all[key]
}

func want(key string, v any) any {
	if s, ok := v.(string); ok && key == "alarm" {
		return alarmsOf[s]
	}
	return v
}

// unmet says in what a frame's events fall short of the expectation; empty: in nothing.
func unmet(t *testing.T, expect json.RawMessage, f *protocols.Frame) string {
	t.Helper()
	var word string
	if json.Unmarshal(expect, &word) == nil {
		switch {
		case word == "" && len(f.Events) > 0:
			return "an event where none is expected"
		case word == "":
			return ""
		case len(f.Events) != 1:
			return fmt.Sprintf("%d events", len(f.Events))
		case word == "attributes" && len(f.Events[0].Attrs) == 0:
			return "no attribute"
		case word == "position" && f.Events[0].NoTime:
			return "no position" // the reference's are at 0,0 where there is no fix
		}
		return ""
	}
	var o struct {
		Position *struct {
			Time     time.Time
			Valid    bool
			Lat, Lon float64
		}
		Attribute *struct {
			Key   string
			Value any
		}
	}
	if err := json.Unmarshal(expect, &o); err != nil || len(f.Events) != 1 {
		return fmt.Sprintf("%d events: %v", len(f.Events), err)
	}
	e := &f.Events[0]
	if p := o.Position; p != nil {
		if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
			return "another position"
		}
		return ""
	}
	if got, want := value(t, e, o.Attribute.Key), want(o.Attribute.Key, o.Attribute.Value); got != want {
		return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, want)
	}
	return ""
}

// differences lists in what a frame's events and answers differ from the reference.
func differences(t *testing.T, v *vector, f *protocols.Frame, device string) (out []string) {
	t.Helper()
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != device {
		out = append(out, "device")
	}
	if hex.EncodeToString(f.Reply) != strings.Join(ref.Replies, "") {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		if none := r.Time == nil || *r.Time == "now"; none != e.NoTime || !none && *r.Time != e.Time.String() {
			out = append(out, "time")
		}
		if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) || fix && (math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 || r.Valid != e.Valid) {
			out = append(out, "fix")
		}
		if math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt {
			out = append(out, "motion")
		}
		for key, x := range r.Attributes {
			if got := value(t, e, key); got != want(key, x) {
				out = append(out, key)
			}
		}
		if r.Network != nil {
			cells, _ := value(t, e, "cells").([]any)
			wifi, _ := value(t, e, "wifi").([]any)
			if len(cells) != len(r.Network.Cells) || len(wifi) != len(r.Network.WiFi) {
				out = append(out, "network")
			}
		}
	}
	return out
}

// allowed are the frames whose expectation is not met, and differs those that mean something else than in the reference: in what, and why.
var (
	allowed = map[string]string{"[SG*9081000548*0009*LK,0,100]": "the battery of the short link keep is worth an event"}
	differs = map[string][2]string{"[SG*9081000548*0009*LK,0,100]": {"events", "as above"}}
)

// zones are the offsets of the vectors' time zones.
var zones = map[string]string{
	"Europe/Amsterdam": "+01:00", "Atlantic/Azores": "-01:00", "GMT+01:30": "+01:30", "GMT-11:30": "-11:30", "GMT+05:45": "+05:45",
}

// command is the vector's command in the gateway's words.
func (v *vector) command() protocols.Command {
	a := func(key string) string {
		if x, ok := v.Command.Attributes[key]; ok {
			return fmt.Sprint(x)
		}
		return ""
	}
	switch v.Command.Type {
	case "sosNumber":
		return protocols.Command{Name: "sos_number", Args: map[string]string{"index": a("index"), "phone": a("phone")}}
	case "voiceMessage":
		return protocols.Command{Name: "voice", Args: map[string]string{"data": a("data")}}
	case "message":
		return protocols.Command{Name: "message", Text: a("message")}
	case "setTimezone":
		return protocols.Command{Name: "timezone", Args: map[string]string{"zone": zones[a("timezone")], "language": a("language")}}
	}
	return protocols.Command{Name: v.Command.Type, Text: a("data")}
}

// TestVectors feeds each frame to one decoder and compares what comes out with what the vectors expect and with what their reference made
// of it. Every deviation is in a table above, with its reason.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/watch/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var s protocols.Session
	kinds, deviations := map[string]int{}, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		kinds[v.Kind]++
		var bytesWanted struct{ Hex, Text string }
		_ = json.Unmarshal(v.Expect, &bytesWanted) // words are for the frames
		switch v.Kind {
		case "frame_hex":
			b, err := hex.DecodeString(v.Input)
			if err != nil {
				t.Fatal(err)
			}
			var f frame
			if n, err := cut(&f, b, false); err != nil || hex.EncodeToString(b[:n]) != bytesWanted.Hex {
				t.Errorf("%s: first frame has %d bytes: %v", v.Input, n, err)
			}
		case "encoder":
			b, err := encode(&protocols.Session{Device: "123456789012345"}, v.command())
			if err != nil || string(b) != bytesWanted.Text && hex.EncodeToString(b) != bytesWanted.Hex {
				t.Errorf("%s: %q: %v", v.Input, b, err)
			}
		case "buffer":
			f, err := one(t, &s, v.Input)
			if err != nil {
				t.Errorf("%s: %v", v.Input, err)
			}
			if why := unmet(t, v.Expect, f); (why == "") != (allowed[v.Input] == "") {
				t.Errorf("%s: %q, but the table says %q", v.Input, why, allowed[v.Input])
			}
			d := differences(t, &v, f, s.Device)
			slices.Sort(d)
			if got := strings.Join(d, " "); got != differs[v.Input][0] {
				t.Errorf("%s differs from the reference in %q, but the table says %q", v.Input, got, differs[v.Input][0])
			} else if got != "" {
				deviations++
			}
		default:
			t.Errorf("unknown kind %q", v.Kind)
		}
	}
	if kinds["buffer"] < 20 || kinds["frame_hex"] < 6 || kinds["encoder"] < 11 || deviations != len(differs) {
		t.Errorf("%v, %d deviations", kinds, deviations)
	}
}
