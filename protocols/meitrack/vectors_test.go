package meitrack

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

// vector is one line of testdata/meitrack/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string
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

// ours is what an attribute of the vectors is called here; a factor turns our unit into theirs.
var ours = map[string]struct {
	name   string
	factor float64
}{
	"adc1": {"adc1_v", 1}, "adc2": {"adc2_v", 1}, "adc3": {"adc3_v", 1}, "archive": {"archive", 1}, "battery": {"battery_v", 1},
	"battery2Level": {"battery2_pct", 1}, "battery3Level": {"battery3_pct", 1}, "batteryLevel": {"battery_pct", 1},
	"coolantTemp": {"coolant_c", 1}, "driverUniqueId": {"driver_id", 1}, "event": {"event", 1}, "eventData": {"event_data", 1},
	"fuel": {"fuel_pct", 1}, "fuelConsumption": {"obd_consumption", 1}, "input": {"inputs", 1}, "lock": {"lock", 1},
	"obdOdometer": {"obd_odometer_m", 1}, "obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1}, "output": {"outputs", 1},
	"power": {"power_v", 1}, "result": {"result", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1}, "runtime": {"runtime_s", 1}, "status": {"event_value", 1},
	"taximeterDistance": {"taximeter_distance", 1}, "taximeterEnd": {"taximeter_end", 1}, "taximeterFare": {"taximeter_fare", 1},
	"taximeterStart": {"taximeter_start", 1}, "taximeterTrip": {"taximeter_trip", 1}, "taximeterWait": {"taximeter_wait", 1},
	"temp0": {"temp0_c", 1}, "temp6": {"temp6_c", 1},
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		if e.Alarm == "" {
			return nil
		}
		return e.Alarm
	case "hdop":
		if e.Has&protocols.HasHDOP == 0 {
			return nil
		}
		return e.HDOP
	case "tagBattery", "tagHumidity", "tagName", "tagTemp":
		var o struct {
			Attrs struct{ Beacons []map[string]any }
		}
		if json.Unmarshal(e.AppendJSON(nil), &o) != nil || len(o.Attrs.Beacons) != 1 {
			return nil
		}
		return o.Attrs.Beacons[0][map[string]string{"tagBattery": "battery_pct", "tagHumidity": "humidity_pct", "tagName": "name", "tagTemp": "temp_c"}[key]]
	case "sat":
		if e.Has&protocols.HasSats == 0 {
			return nil
		}
		return float64(e.Sats)
	}
	a, ok := e.Attrs.Get(ours[key].name)
	if !ok {
		return nil
	}
	if b, ok := a.Bool(); ok {
		return b
	}
	if f, ok := a.Float(); ok {
		return f * ours[key].factor
	}
	s, _ := a.Text()
	return s
}

// same compares; the reference has some numbers as text.
func same(got, want any) bool {
	g, ok := got.(float64)
	if !ok {
		return got == want
	}
	switch w := want.(type) {
	case float64:
		return math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	case string:
		v, _, ok := decimal([]byte(w))
		return ok && (fmt.Sprint(g) == w || float64(v) == g || fmt.Sprintf("%.1f", g) == w || fmt.Sprintf("%.0f", g) == w)
	}
	return false
}

// unmet says in what the frame's events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	var o struct {
		Position *struct {
			Time     time.Time
			Valid    bool
			Lat, Lon float64
		}
		Positions *struct {
			Time     time.Time
			Valid    bool
			Lat, Lon float64
		}
		Attribute *struct {
			Key   string
			Value any
		}
	}
	if string(expect) == "null" {
		if len(f.Events) > 0 {
			return "an event where none is expected"
		}
		return ""
	}
	if len(f.Events) == 0 {
		return "no event"
	}
	e := &f.Events[0]
	if json.Unmarshal(expect, &word) == nil {
		switch word {
		case "attributes":
			if len(e.Attrs) == 0 {
				return "no attribute"
			}
			return ""
		case "position", "positions":
			if e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852 {
				return "no position"
			}
			return ""
		}
		return "unknown word"
	}
	if err := json.Unmarshal(expect, &o); err != nil {
		return err.Error()
	}
	if o.Position == nil {
		o.Position = o.Positions
	}
	switch {
	case o.Position != nil:
		p := o.Position
		if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
			return "another position"
		}
	case o.Attribute != nil:
		if got := value(e, o.Attribute.Key); !same(got, o.Attribute.Value) {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, o.Attribute.Value)
		}
	default:
		return "unknown expectation"
	}
	return ""
}

