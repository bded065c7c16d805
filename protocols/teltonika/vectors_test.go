package teltonika

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// vector is a line of testdata/teltonika/vectors.jsonl: a frame, what must come out of it, and what another server makes
// of it.
type vector struct {
	Session string          `json:"session"`
	Kind    string          `json:"kind"`
	Input   string          `json:"input"`
	Expect  json.RawMessage `json:"expect"`
	Command struct {
		Type       string            `json:"type"`
		Attributes map[string]string `json:"attributes"`
	} `json:"command"`
	Reference *struct {
		DeviceIDs []string          `json:"device_ids"`
		Records   []referenceRecord `json:"records"`
		Replies   []string          `json:"replies"`
	} `json:"reference"`
}

type referenceRecord struct {
	FixTime    *time.Time     `json:"fix_time"`
	Valid      bool           `json:"valid"`
	Lat        float64        `json:"lat"`
	Lon        float64        `json:"lon"`
	Altitude   float64        `json:"altitude_m"`
	Speed      float64        `json:"speed_kn"`
	Course     float64        `json:"course_deg"`
	Attributes map[string]any `json:"attributes"`
}

// differences says where, and why, this decoder does not agree with the reference, by line of the file and field.
var differences = map[int]map[string]string{
	3: {"tag1Voltage": "3070 mV: an EYE sensor's battery counts from 2000 mV, 10 mV a step, and stands behind temperature, humidity, movement and angle",
		"tag2Voltage": "3080 mV, likewise"},
	6: {"fix": "the message of a scale has no position"},
	7: {"fix": "serial data has no position"},
	10: {"in4": "element 4 is a pulse counter of this family, and has another width here: io_4",
		"alarm": "the record names no cause, and nothing tells that the state of element 253 has just changed"},
	12: {"in4": "as in line 10"},
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	file, err := os.Open("../../testdata/teltonika/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []vector
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var v vector
		if err := json.Unmarshal(scan.Bytes(), &v); err != nil {
			t.Fatalf("line %d: %v", len(out)+1, err)
		}
		out = append(out, v)
	}
	return out
}

// decodeLine decodes one frame as `decode` does: a wrong checksum still gives its events.
func decodeLine(t *testing.T, s *protocols.Session, b []byte) (f protocols.Frame, err error) {
	t.Helper()
	in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}
	n, err := protocols.Next(&Protocol, s, in, &f)
	if n != len(b) {
		t.Fatalf("took %d of %d bytes: %v", n, len(b), err)
	}
	return f, err
}

func TestVectors(t *testing.T) {
	sessions := map[string]*protocols.Session{}
	for i, v := range readVectors(t) {
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		t.Run(fmt.Sprintf("line %d", i), func(t *testing.T) {
			if v.Kind == "encoder" {
				encoderVector(t, v)
				return
			}
			b, err := hex.DecodeString(v.Input)
			if err != nil {
				t.Fatal(err)
			}
			f, err := decodeLine(t, s, b)
			if err != nil && protocols.Fault(err) != "checksum" {
				t.Fatal(err)
			}
			expected(t, v, f.Events)
			compare(t, v, differences[i], s, &f)
		})
	}
}

func encoderVector(t *testing.T, v vector) {
	var want struct {
		Hex string `json:"hex"`
	}
	if err := json.Unmarshal(v.Expect, &want); err != nil {
		t.Fatal(err)
	}
	got, err := encode(&protocols.Session{Device: "123456789012345"}, protocols.Command{Name: v.Command.Type, Text: v.Command.Attributes["data"]})
	if err != nil || hex.EncodeToString(got) != want.Hex {
		t.Errorf("%x, %v, want %s", got, err, want.Hex)
	}
}

// expected checks what the vector demands.
func expected(t *testing.T, v vector, events []protocols.Event) {
	t.Helper()
	switch want := string(v.Expect); want {
	case "null":
		if len(events) != 0 {
			t.Errorf("%d events, want none", len(events))
		}
	case `"positions"`:
		if len(events) == 0 {
			t.Fatal("no event")
		}
		for i := range events {
			e := &events[i]
			if e.Time < protocols.At(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) || e.Time > e.Received {
				t.Errorf("event %d: time %v", i, e.Time)
			}
			if e.Has&protocols.HasFix == 0 || math.Abs(e.Lat) > 90 || math.Abs(e.Lng) > 180 || e.Speed < 0 || e.Speed > 869*1.852 ||
				e.Course < 0 || e.Course >= 360 || e.Alt < -12262 || e.Alt > 18000 {
				t.Errorf("event %d: %s", i, e.AppendJSON(nil))
			}
		}
	case `"positions_nolocation"`:
		if len(events) == 0 {
			t.Error("no event")
		}
	case `{"attribute":{"key":"tag1Voltage","value":3090,"type":"int"}}`:
		var list []struct {
			BatteryV float64 `json:"battery_v"`
		}
		decodeList(t, &events[0], "beacons", &list)
		if len(list) == 0 || math.Round(list[0].BatteryV*1000) != 3090 {
			t.Errorf("beacons %v, want a battery of 3.09 V", list)
		}
	default:
		t.Errorf("the test does not know what %s means", want)
	}
}

