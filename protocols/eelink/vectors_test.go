package eelink

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

// vector is one line of testdata/eelink/vectors.jsonl.
type vector struct {
	Kind, Input string
	Expect      json.RawMessage
	Reference   struct {
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

// ours is what an attribute of the vectors is called here. They count the analog inputs of V2 from 0.
var ours = map[string]string{
	"adc0": "adc1_v", "adc1": "adc2_v", "armed": "armed", "battery": "battery_v", "blocked": "blocked", "charge": "charging", "co2": "co2_ppm",
	"event": "event", "fuel": "fuel_l", "fuelConsumption": "fuel_consumption", "gps": "gps_running", "humidity": "humidity_pct", "ignition": "ignition",
	"illuminance": "light_lux", "motion": "motion", "odometer": "odometer_m", "rssi": "rssi", "status": "status", "steps": "steps",
	"temp1": "temp1_c", "temp2": "temp2_c",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		return map[string]any{"tampering": "removing", "vibration": "vibration", "geofence_enter": "geofenceEnter"}[e.Alarm]
	case "sat":
		return float64(e.Sats)
	}
	name := ours[key]
	if kind, _ := e.Attrs.Get("type"); strings.HasPrefix(key, "adc") {
		if pid, _ := kind.Float(); pid == pidGPS {
			name = key + "_v"
		}
	}
	a, ok := e.Attrs.Get(name)
	if !ok {
		return nil
	}
	if b, ok := a.Bool(); ok {
		return b
	}
	f, _ := a.Float()
	if strings.HasPrefix(key, "adc") {
		f *= 1000
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
	case string(expect) == "null":
		if len(f.Events) > 0 {
			return "an event where none is expected"
		}
	case len(f.Events) == 0:
		return "no event"
	case json.Unmarshal(expect, &o) == nil && o.Attribute != nil:
		if got := value(&f.Events[0], o.Attribute.Key); !same(got, o.Attribute.Value) {
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
	if strings.Join(ref.Replies, "") != hex.EncodeToString(f.Reply) {
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
			case key == "index": // the number of the package on its connection is no part of the record
			case strings.HasPrefix(key, "tag"):
				out = append(out, "tags")
			case !same(value(e, key), x):
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/eelink/vectors.jsonl")
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
	if len(list) != 27 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// Reasons of differences.
const (
	wrapped = "the answer goes back behind the header of a datagram"
	beacon  = "the tags are in beacons"
	none    = "a device's answer is not answered"
	clock   = "the time is that of receipt; the version of the protocol is as the document says"
)

// differs says by the start of a frame in what it differs from the reference, and why.
var differs = map[string][2]string{
	"454c029249a503": {"reply", wrapped},
	"454c03ea2b0408": {"reply tags", wrapped + "; " + beacon},
	"676780005a0000": {"reply", none},
	"676701000c007b": {"reply", clock},
	"676701000c0026": {"reply", clock},
	"676701000b001b": {"reply", clock},
	"67670700880010": {"odometer", "it is the vehicle's own: obd_odometer_m"},
}

// unmets are expectations that are not met, and why.
var unmets = map[string]string{
	"6767050022001f": "no position", // latitude and longitude are 0, and the device says that they are not valid
	"67670500220025": "no position",
}

// TestVectors compares what each frame means with what the vectors expect and with what their reference made of it. Every deviation is
// in the tables above.
func TestVectors(t *testing.T) {
	used := map[string]bool{}
	for _, v := range vectors(t) {
		if v.Kind != "hex" {
			continue // the command, in TestEncode
		}
		var s protocols.Session
		f := new(protocols.Frame)
		b := unhex(t, v.Input)
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}
		if n, err := protocols.Next(&Protocol, &s, in, f); n != len(b) || err != nil {
			t.Errorf("%s: %v", v.Input, err)
			continue
		}
		key := strings.ToLower(v.Input[:14])
		used[key] = true
		if why := unmet(v.Expect, f); why != unmets[key] {
			t.Errorf("%s: %q, but the table says %q", key, why, unmets[key])
		}
		if got := strings.Join(differences(&v, f, s.Device), " "); got != differs[key][0] {
			t.Errorf("%s differs from the reference in %q, but the table says %q", key, got, differs[key][0])
		}
	}
	for key := range differs {
		if !used[key] {
			t.Errorf("differs: %s is no frame", key)
		}
	}
	for key := range unmets {
		if !used[key] {
			t.Errorf("unmets: %s is no frame", key)
		}
	}
}
