package gps103

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/gps103/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // text: a message; encoder: a command
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       string `json:"device_time"`
			Valid      bool
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
			Network    struct {
				Cells []json.RawMessage `json:"cellTowers"`
			}
		}
		Replies []string
	}
	Command struct {
		Type       string
		Attributes map[string]any
	}
}

// ours is what an attribute of the vectors is called here; a factor turns its unit into ours.
var ours = map[string]struct {
	name   string
	factor float64
}{
	"battery": {"power_v", 1}, "charge": {"charging", 1}, "coolantTemp": {"coolant_c", 1}, "door": {"door", 1}, "driverUniqueId": {"driver_id", 1},
	"engineLoad": {"engine_load_pct", 1}, "event": {"keyword", 1}, "fuel": {"fuel_pct", 1}, "fuel1": {"fuel_pct", 1}, "fuel2": {"fuel2_pct", 1},
	"fuelConsumption": {"fuel_avg_l100km", 1}, "hours": {"hours_s", 1e-3}, "ignition": {"ignition", 1}, "obdSpeed": {"vehicle_speed_kmh", 1},
	"odometer": {"odometer_m", 1e3}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1}, "temp1": {"temp1_c", 1}, "throttle": {"throttle_pct", 1},
}

var alarmsOf = map[string]string{
	"bonnet": "bonnet", "footBrake": "general", "fuelLeak": "fuel_leak", "movement": "movement", "powerCut": "power_cut", "sos": "sos",
	"temperature": "temperature", "vibration": "vibration",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch {
	case key == "alarm" && e.Alarm != "":
		return e.Alarm
	case key == "sat" && e.Has&protocols.HasSats != 0:
		return float64(e.Sats)
	case key == "hdop" && e.Has&protocols.HasHDOP != 0:
		return e.HDOP
	case key == "course":
		return e.Course
	}
	a, ok := e.Attrs.Get(ours[key].name)
	if !ok {
		return nil
	}
	if b, ok := a.Bool(); ok {
		return b
	}
	if f, ok := a.Float(); ok {
		return f / ours[key].factor
	}
	s, _ := a.Text()
	return s
}

func wanted(key string, v any) any {
	if s, ok := v.(string); ok && key == "alarm" {
		return alarmsOf[s]
	} else if ok && strings.HasSuffix(s, "%") {
		f, _ := strconv.ParseFloat(s[:len(s)-1], 64)
		return f
	}
	return v
}

func same(got, want any) bool {
	g, ok1 := got.(float64)
	w, ok2 := want.(float64)
	if ok1 && ok2 {
		return math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	}
	return got == want
}

// unmet says in what the events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
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
	var word string
	if json.Unmarshal(expect, &word) == nil {
		switch {
		case word == "attributes" && len(e.Attrs) == 0:
			return "no attribute"
		case word == "position" && e.Has&protocols.HasFix == 0:
			return "no position"
		}
		return ""
	}
	if err := json.Unmarshal(expect, &o); err != nil {
		return err.Error()
	}
	switch p := o.Position; {
	case p != nil:
		if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
			return "another position"
		}
	case o.Attribute != nil:
		if got, want := value(e, o.Attribute.Key), wanted(o.Attribute.Key, o.Attribute.Value); !same(got, want) {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, want)
		}
	}
	return ""
}

// differences lists in what a frame's events and answers differ from the reference.
func differences(v *vector, f *protocols.Frame, device string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != device {
		out = append(out, "device")
	}
	if reply := strings.TrimPrefix(strings.Join(ref.Replies, ""), "text:"); reply != string(f.Reply) {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		if at, err := time.Parse(time.RFC3339, r.Time); (err != nil) != e.NoTime || err == nil && protocols.At(at) != e.Time {
			out = append(out, "time")
		}
		if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) {
			out = append(out, "fix")
		} else if fix && (r.Valid != e.Valid || math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-9 || r.Course != e.Course || r.Altitude != e.Alt) {
			out = append(out, "position")
		}
		for key, x := range r.Attributes {
			if !same(value(e, key), wanted(key, x)) {
				out = append(out, key)
			}
		}
		if _, ok := r.Attributes["alarm"]; !ok && e.Alarm != "" {
			out = append(out, "alarm")
		}
		if a, _ := e.Attrs.Get("cells"); len(r.Network.Cells) != cellsIn(a) {
			out = append(out, "cells")
		}
	}
	return out
}

