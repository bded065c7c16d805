package ruptela

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

// vector is one line of testdata/ruptela/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex: one packet; encoder: a command
	Input     string
	Expect    json.RawMessage
	Command   struct{ Attributes struct{ Data string } }
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
	"adc1": {"adc1_v", 1e-3}, "adc2": {"adc2_v", 1e-3}, "battery": {"battery_v", 1}, "charge": {"charging", 1}, "deviceTemp": {"temp_device_c", 1},
	"driverUniqueId": {"driver_id", 1}, "event": {"event", 1}, "fuel": {"fuel_pct", 1}, "fuelConsumption": {"fuel_rate_lph", 1},
	"fuelLevel": {"fuel_pct", 1}, "fuelUsed": {"fuel_used_l", 1}, "ignition": {"ignition", 1}, "in1": {"in1", 1}, "in2": {"in2", 1},
	"in3": {"in3", 1}, "in4": {"in4", 1}, "io27": {"rssi", 1}, "io28": {"profile", 1}, "motion": {"motion", 1}, "obdOdometer": {"obd_odometer_m", 1},
	"obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1}, "operator": {"operator", 1}, "power": {"power_v", 1},
	"result": {"result", 1}, "rpm": {"rpm", 1}, "type": {"type", 1},
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
	if id, ok := strings.CutPrefix(key, "io"); ok && o.name == "" {
		o.name, o.factor = "io_"+id, 1
	}
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
		Attribute *struct {
			Key   string
			Value any
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
	case word == "attributes":
		if len(f.Events[0].Attrs) == 0 {
			return "no attribute"
		}
	case word == "positions":
		for i := range f.Events {
			e := &f.Events[i]
			if e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852 || e.Alt < -12262 || e.Alt > 18000 {
				return "no position"
			}
		}
	case o.Attribute != nil:
		if got := value(&f.Events[0], o.Attribute.Key); !same(got, o.Attribute.Value) {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, o.Attribute.Value)
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
		return append(out, "events")
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

// differs are the packets that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	1: {"io104 io105 io106", "numbers that JSON readers can not hold are in hex"},
}

// TestVectors compares what comes out with what the vectors expect and with what their reference made of them.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/ruptela/vectors.jsonl")
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
		case "encoder":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			b, err := encode(s, protocols.Command{Name: "custom", Text: v.Command.Attributes.Data})
			if err != nil || !strings.EqualFold(o.Hex, fmt.Sprintf("%x", b)) {
				t.Errorf("line %d: %x, %v, want %s", line, b, err, o.Hex)
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
