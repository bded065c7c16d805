package suntech

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

// vector is one line of testdata/suntech/vectors.jsonl.
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
	"adc1": {"adc1_v", 1}, "adc2": {"adc2_v", 1}, "adc3": {"adc3_v", 1}, "alertModifier": {"alarm_modifier", 1}, "archive": {"archive", 1},
	"assign1": {"battery_v", 1}, "assign2": {"power_v", 1}, "assign3": {"assign3", 1}, "battery": {"battery_v", 1},
	"driverUniqueId": {"driver_id", 1}, "drivingQuality": {"driving_quality", 1}, "event": {"event", 1}, "fuel": {"fuel", 1},
	"fuel0": {"fuel_probe0", 1}, "fuel1": {"fuel_probe1", 1}, "hours": {"hours_s", 1000}, "ignition": {"ignition", 1}, "in1": {"in1", 1},
	"in2": {"in2", 1}, "in3": {"in3", 1}, "index": {"record", 1}, "input": {"inputs", 1}, "io1": {"battery_v", 1}, "io2": {"power_v", 1},
	"io16": {"io_15", 1}, "mode": {"mode", 1}, "odometer": {"odometer_m", 1}, "out1": {"out1", 1}, "out2": {"out2", 1},
	"output": {"outputs", 1}, "power": {"power_v", 1}, "reason": {"reason", 1}, "result": {"result", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1},
	"serial": {"serial_data", 1}, "status": {"mode", 1}, "temp0": {"fuel_probe0_c", 1}, "temp1": {"temp1_c", 1}, "temp2": {"temp2_c", 1},
	"temp3": {"temp3_c", 1}, "versionFw": {"software", 1},
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		if e.Alarm == "" {
			return nil
		}
		return e.Alarm
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
	if len(f.Events) != 1 {
		return fmt.Sprintf("%d events", len(f.Events))
	}
	e := &f.Events[0]
	if json.Unmarshal(expect, &word) == nil {
		switch word {
		case "attributes":
			if len(e.Attrs) == 0 {
				return "no attribute"
			}
			return ""
		case "position":
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
	if hex.EncodeToString(f.Reply) != strings.Join(ref.Replies, "") {
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
	file, err := os.Open("../../testdata/suntech/vectors.jsonl")
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
	if len(list) != 42 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// allowed are the lines whose expectation is not met, and why.
var allowed = map[int]string{
	34: "the one sensor in the report is sensor 1: the expectation takes the flag behind the driver's key for a temperature",
}

// differs are the lines that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	3:  {"input", "the digits of the inputs are binary: 00000101 is 5, not 101"},
	4:  {"serial", "bytes that are no text are kept in hex, with the escapes of 00 and 01 undone"},
	12: {"temp1", "a fuel probe's temperature is not that of temperature sensor 1"},
	34: {"temp1 temp2", "the flag behind the driver's key is no temperature"},
	35: {"driverUniqueId", "a key of zeros is none"},
	36: {"adc1 adc2 battery driverUniqueId hours temp1 temp2 temp3", "an event has mode and number before the hour meter here, and all that follows is two places further"},
	37: {"temp1 temp2", "the flag behind the driver's key is no temperature"},
	40: {"time", "the summary of a trip has a time"},
	41: {"time", "the summary of a trip has a time"},
}

// TestVectors feeds each session's frames to one decoder and compares what comes out with what the vectors expect and with what their
// reference made of them. Every deviation is in a table above, with its reason, and every entry of the tables is used.
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
			b, err := encode(&protocols.Session{Device: "123456789012345"}, protocols.Command{Name: "reboot"})
			if want, _ := json.Marshal(map[string]string{"text": string(b)}); err != nil || string(v.Expect) != strings.Replace(string(want), ":", ": ", 1) && string(v.Expect) != string(want) {
				t.Errorf("line %d: encoded %q, want %s: %v", line, b, v.Expect, err)
			}
			continue
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			var c call
			n, _, err := c.cut(unhex(t, v.Input), false)
			if err != nil || n != len(v.Input)/2 || hex.EncodeToString(c.line) != o.Hex {
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
		if err != nil {
			t.Errorf("line %d: %v", line, err)
			continue
		}
		if why := unmet(v.Expect, f); (why == "") != (allowed[line] == "") {
			t.Errorf("line %d: %q, but the table says %q", line, why, allowed[line])
		}
		d := differences(&v, f, s.Device)
		slices.Sort(d)
		if got := strings.Join(d, " "); got != differs[line][0] {
			t.Errorf("line %d differs from the reference in %q, but the table says %q\n%s", line, got, differs[line][0], v.Input)
		}
	}
}
