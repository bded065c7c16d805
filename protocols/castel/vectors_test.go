package castel

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

// vector is one line of testdata/castel/vectors.jsonl.
type vector struct {
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

// ours is what an attribute of the vectors is called here.
var ours = map[string]string{
	"battery": "battery_v", "batteryLevel": "battery_pct", "coolantTemp": "coolant_c", "deviceTemp": "temp_device_c", "engineLoad": "engine_load_pct",
	"fuel": "fuel_pct", "fuelConsumption": "fuel_used_l", "ignition": "ignition", "intakeTemp": "intake_air_c", "mapIntake": "intake_map_kpa",
	"milDistance": "mil_distance_km", "obdSpeed": "vehicle_speed_kmh", "odometer": "odometer_m", "rpm": "rpm", "status": "status",
	"throttle": "throttle_pct", "tripOdometer": "trip_m",
}

// value is the event's value of an attribute of the vectors; nil: none.
func valueOf(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		return map[string]any{"power_on": "powerOn"}[e.Alarm]
	case "sat":
		return float64(e.Sats)
	}
	a, ok := e.Attrs.Get(ours[key])
	if !ok {
		return nil
	}
	if b, ok := a.Bool(); ok {
		return b
	}
	f, _ := a.Float()
	if key == "fuelConsumption" {
		f *= 100 // the vectors keep it as sent
	}
	return f
}

func same(got, want any) bool {
	if g, ok := got.(float64); ok {
		w, ok := want.(float64)
		return ok && math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	}
	return got == want
}

// unmet says in what the frame's events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	var o struct {
		Attribute *struct {
			Key   string
			Value any
		}
	}
	switch {
	case string(expect) == "null": // no position
		for i := range f.Events {
			if f.Events[i].Has&protocols.HasFix != 0 {
				return "a position where none is expected"
			}
		}
	case len(f.Events) == 0:
		return "no event"
	case json.Unmarshal(expect, &o) == nil && o.Attribute != nil:
		if got := valueOf(&f.Events[0], o.Attribute.Key); !same(got, o.Attribute.Value) {
			return "another " + o.Attribute.Key
		}
	case json.Unmarshal(expect, &word) != nil:
		return "unknown expectation"
	case word == "attributes" && len(f.Events[0].Attrs) == 0:
		return "no attributes"
	case word == "position" || word == "positions":
		for i := range f.Events {
			if f.Events[i].Has&protocols.HasFix == 0 || f.Events[i].NoTime {
				return "no position"
			}
		}
	}
	return ""
}

// differences lists in what a frame's events and answer differ from the reference.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if strings.Join(ref.Replies[:min(1, len(ref.Replies))], "") != hex.EncodeToString(f.Reply) {
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
		} else if math.Abs(r.Lat-e.Lat) > 1e-6 || math.Abs(r.Lon-e.Lng) > 1e-6 || math.Abs(r.Altitude-e.Alt) > 0.006 || r.Valid != e.Valid ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course {
			out = append(out, "position")
		}
		for key, x := range r.Attributes {
			switch {
			case !same(valueOf(e, key), x):
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/castel/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	if len(list) != 23 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// Reasons of differences.
const (
	stated  = "the time is that of the state"
	sae     = "values are SAE's bytes by the document; TestConvertedValues reads them as the reference does"
	clock   = "the answer holds the time"
	ownHead = "the answer begins as MPIP's packets do"
	kept    = "what the reference drops is a status or an alarm without a position"
	each    = "each alarm is an event"
	unknown = "255 is no charge: the battery is not told"
)

// differs says by the place of a vector in what it differs from the reference, and why.
var differs = map[int][2]string{
	0:  {"coolantTemp fuel intakeTemp rpm time", sae + "; " + stated},
	2:  {"events", each},
	3:  {"time", stated},
	4:  {"reply", ownHead},
	5:  {"reply", clock},
	6:  {"reply", clock},
	7:  {"reply events", clock + "; " + kept},
	8:  {"time", stated},
	10: {"reply events", clock + "; " + kept},
	11: {"reply", ownHead},
	14: {"time", stated},
	15: {"events", kept},
	16: {"battery", unknown},
	17: {"events", kept},
	18: {"events", kept},
	19: {"coolantTemp engineLoad intakeTemp rpm throttle time", sae + "; " + stated},
	20: {"events", kept},
}

// TestVectors compares what each frame means with what the vectors expect and with what their reference made of it. Every deviation is
// in the tables above.
func TestVectors(t *testing.T) {
	for i, v := range vectors(t) {
		var s protocols.Session
		f := new(protocols.Frame)
		b := unhex(t, v.Input)
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}
		n, err := protocols.Next(&Protocol, &s, in, f)
		if twice := len(b) == 2*n && string(b[:n]) == string(b[n:]); err != nil || n != len(b) && !twice {
			t.Errorf("%s: %v", v.Input, err)
			continue
		}
		if why := unmet(v.Expect, f); why != "" {
			t.Errorf("%d: %s: %s", i, v.Input, why)
		}
		if got := strings.Join(differences(&v, f, s.Device), " "); got != differs[i][0] {
			t.Errorf("%d: %s differs from the reference in %q, but the table says %q", i, v.Input, got, differs[i][0])
		}
	}
}

// TestConvertedValues: at 121 km/h an engine turns 2121 times and not 530: these dongles send values in their units, which the operator has to say.
func TestConvertedValues(t *testing.T) {
	list := vectors(t)
	for _, i := range [...]int{0, 19} {
		s := protocols.Session{Options: protocols.Options{Extra: "pids=converted"}}
		f, err := one(t, &s, list[i].Input)
		if got := strings.Join(differences(&list[i], f, s.Device), " "); err != nil || got != "time" {
			t.Errorf("%d: differs from the reference in %q: %v", i, got, err)
		}
	}
}