// cellsIn counts the cells of a list.
func cellsIn(a protocols.Attr) int {
	raw := protocols.Attrs{a}.AppendJSON(nil)
	return strings.Count(string(raw), `"lac":`)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/gps103/vectors.jsonl")
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
	if len(list) != 54 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// allowed are the frames whose expectation is not met, and why.
var allowed = map[string]string{
	"865328021049167,OBD": "a bare sign for the coolant is no fault of the rest",
}

// differs are the frames that mean something else here than in the reference: in what, and why.
var differs = map[string][2]string{
	"861359038609986,Equipo 1,---,------,----,214734": {"position", "67 km/h: the reference calculates with 0.539957 knots"},
	"868683027758113,OBD":                             {"dtcs fuelConsumption odometer time", "the zone of the local time is not known; an empty value is none; codes are a list"},
	"865328021049167,OBD":                             {"events", "OBD values beside a coolant that is a bare sign"},
	"359710049032874,OBD":                             {"dtcs fuelConsumption time", "as above; the odometer is in km, which the reference leaves to its reader"},
	"012497000208821":                                 {"time", "the time of day has fractions of a second"},
	"359587010124900":                                 {"time", "the time of day has fractions of a second"},
	"359586015829802,help me,0809231429":              {"time", "the time of day has fractions of a second"},
	"359586015829802,move":                            {"time", "the time of day has fractions of a second"},
	"353552045375005":                                 {"position time", "the clone sends km/h, and its local time is UTC with seconds"},
	"353552045403597":                                 {"time", "the local time has seconds"},
	"865328023776874":                                 {"ignition temp1", "the keyword says acc off; the temperature is in the field behind the two of fuel"},
}

// lookup finds the entry whose key is in the frame.
func lookup[T any](table map[string]T, frame string) (value T, key string) {
	for key, value := range table {
		if strings.Contains(frame, key) {
			return value, key
		}
	}
	return value, ""
}

// TestVectors feeds each session's frames to one decoder and compares what comes out with what the vectors expect and with what their
// reference made of them. Every deviation is in a table above, with its reason, and every entry of the tables is used.
func TestVectors(t *testing.T) {
	sessions := map[string]*protocols.Session{}
	used := map[string]bool{}
	for _, v := range vectors(t) {
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		switch v.Kind {
		case "encoder":
			encoderVector(t, &v)
		case "text":
			f := all(t, s, []byte(v.Input))
			why := unmet(v.Expect, f)
			reason, key := lookup(allowed, v.Input)
			if used[key] = true; (why == "") != (reason == "") {
				t.Errorf("%q: %q, but the table says %q", v.Input, why, reason)
			}
			d := differences(&v, f, s.Device)
			slices.Sort(d)
			known, key := lookup(differs, v.Input)
			used["differs "+key] = true
			if got := strings.Join(d, " "); got != known[0] {
				t.Errorf("%q differs from the reference in %q, but the table says %q", v.Input, got, known[0])
			}
		}
	}
	for key := range allowed {
		if !used[key] {
			t.Errorf("allowed: %s is no frame", key)
		}
	}
	for key := range differs {
		if !used["differs "+key] {
			t.Errorf("differs: %s is no frame", key)
		}
	}
}

// all is what the messages of a line mean together.
func all(t testing.TB, s *protocols.Session, line []byte) *protocols.Frame {
	t.Helper()
	sum, f := new(protocols.Frame), new(protocols.Frame)
	in := protocols.Input{Bytes: line, Received: protocols.CaptureTime, Final: true}
	used, err := protocols.Drain(&Protocol, s, in, f, func(raw []byte, err error) bool {
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		sum.Reply = append(sum.Reply, f.Reply...)
		for _, e := range f.Events {
			e.Attrs = slices.Clone(e.Attrs)
			sum.Events = append(sum.Events, e)
		}
		return true
	})
	if err != nil || used != len(line) {
		t.Errorf("%q: %d bytes: %v", line, used, err)
	}
	return sum
}

// encoderVector compares an encoded command.
func encoderVector(t *testing.T, v *vector) {
	t.Helper()
	c := protocols.Command{Name: v.Command.Type}
	switch v.Command.Type {
	case "custom":
		c.Text = v.Command.Attributes["data"].(string)
	case "positionPeriodic":
		c.Name, c.Args = "interval", map[string]string{"seconds": fmt.Sprint(v.Command.Attributes["frequency"])}
	}
	b, err := encode(&protocols.Session{Device: "123456789012345"}, c)
	if want := fmt.Sprintf(`{"text":%q}`, b); err != nil || string(v.Expect) != want {
		t.Errorf("%s: encoded %s, want %s: %v", v.Command.Type, want, v.Expect, err)
	}
}
