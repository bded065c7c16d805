package h02

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

// vector is one line of testdata/h02/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex, buffer: one frame; frame_hex: bytes as received; encoder: a command
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

// ours is what an attribute of the vectors is called here.
var ours = map[string]string{
	"battery": "voltage_code", "batteryLevel": "battery_pct", "fuel": "fuel", "ignition": "ignition", "odometer": "odometer_m", "result": "result",
	"rssi": "rssi", "status": "status", "steps": "steps", "temp1": "temp1_c", "turnovers": "turnovers",
	"io1": "io_1", "io2": "io_2", "io3": "io_3", "io4": "io_4", "io5": "io_5", "io6": "io_6", "io7": "io_7", "io8": "io_8",
}

var alarmsOf = map[string]string{"powerCut": "power_cut", "sos": "sos"}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch {
	case key == "alarm" && e.Alarm != "":
		return e.Alarm
	case key == "sat" && e.Has&protocols.HasSats != 0:
		return float64(e.Sats)
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

func wanted(key string, v any) any {
	if s, ok := v.(string); ok && key == "alarm" {
		return alarmsOf[s]
	}
	return v
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
		if got, want := value(e, o.Attribute.Key), wanted(o.Attribute.Key, o.Attribute.Value); got != want {
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
	// The reference answers with the time of its making.
	reply := strings.Replace(strings.TrimPrefix(strings.Join(ref.Replies, ""), "text:"), "20261122175321", "20260601120000", 1)
	if reply != string(f.Reply) {
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
			if value(e, key) != wanted(key, x) {
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
	file, err := os.Open("../../testdata/h02/vectors.jsonl")
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

// bytesOf is the input as it was on the wire.
func bytesOf(t testing.TB, v *vector) []byte {
	t.Helper()
	if v.Kind == "hex" || v.Kind == "frame_hex" {
		b, err := hex.DecodeString(v.Input)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var b []byte
	for _, r := range v.Input {
		b = append(b, byte(r))
	}
	return b
}

// allowed are the frames whose expectation is not met, and why.
var allowed = map[string]string{
	"*HQ,353505510948929,V1,,V,,N": "no position, but a status word and a cell: a status event",
}

// differs are the frames that mean something else here than in the reference: in what, and why.
var differs = map[string][2]string{
	"3177718238,V6":             {"cells io1 io2 io3 io4 io5", "the four numbers behind the status word are a cell, the fifth is the number of the SIM"},
	"9180271064,V5":             {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell"},
	"24918027118008":            {"cells", "45 bytes: cell behind the status word"},
	"353505221264507,V2":        {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"353505221264507,VI1":       {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"*HQ,,V1,173212":            {"reply", "the device is known from the frames before"},
	"353505510948929,V1,,V":     {"events reply", "a status event; each V1 is answered"},
	"356327080425330,VP1":       {"time", "the date has no time of day: that of the receipt"},
	"1700086468,LINK":           {"ignition", "wearables have none"},
	"24213051093801":            {"cells position", "46 bytes: altitude 17 m and a cell"},
	"4210209006,V1":             {"io1 io2 io3 io4", "an operator without a cell"},
	"4109179024,V19":            {"time", "the date stands before phone number and ICCID"},
	"4106012736,V1":             {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell"},
	"353588020068342,V1,084436": {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"353505220873067,V1":        {"alarm cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal; bit 4 is a forbidden zone"},
	"353588010001689,V1":        {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"*TH,2020916012,V1":         {"reply time", "the answer repeats the maker; 2002 is 1024 weeks in the past"},
	"2020916012,V4,S17":         {"time", "2002 is 1024 weeks in the past"},
	"2020916012,V4,S20":         {"time", "2002 is 1024 weeks in the past"},
	"2020916012,V4,S24":         {"time", "2002 is 1024 weeks in the past"},
	"353588020068342,V1,062840": {"cells io1 io2 io3 io4 io5", "the four numbers behind the status word are a cell, hexadecimal; the fifth is the signal"},
	"353505220903211,V1":        {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"356823035368767,V1":        {"cells io1 io2 io3 io4", "the four numbers behind the status word are a cell, hexadecimal"},
	"24103073100105":            {"time", "no fix, and a date of 2002: the clock is not set"},
	"24410900134508":            {"cells", "45 bytes: cell behind the status word"},
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
		var f protocols.Frame
		switch v.Kind {
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			in := protocols.Input{Bytes: bytesOf(t, &v), Received: protocols.CaptureTime, Final: true}
			if n, err := protocols.Next(&Protocol, s, in, &f); err != nil || !strings.EqualFold(v.Input[:2*n], o.Hex) {
				t.Errorf("%s: first frame has %d bytes: %v", v.Input, n, err)
			}
		case "encoder":
			encoderVector(t, &v)
		default:
			in := protocols.Input{Bytes: bytesOf(t, &v), Received: protocols.CaptureTime, Final: true}
			n, err := protocols.Next(&Protocol, s, in, &f)
			if rest := strings.TrimSpace(string(in.Bytes[n:])); err != nil || rest != "" {
				t.Errorf("%q: %d bytes: %v", v.Input, n, err)
			}
			why := unmet(v.Expect, &f)
			reason, key := lookup(allowed, v.Input)
			if used[key] = true; (why == "") != (reason == "") {
				t.Errorf("%q: %q, but the table says %q", v.Input, why, reason)
			}
			d := differences(&v, &f, s.Device)
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

// encoderVector compares an encoded command; its time of day is 01:02:03.
func encoderVector(t *testing.T, v *vector) {
	t.Helper()
	c := protocols.Command{Args: map[string]string{"time": "010203"}}
	switch v.Command.Type {
	case "alarmDisarm":
		c.Name = "disarm"
	case "engineStop":
		c.Name = "engine_stop"
	case "engineResume":
		c.Name = "engine_resume"
	case "positionPeriodic":
		c.Name = "interval"
		c.Args["seconds"] = fmt.Sprint(v.Command.Attributes["frequency"])
	}
	b, err := encode(&protocols.Session{Device: "123456789012345"}, c)
	if want := fmt.Sprintf(`{"text":%q}`, b); err != nil || string(v.Expect) != want {
		t.Errorf("%s: encoded %s, want %s: %v", v.Command.Type, want, v.Expect, err)
	}
}