// differences lists in what a frame's events and answers differ from the reference.
func differences(v *vector, f *protocols.Frame, device string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != device {
		out = append(out, "device")
	}
	if want := strings.Join(ref.Replies, ""); string(f.Reply) != strings.TrimPrefix(want, "text:") {
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
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt) {
			out = append(out, "position")
		}
		for key, want := range r.Attributes {
			got := value(e, key)
			if key == "type" || key == "archive" && want == false && got == nil {
				continue // the type is the frame's, the mark is said only where it is true
			}
			if !same(got, want) {
				out = append(out, key)
			}
		}
		if _, ok := r.Attributes["alarm"]; !ok && e.Alarm != "" {
			out = append(out, "alarm")
		}
	}
	return out
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/meitrack/vectors.jsonl")
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

// allowed are the lines whose expectation is not met, and why.
var allowed = map[int]string{}

// differs are the lines that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	2:  {"hdop", tenths},
	3:  {"hdop", tenths},
	7:  {"hdop", tenths},
	8:  {"alarm", batchAlarms},
	9:  {"alarm", "event 22 has the name power_restored here"},
	10: {"alarm", batchAlarms},
	11: {"alarm hdop", batchAlarms + "; " + tenths},
	13: {"taximeterOn", "the state of the taximeter is kept as it is sent: its digits are not documented"},
	14: {"hdop", tenths},
	15: {"adc1", "analog inputs are hundredths of a volt on new models"},
	16: {"adc1 adc2 battery power", oldScale + " (MVT340: 652 is 3.82 V, not 6.52 V)"},
	17: {"adc1 adc2 adc3 battery power", oldScale},
	18: {"adc1 adc2", "analog inputs are hundredths of a volt where the battery is not on an old scale"},
	19: {"adc1 battery power", oldScale},
	20: {"adc1 adc2 adc3 battery", oldScale},
	21: {"adc1 adc2 adc3 battery", oldScale},
	22: {"adc1 adc2 adc3 battery", oldScale},
	23: {"adc1 adc2 adc3 battery power", oldScale},
	24: {"adc1 adc2 adc3 battery", oldScale},
	25: {"adc1 adc2 adc3 battery power", oldScale},
	26: {"adc1 status", "the analog input is hundredths of a volt; 2 is the mask of the outputs"},
}

const (
	tenths      = "HDOP is in tenths"
	batchAlarms = "an event raises its alarm in batches as it does in text"
	oldScale    = "old models scale their analog values: a battery of 24 V would not be one"
)

// wrongSum are the lines whose checksum is wrong: their events and answers are shown, and refused.
var wrongSum = map[int]bool{3: true, 9: true, 15: true}

// cutOff are the lines that are the beginning of a frame.
var cutOff = map[int]bool{12: true}

// TestVectors feeds each session's frames to one decoder and compares what comes out with what the vectors expect and with what their
// reference made of them. Every deviation is in a table above, with its reason.
func TestVectors(t *testing.T) {
	sessions := map[string]*protocols.Session{}
	for i, v := range vectors(t) {
		line := i + 1
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		var frame []byte
		switch v.Kind {
		case "encoder":
			b, err := encode(&protocols.Session{Device: "123456789012345"}, protocols.Command{Name: "position"})
			var o struct{ Text string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			if err != nil || string(b) != o.Text {
				t.Errorf("line %d: encoded %q, want %q: %v", line, b, o.Text, err)
			}
			continue
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			var m message
			n, err := cut(&m, unhex(t, v.Input), false)
			if err != nil || v.Input[:2*n] != o.Hex || m.badSum {
				t.Errorf("line %d: first frame has %d bytes: %v", line, n, err)
			}
			continue
		case "hex":
			frame = unhex(t, v.Input)
		case "buffer":
			for _, r := range v.Input {
				frame = append(frame, byte(r))
			}
		default:
			t.Fatalf("line %d: unknown kind %q", line, v.Kind)
		}
		f, err := one(t, s, frame)
		if (err != nil) != (wrongSum[line] || cutOff[line]) || errors.Is(err, protocols.ErrChecksum) != wrongSum[line] {
			t.Errorf("line %d: %v", line, err)
			continue
		}
		if why := unmet(v.Expect, f); (why == "") != (allowed[line] == "") {
			t.Errorf("line %d: %q, but the table says %q", line, why, allowed[line])
		}
		device := string(v.imei())
		d := differences(&v, f, device)
		slices.Sort(d)
		if got := strings.Join(slices.Compact(d), " "); got != differs[line][0] {
			t.Errorf("line %d differs from the reference in %q, but the table says %q\n%s", line, got, differs[line][0], v.Input)
		}
	}
}

// imei is the device that the events of the line are of, whether or not its checksum let the session learn it.
func (v *vector) imei() []byte {
	if len(v.Reference.Devices) == 1 {
		return []byte(v.Reference.Devices[0])
	}
	return nil
}