// decodeList reads an attribute that is a list.
func decodeList(t *testing.T, e *protocols.Event, name string, list any) {
	t.Helper()
	var all struct {
		Attrs map[string]json.RawMessage `json:"attrs"`
	}
	if err := json.Unmarshal(e.AppendJSON(nil), &all); err != nil {
		t.Fatalf("event is no JSON: %v", err)
	}
	if err := json.Unmarshal(all.Attrs[name], list); err != nil {
		t.Fatalf("%s %s: %v", name, all.Attrs[name], err)
	}
}

// comparable attributes of the reference, and ours.
var sameAs = map[string]string{"ignition": "ignition", "motion": "motion", "power": "power_v", "battery": "battery_v", "odometer": "odometer_m",
	"tripOdometer": "trip_m", "pdop": "pdop", "rssi": "rssi", "operator": "operator", "in1": "in1", "in2": "in2", "in3": "in3", "in4": "in4",
	"out1": "out1", "out2": "out2", "bleTemp1": "ble_temp1_c", "axisZ": "accel_z_mg", "priority": "priority", "event": "event", "io24": "gnss_speed_kmh",
	"io200": "sleep_mode", "io69": "gnss_status", "io80": "data_mode", "io252": "unplugged", "io29": "ble1_battery_pct", "io250": "trip"}

// compare holds the events and answers against the reference; every difference must be in why.
func compare(t *testing.T, v vector, why map[string]string, s *protocols.Session, f *protocols.Frame) {
	t.Helper()
	if v.Reference == nil {
		return
	}
	occurred := map[string]bool{}
	differ := func(field, format string, args ...any) {
		t.Helper()
		occurred[field] = true
		if _, known := why[field]; !known {
			t.Errorf(field+": "+format, args...)
		}
	}
	defer func() {
		for field := range why {
			if !occurred[field] {
				t.Errorf("%s: listed as a difference, and is none", field)
			}
		}
	}()
	if ids := v.Reference.DeviceIDs; len(ids) > 0 && ids[0] != s.Device {
		differ("device", "%s, want %s", s.Device, ids[0])
	}
	if want := strings.Join(v.Reference.Replies, ""); !strings.EqualFold(want, hex.EncodeToString(f.Reply)) {
		differ("replies", "%x, want %s", f.Reply, want)
	}
	if len(f.Events) != len(v.Reference.Records) {
		t.Fatalf("%d events, want %d", len(f.Events), len(v.Reference.Records))
	}
	for i, want := range v.Reference.Records {
		e := &f.Events[i]
		near := func(field string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 1e-5 {
				differ(field, "event %d: %v, want %v", i, got, want)
			}
		}
		if want.FixTime != nil && e.Time != protocols.At(*want.FixTime) {
			differ("time", "event %d: %v, want %v", i, e.Time, want.FixTime)
		}
		if e.Has&protocols.HasFix == 0 {
			differ("fix", "event %d: none", i)
			continue
		}
		near("lat", e.Lat, want.Lat)
		near("lon", e.Lng, want.Lon)
		near("altitude", e.Alt, want.Altitude)
		near("speed", e.Speed, math.Round(want.Speed*1.852))
		near("course", e.Course, want.Course)
		if e.Valid != want.Valid {
			differ("valid", "event %d: %v, want %v", i, e.Valid, want.Valid)
		}
		if a, ok := want.Attributes["alarm"]; ok || e.Alarm != "" {
			differ("alarm", "event %d: %q, want %v", i, e.Alarm, a)
		}
		if hdop, ok := want.Attributes["hdop"].(float64); ok {
			near("hdop", e.HDOP, hdop)
		}
		if sats, ok := want.Attributes["sat"].(float64); ok {
			near("sat", float64(e.Sats), sats)
		}
		for theirs, ours := range sameAs {
			w, ok := want.Attributes[theirs]
			if !ok {
				continue
			}
			a, has := e.Attrs.Get(ours)
			got, number := a.Float()
			switch w := w.(type) {
			case bool:
				if b, isBool := a.Bool(); !isBool || b != w {
					differ(theirs, "event %d: %v, want %v", i, b, w)
				}
			case float64:
				if !has && w == 0 {
					continue // nothing caused the record, or it has no priority
				}
				if !number {
					differ(theirs, "event %d: absent, want %v", i, w)
					continue
				}
				near(theirs, got, w)
			}
		}
		for theirs, w := range want.Attributes {
			id, isNumber := strings.CutPrefix(theirs, "tag")
			mv, isVoltage := w.(float64)
			if !isNumber || !strings.HasSuffix(id, "Voltage") || !isVoltage {
				continue
			}
			var list []struct {
				BatteryV float64 `json:"battery_v"`
			}
			decodeList(t, e, "beacons", &list)
			near(theirs, math.Round(list[id[0]-'1'].BatteryV*1000), mv)
		}
	}
}
