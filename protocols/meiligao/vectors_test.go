package meiligao

import (
	"bufio"
	"encoding/hex"
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

// vector is one line of testdata/meiligao/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string
	Input     string
	Expect    json.RawMessage
	Command   struct{ Type string }
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
	"adc1": {"ad1", 1}, "adc2": {"ad2", 1}, "adc3": {"ad3", 1}, "adc4": {"ad4", 1}, "adc5": {"ad5", 1}, "adc6": {"ad6", 1}, "adc7": {"ad7", 1},
	"adc8": {"ad8", 1}, "averageFuelConsumption": {"consumption_average", 1}, "battery": {"power_v", 1}, "coolantTemp": {"coolant_c", 1},
	"drivingRange": {"range_m", 1e-3}, "driverUniqueId": {"driver_id", 1}, "dtcs": {"dtcs", 1}, "engineLoad": {"engine_load_pct", 1},
	"fuelConsumption": {"consumption", 1}, "fuelUsed": {"fuel_used_l", 1}, "hardAccelerationCount": {"harsh_accel_count", 1},
	"hardBrakingCount": {"harsh_brake_count", 1}, "in1": {"in1", 1}, "in2": {"in2", 1}, "in3": {"in3", 1}, "in4": {"in4", 1}, "in5": {"in5", 1},
	"obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1}, "out1": {"out1", 1}, "out2": {"out2", 1}, "out3": {"out3", 1},
	"out4": {"out4", 1}, "out5": {"out5", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1}, "singleFuelConsumption": {"trip_fuel_l", 1},
	"throttle": {"throttle_pct", 1}, "card1": {"driver_id", 1},
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
	case "dtcs":
		var o struct{ Attrs struct{ DTCs []string } }
		if json.Unmarshal(e.AppendJSON(nil), &o) != nil || o.Attrs.DTCs == nil {
			return nil
		}
		return strings.Join(o.Attrs.DTCs, " ")
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
func differences(v *vector, f *protocols.Frame) (out []string) {
	ref := &v.Reference
	if want := strings.Join(ref.Replies, ""); hex.EncodeToString(f.Reply) != want {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		if id := ref.Devices[0]; e.Device != "" && e.Device != id {
			out = append(out, "device")
		}
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
	file, err := os.Open("../../testdata/meiligao/vectors.jsonl")
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
	if len(list) != 31 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// allowed are the lines whose expectation is not met, and why.
var allowed = map[int]string{}

// differs are the lines that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	5:  {"time", fraction},
	6:  {"time", fraction},
	9:  {"dtcs odometer", "a number of trouble codes is none; the vehicle's odometer is in kilometres, and not the device's"},
	10: {"driverUniqueId time", noCard + "; " + fraction},
	11: {"time", fraction},
	21: {"alarm", "50 is the cut of the external power"},
	25: {"position", "an altitude of -859117376 m is none"},
	26: {"driverUniqueId", noCard},
}

const (
	fraction = "the fraction of the second is kept"
	noCard   = "a card of zeros is none"
)

// wrongCRC are the lines whose checksum is wrong: their events and answers are shown, and refused.
var wrongCRC = map[int]bool{7: true}

// commands are those of the encoder's lines.
var commands = map[string]protocols.Command{
	"positionPeriodic": {Name: "interval", Args: map[string]string{"seconds": "100"}},
	"rebootDevice":     {Name: "reboot"},
	"engineStop":       {Name: "engine_stop"},
}

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
		switch v.Kind {
		case "encoder":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			b, err := encode(&protocols.Session{Device: "123456789012345"}, commands[v.Command.Type])
			if err != nil || hex.EncodeToString(b) != o.Hex {
				t.Errorf("line %d: encoded %x, want %s: %v", line, b, o.Hex, err)
			}
			continue
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			b := unhex(t, v.Input)
			var m message
			n, err := cut(&m, b, false)
			for errors.Is(err, protocols.ErrGarbage) {
				b = b[n:]
				n, err = cut(&m, b, false)
			}
			if err != nil || hex.EncodeToString(b[:n]) != o.Hex {
				t.Errorf("line %d: first frame has %d bytes: %v", line, n, err)
			}
			continue
		case "hex":
		default:
			t.Fatalf("line %d: unknown kind %q", line, v.Kind)
		}
		rest := unhex(t, v.Input)
		var f protocols.Frame
		for first := true; len(rest) > 0; first = false { // one of them holds three frames
			n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: rest, Final: true, Received: protocols.CaptureTime}, &f)
			if n == 0 || (err != nil) != wrongCRC[line] || err != nil && !errors.Is(err, protocols.ErrChecksum) {
				t.Fatalf("line %d: %v", line, err)
			}
			rest = rest[n:]
			if first {
				compare(t, line, &v, &f)
			}
			f.Reset()
		}
	}
}

// compare holds what a line means against the expectation and the reference.
func compare(t *testing.T, line int, v *vector, f *protocols.Frame) {
	t.Helper()
	if why := unmet(v.Expect, f); (why == "") != (allowed[line] == "") {
		t.Errorf("line %d: %q, but the table says %q", line, why, allowed[line])
	}
	d := differences(v, f)
	slices.Sort(d)
	if got := strings.Join(slices.Compact(d), " "); got != differs[line][0] {
		t.Errorf("line %d differs from the reference in %q, but the table says %q\n%s", line, got, differs[line][0], v.Input)
	}
}
