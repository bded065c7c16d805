package tk103

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

// vector is one line of testdata/tk103/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // text: a message; frame_hex: bytes as received; encoder: a command
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
	"battery": {"battery_v", 1}, "batteryLevel": {"battery_pct", 1}, "power": {"power_v", 1}, "charge": {"charging", 1}, "fuel": {"fuel_adc", 1},
	"ignition": {"ignition", 1}, "odometer": {"odometer_m", 1}, "result": {"result", 1}, "batteryTemp1": {"bms_temp1_c", 1}, "batteryTemp2": {"bms_temp2_c", 1},
	"in2": {"in2", 1}, "out2": {"out2", 1},
	"powerTemp": {"bms_power_c", 1}, "equilibriumTemp": {"bms_equilibrium_c", 1}, "cycles": {"bms_cycles", 1}, "calibrationCapacity": {"bms_capacity_ah", 1},
	"dischargeCapacity": {"bms_discharged", 1}, "batteryOverheat": {"bms_overheat", 1}, "chargeProtection": {"bms_charge_stop", 1},
	"dischargeProtection": {"bms_discharge_stop", 1}, "faultAlarm": {"bms_fault", 1},
	"maxTemp": {"bms_temp_max_c", 1}, "minTemp": {"bms_temp_min_c", 1}, "maxTempCount": {"bms_temp_max", 1}, "minTempCount": {"bms_temp_min", 1},
}

var alarmsOf = map[string]string{
	"lowBattery": "low_battery", "movement": "movement", "overspeed": "overspeed", "powerCut": "power_cut", "removing": "tampering", "sos": "sos",
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
			math.Abs(r.Speed/0.539957-e.Speed) > 1e-9 || r.Course != e.Course || r.Altitude != e.Alt) {
			out = append(out, "position")
		}
		for key, x := range r.Attributes {
			if _, battery := r.Attributes["soc"]; battery || x == 0.0 && value(e, key) == nil {
				continue // frames of a battery in the wrong byte order; an input that is off
			}
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
	file, err := os.Open("../../testdata/tk103/vectors.jsonl")
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
	if len(list) != 65 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// allowed are the frames whose expectation is not met, and why.
var allowed = map[string]string{
	"358511020000026,DW5B": "cells and access points are no position",
	"864768011069660,ZC11": "0,0 is no fix: an alarm without a position",
	"027028258309BQ86":     "values of the vehicle are kept as they are",
	"013632782450BP05":     "0,0 is no fix",
}

// differs are the frames that mean something else here than in the reference: in what, and why.
var differs = map[string][2]string{
	"352602014867BS50":     {"battery battery1 battery10 battery11 battery12 battery13 battery14 battery2 battery3 battery4 battery5 battery6 battery7 battery8 battery9 batteryLevel charge", "the battery is not that of the device: bms_ names, cells as a list"},
	"027046434858BZ00":     {"odometer", "the last field looks like an I/O state, not like 16777216 m"},
	"868822040452227,DW3B": {"position", "the reference leaves out the altitude"},
	"019358704260BR00":     {"in2", "a bool"},
	"864768011069660,ZC17": {"position", "the reference leaves out the altitude"},
	"864768010869060,DW30": {"position", "the reference leaves out the altitude"},
	"087073104337BZ00":     {"cells", "six cells; the reference keeps the first"},
	"027028258309BQ86":     {"events", "kept as raw"},
	"088047194605BZ00":     {"cells", "three cells; the reference keeps the first"},
	"088048003342BR00":     {"hs3", "in sensors_high"},
	"01029131573BR00":      {"device", "the serial number has 11 characters"},
	"013666666666BO012":    {"reply", "an alarm is confirmed"},
	"013632782450,BP05":    {"reply time", "each login is answered; the date is of 2001, 1024 weeks in the past"},
	"013632651491,BP05":    {"reply", "each login is answered"},
	"864555555555555,DW3B": {"position", "the reference leaves out the altitude"},
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
		case "frame_hex":
			frameVector(t, &v)
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

// frameVector compares the first message that is cut out of bytes as received.
func frameVector(t *testing.T, v *vector) {
	t.Helper()
	b, err := hex.DecodeString(v.Input)
	if err != nil {
		t.Fatal(err)
	}
	var o struct{ Hex string }
	if err := json.Unmarshal(v.Expect, &o); err != nil {
		t.Fatal(err)
	}
	got := ""
	for len(b) > 0 && got == "" {
		n, body := cut(b, false)
		if n == 0 {
			break
		}
		if body != nil {
			got = hex.EncodeToString(b[:n])
		}
		b = b[n:]
	}
	if !strings.EqualFold(got, o.Hex) {
		t.Errorf("%s: first message %s, want %s", v.Input, got, o.Hex)
	}
}

// names are ours of the commands of the vectors.
var names = map[string]string{
	"positionSingle": "position", "positionPeriodic": "interval", "positionStop": "interval_stop", "getVersion": "version", "setOdometer": "odometer_reset",
	"deviceIdentification": "identification", "alarmSos": "sos_on", "custom": "custom", "setConnection": "server", "sosNumber": "sos_number",
}

// encoderVector compares an encoded command.
func encoderVector(t *testing.T, v *vector) {
	t.Helper()
	a := v.Command.Attributes
	text := func(name string) string {
		if a[name] == nil {
			return ""
		}
		return fmt.Sprint(a[name])
	}
	c := protocols.Command{Name: names[v.Command.Type], Text: text("data"), Args: map[string]string{
		"seconds": text("frequency"), "host": text("server"), "port": text("port"), "password": text("devicePassword"), "phone": text("phone")}}
	s := protocols.Session{Device: "123456789012345"}
	if strings.Contains(v.Input, "forceAlternative") {
		s.Options.Extra = "dialect=comma"
	}
	b, err := encode(&s, c)
	if want := fmt.Sprintf(`{"text":%q}`, b); err != nil || string(v.Expect) != want {
		t.Errorf("%s: encoded %s, want %s: %v", v.Command.Type, want, v.Expect, err)
	}
}
