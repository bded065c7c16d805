package atrack

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

// vector is one line of testdata/atrack/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex, buffer: one packet; frame_hex: a stream, of which Expect is the first packet
	Input     string
	Expect    json.RawMessage
	Setup     struct{ Form string }
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *time.Time `json:"fix_time"`
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
	"adc1": {"adc1_v", 1}, "archive": {"archive", 1}, "battery": {"battery_v", 1}, "coolantTemp": {"coolant_c", 1}, "count1": {"pulses", 1},
	"driverUniqueId": {"driver_id", 1}, "engineLoad": {"engine_load_pct", 1}, "event": {"event", 1}, "fuel": {"fuel_pct", 1}, "fuelConsumption": {"fuel_used", 1},
	"hours": {"hours_s", 1e-3}, "iccid": {"iccid", 1}, "input": {"inputs", 1}, "intakeTemp": {"temp_intake_c", 1}, "model": {"model", 1}, "motion": {"motion", 1},
	"odometer": {"odometer_m", 1}, "output": {"outputs", 1}, "power": {"power_v", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1}, "temp1": {"temp1_c", 1},
	"temp2": {"temp2_c", 1}, "throttle": {"throttle_pct", 1}, "type": {"event", 1}, "versionFw": {"software", 1}, "vin": {"vin", 1},
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "sat":
		return float64(e.Sats)
	case "hdop":
		return e.HDOP
	case "result":
		a, _ := e.Attrs.Get(key)
		s, _ := a.Text()
		return "$" + s
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
	_ = json.Unmarshal(expect, &word) // null stays empty
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
	case word == "attributes":
		if len(f.Events[0].Attrs) == 0 {
			return "no attribute"
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
			if got := value(e, key); !same(got, want) && (got != nil || want != 2000. && want != 200.) { // 200 degrees is no sensor
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
	whyReply = "the answer holds the unit, as documented; the reference takes the length for it"
	whyFuel  = "the level in the text has no unit: fuel_level"
	whyStale = "a fix more than ten minutes older than its record is the last one known: not valid, and the time is the record's"
	whyBus   = "; custom fields of the vehicle do not replace what the device measures itself"
	whyGQ    = "; GQ is signal, rssi is GS alone"
)

// differs are the packets that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	6: {"reply", whyReply}, 7: {"reply", whyReply}, 8: {"reply", whyReply}, 9: {"fuel", whyFuel}, 12: {"odometer position temp1 time", whyStale + whyBus},
	13: {"reply", whyReply}, 14: {"reply rssi", whyReply + whyGQ}, 15: {"reply rssi", whyReply + whyGQ}, 16: {"reply", whyReply}, 17: {"rssi", whyGQ},
	19: {"position time", whyStale}, 20: {"position time", whyStale}, 22: {"reply", whyReply},
}

// TestVectors compares what comes out with what the vectors expect and with what their reference made of them.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/atrack/vectors.jsonl")
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
		case "hex", "buffer":
			b := []byte(v.Input)
			if v.Kind == "hex" {
				b = unhex(t, v.Input)
			}
			s.Options.Extra = ""
			if v.Setup.Form != "" {
				s.Options.Extra = "form=" + v.Setup.Form
			}
			f, err := one(t, s, b)
			if err != nil && !errors.Is(err, protocols.ErrChecksum) {
				t.Errorf("line %d: %v", line, err)
			}
			if why := unmet(v.Expect, f); why != "" {
				t.Errorf("line %d: %s", line, why)
			}
			dev := s.Device
			if err != nil {
				dev = f.Events[0].Device
			}
			if got := strings.Join(differences(&v, f, dev), " "); got != differs[line][0] {
				t.Errorf("line %d differs from the reference in %q, but the table says %q", line, got, differs[line][0])
			}
		default:
			t.Errorf("unknown kind %q", v.Kind)
		}
	}
	if line < 22 {
		t.Fatalf("%d vectors", line)
	}
}
