package t800x

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

// vector is one line of testdata/t800x/vectors.jsonl.
type vector struct {
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *time.Time `json:"device_time"`
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
	"ac": "ac", "adc1": "adc1_v", "adc2": "adc2_v", "adc3": "adc3_v", "adc4": "adc4_v", "adc5": "adc5_v", "battery": "battery_v",
	"batteryLevel": "battery_pct", "deviceTemp": "temp_device_c", "iccid": "iccid", "ignition": "ignition", "in3": "in3", "in4": "in4",
	"input": "inputs", "lightSensor": "light", "networkBand": "network_band", "networkTechnology": "network_technology", "odometer": "odometer_m",
	"operator": "operator_name", "out1": "out1", "out2": "out2", "out3": "out3", "output": "outputs", "power": "power_v", "rpm": "rpm",
	"rssi": "rssi", "solarPanel": "solar_v", "fuel": "fuel_pct", "fuelUsed": "fuel_used_l", "obdSpeed": "vehicle_speed_kmh",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		return map[string]any{"harsh_accel": "hardAcceleration", "harsh_brake": "hardBraking"}[e.Alarm]
	case "sat":
		return float64(e.Sats)
	case "alarmCode":
		for _, name := range [...]string{"event", "alarm_code"} {
			if a, ok := e.Attrs.Get(name); ok {
				v, _ := a.Float()
				return v
			}
		}
		return 0.0
	}
	a, ok := e.Attrs.Get(ours[key])
	if !ok {
		return nil
	}
	if b, ok := a.Bool(); ok {
		return b
	}
	if f, ok := a.Float(); ok {
		return f
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
	case word == "position" && (f.Events[0].Has&protocols.HasFix == 0 || f.Events[0].NoTime):
		return "no position"
	}
	return ""
}

// differences lists in what a frame's events and answer differ from the reference, which answers no positions and sends a second answer
// without IMEI to asset trackers' Bluetooth.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if len(ref.Replies) > 0 && ref.Replies[0] != hex.EncodeToString(f.Reply) {
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
		} else if math.Abs(r.Lat-e.Lat) > 1e-6 || math.Abs(r.Lon-e.Lng) > 1e-6 || math.Abs(r.Altitude-e.Alt) > 0.006 ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course {
			out = append(out, "position")
		}
		for key, x := range r.Attributes {
			if !same(value(e, key), x) {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/t800x/vectors.jsonl")
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
	if len(list) != 18 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// Reasons of differences.
const (
	serial  = "the number of the packet on its connection is no part of the record"
	noOBD   = "what follows the voltages of types 13 and 14 is no OBD data: it is in raw"
	beacons = "what Bluetooth devices say is in beacons"
	fuel    = "the second speed is missing: 2.530 l, not 165871 l; ffffffff and ffff are none"
	accels  = "acceleration is in accel_x_mg and the like"
)

// differs are the packets that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[string][2]string{
	"25251300590906": {"index", serial},
	"25251300594a1b": {"airInput airPressure airTemp coolantTemp engineLoad fuel fuelConsumption fuelUsed index obdSpeed position rpm throttle", serial + "; " + noOBD + ", nor is 1666 km/h"},
	"27271000247bd0": {"tag1Battery tag1Door tag1Id tag1Rssi tag1Temp", beacons},
	"27271000277bb3": {"tag1Battery tag1Humidity tag1Id tag1LightSensor tag1Rssi tag1Temp", beacons},
	"252514005901c0": {"index", serial},
	"26260200530809": {"fuelConsumption fuelUsed index obdSpeed rpm", serial + "; " + fuel},
	"2727040049001b": {"gSensor index", serial + "; " + accels},
	"25250200440001": {"index", serial},
	"23230200420015": {"index", serial},
}

// TestVectors compares what each packet means with what the vectors expect and with what their reference made of it. Every deviation is
// in the table above.
func TestVectors(t *testing.T) {
	used := map[string]bool{}
	for _, v := range vectors(t) {
		var s protocols.Session
		f := new(protocols.Frame)
		in := protocols.Input{Bytes: unhex(t, v.Input), Received: protocols.CaptureTime}
		if _, err := protocols.Next(&Protocol, &s, in, f); err != nil {
			t.Errorf("%s: %v", v.Input, err)
			continue
		}
		if why := unmet(v.Expect, f); why != "" {
			t.Errorf("%s: %s", v.Input, why)
		}
		key := strings.ToLower(v.Input[:14])
		used[key] = true
		if got := strings.Join(differences(&v, f, s.Device), " "); got != differs[key][0] {
			t.Errorf("%s differs from the reference in %q, but the table says %q", v.Input[:min(len(v.Input), 200)], got, differs[key][0])
		}
	}
	for key := range differs {
		if !used[key] {
			t.Errorf("differs: %s is no packet", key)
		}
	}
}
