package egts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/egts/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex: one packet; frame_hex: a stream, of which Expect is the first packet
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *time.Time `json:"device_time"`
			Valid      bool
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
		}
		Replies []string
	}
}

// ours is what an attribute of the vectors is called here; a factor turns its unit into ours.
var ours = map[string]struct {
	name   string
	factor float64
}{
	"adc1": {"an1", 1}, "adc2": {"an2", 1}, "event": {"event", 1}, "input": {"inputs", 1}, "liquid": {"fuel1_raw", 1}, "odometer": {"odometer_m", 1},
	"output": {"outputs", 1},
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "sat":
		return float64(e.Sats)
	case "hdop":
		return e.HDOP
	}
	o := ours[key]
	a, ok := e.Attrs.Get(o.name)
	if !ok {
		return nil
	}
	if f, ok := a.Float(); ok {
		if b, ok := a.Bool(); ok && key[:2] != "in" {
			return b
		}
		return f / o.factor
	}
	s, _ := a.Text()
	return s
}

func same(got, want any) bool {
	if g, ok := got.(float64); ok {
		w, ok := want.(float64)
		return ok && math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	}
	return got == want
}

// unmet says in what the packet's events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	var o struct {
		Positions *struct {
			Time     time.Time
			Valid    bool
			Lat, Lon float64
		}
	}
	_ = json.Unmarshal(expect, &word) // either of the two
	_ = json.Unmarshal(expect, &o)
	switch {
	case string(expect) == "null":
		if len(f.Events) > 0 {
			return "an event where none is expected"
		}
	case len(f.Events) == 0:
		return "no event"
	case word == "positions":
		for i := range f.Events {
			e := &f.Events[i]
			if e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852 || e.Alt < -12262 || e.Alt > 18000 {
				return "no position"
			}
		}
	case o.Positions != nil:
		p := o.Positions
		for i := range f.Events {
			e := &f.Events[i]
			if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
				return "another position"
			}
		}
	default:
		return "unknown expectation " + string(expect)
	}
	return ""
}

// differences lists in what a packet's events and answers differ from the reference.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if fmt.Sprintf("%x", f.Reply) != strings.Join(ref.Replies, "") {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		out = append(out, "events")
		slices.Sort(out)
		return out
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		if r.Time == nil != e.NoTime || r.Time != nil && protocols.At(*r.Time) != e.Time {
			out = append(out, "time")
		}
		if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) {
			out = append(out, "fix")
		} else if fix && (r.Valid != e.Valid || math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || math.Abs(r.Course-e.Course) > 1e-9 || math.Abs(r.Altitude-e.Alt) > 1e-9) {
			out = append(out, "position")
		}
		for key, want := range r.Attributes {
			if got := value(e, key); !same(got, want) {
				out = append(out, key)
			}
		}
		if _, ok := r.Attributes["alarm"]; !ok && e.Alarm != "" {
			out = append(out, "alarm")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Why packets mean something else here than in the reference.
const (
	whyReply  = "one answer a packet, as documented, with its numbers and priority; the reference answers each record by itself and counts"
	whyHDOP   = "; the precision is in hundredths"
	whyEvents = "; each position of a record is an event; the reference keeps the first"
	whyLiquid = "; the level of a sensor that is marked faulty is not 0 but raw"
)

// differs are the packets that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	3: {"reply", whyReply}, 4: {"reply", whyReply}, 5: {"reply", whyReply}, 6: {"reply", whyReply}, 7: {"reply", whyReply},
	8: {"hdop reply", whyReply + whyHDOP}, 9: {"hdop reply", whyReply + whyHDOP}, 10: {"reply", whyReply},
	11: {"events reply", whyReply + whyEvents}, 12: {"reply", whyReply}, 13: {"liquid reply", whyReply + whyLiquid},
}

// TestVectors compares what comes out with what the vectors expect and with what their reference made of them.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/egts/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	sessions := map[string]*protocols.Session{}
	line := 0
	for lines.Scan() {
		line++
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		switch v.Kind {
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			b := unhex(t, v.Input)
			n, err := decode(new(protocols.Session), protocols.Input{Bytes: b, Received: protocols.CaptureTime}, new(protocols.Frame))
			if err != nil || !strings.EqualFold(o.Hex, fmt.Sprintf("%x", b[:n])) {
				t.Errorf("line %d: %x, %v, want %s", line, b[:n], err, o.Hex)
			}
		case "hex":
			f, err := one(t, s, unhex(t, v.Input))
			if err != nil && !errors.Is(err, protocols.ErrChecksum) {
				t.Errorf("line %d: %v", line, err)
			}
			if why := unmet(v.Expect, f); why != "" {
				t.Errorf("line %d: %s", line, why)
			}
			if got := strings.Join(differences(&v, f, s.Device), " "); got != differs[line][0] {
				t.Errorf("line %d differs from the reference in %q, but the table says %q", line, got, differs[line][0])
			}
		default:
			t.Errorf("unknown kind %q", v.Kind)
		}
	}
	if line < 12 {
		t.Fatalf("%d vectors", line)
	}
}
