package jt808

import (
	"bufio"
	"bytes"
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

// vector is one line of testdata/jt808/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex, buffer: one frame, hex without escapes; frame_hex: bytes as received; frame_encode: a frame to be escaped
	Input     string
	Expect    json.RawMessage
	Setup     map[string]string
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

// ours is what an attribute of the vectors is called here; a factor turns its unit into ours.
var ours = map[string]struct {
	name   string
	factor float64
}{
	"adc1": {"adc1", 100}, "adc2": {"adc2", 100}, "alarmLabel": {"alarm_label", 1}, "archive": {"archive", 1}, "battery": {"battery_v", 1},
	"batteryLevel": {"battery_pct", 1}, "blocked": {"blocked", 1}, "charge": {"charging", 1}, "coolantTemp": {"coolant_c", 1},
	"door": {"door", 1}, "driver": {"driver_name", 1}, "driverUniqueId": {"driver_id", 1}, "dtcs": {"dtc", 1}, "engineLoad": {"engine_load_pct", 1},
	"event": {"event", 1}, "fuel": {"fuel_l", 1}, "fuel1": {"fuel_l", 1}, "fuel2": {"fuel2_l", 1}, "fuelUsed": {"fuel_used_l", 1}, "humidity": {"humidity_pct", 1},
	"humidity3": {"humidity3_pct", 1}, "iccid": {"iccid", 1}, "ignition": {"ignition", 1}, "intakeFlow": {"intake_flow", 1},
	"intakePressure": {"intake_map_kpa", 1}, "intakeTemp": {"intake_air_c", 1}, "lightSensor": {"light_lux", 1}, "lock1Locked": {"lock", 1},
	"lockCommand": {"lock_command", 1}, "lockPassword": {"lock_password", 1}, "mode": {"mode", 1}, "motion": {"motion", 1},
	"obdOdometer": {"obd_odometer_m", 1}, "obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1}, "password": {"lock_password", 1},
	"power": {"power_v", 1}, "result": {"result", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1}, "status": {"status", 1}, "steps": {"steps", 1},
	"string": {"string", 1}, "temp1": {"temp1_c", 1}, "temp3": {"temp3_c", 1}, "throttle": {"throttle_pct", 1}, "timezone": {"zone", 1},
	"tripFuel": {"trip_fuel_l", 1}, "tripFuelUsed": {"trip_fuel_l", 1}, "unlockResult": {"unlock_result", 1}, "versionFw": {"software", 1},
	"videoAlarm": {"video_alarms", 1}, "vin": {"vin", 1}, "wakeSource": {"wake_source", 1}, "adasAlarm": {"adas_alarm", 1}, "cover": {"cover", 1},
	"hardAccelerationCount": {"harsh_accel_count", 1}, "hardDecelerationCount": {"harsh_brake_count", 1}, "hardCorneringCount": {"harsh_corner_count", 1},
	"input": {"vehicle_signals", 1}, "lockCard": {"card", 1}, "imei": {"imei", 1}, "fuelConsumption": {"fuel_consumption", 1}, "tripOdometer": {"trip_m", 1},
}

var alarmsOf = map[string]string{
	"door": "door", "fault": "fault", "hardAcceleration": "harsh_accel", "lowPower": "low_power", "movement": "movement", "powerOff": "power_off",
	"tampering": "tampering", "vibration": "vibration",
}

// element is a member of an object of a list attribute.
func element(e *protocols.Event, name string, i int, key string) any {
	var o struct{ List []map[string]any }
	if json.Unmarshal(append(append([]byte(`{"list":`), listOf(e, name)...), '}'), &o) != nil || i >= len(o.List) {
		return nil
	}
	return o.List[i][key]
}

func listOf(e *protocols.Event, name string) []byte {
	var o struct{ Attrs map[string]json.RawMessage }
	if json.Unmarshal(e.AppendJSON(nil), &o) != nil || o.Attrs[name] == nil {
		return []byte("[]")
	}
	return o.Attrs[name]
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
	case "hdop":
		if e.Has&protocols.HasHDOP == 0 {
			return nil
		}
		return e.HDOP
	case "tag1Mac":
		mac, _ := element(e, "beacons", 0, "mac").(string)
		return strings.ReplaceAll(mac, ":", "")
	case "tire1Pressure":
		kpa, _ := element(e, "tyres", 0, "pressure_kpa").(float64)
		return kpa / 100
	case "gSensor", "tilt":
		for _, name := range []string{"accel", "tilt"} {
			if l := listOf(e, name); len(l) > 2 {
				return string(l)
			}
		}
		return nil
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

func same(got, want any) bool {
	if g, ok := got.(float64); ok {
		w, ok := want.(float64)
		return ok && math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	}
	return got == want
}

func want(key string, v any) any {
	if s, ok := v.(string); ok && key == "alarm" {
		s, _, _ = strings.Cut(s, ",")
		return alarmsOf[s]
	}
	return v
}

// isPosition tells whether an event is a position in the sense of the vectors.
func isPosition(e *protocols.Event) bool {
	return e.Has&protocols.HasFix != 0 && !e.NoTime && e.Speed <= 869*1.852 && e.Alt >= -12262 && e.Alt <= 18000
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
	_ = json.Unmarshal(expect, &word) // either of the two
	_ = json.Unmarshal(expect, &o)
	switch {
	case string(expect) == "null":
		if len(f.Events) > 0 {
			return "an event where none is expected"
		}
	case len(f.Events) == 0:
		return "no event"
	case word == "position" && (len(f.Events) != 1 || !isPosition(&f.Events[0])):
		return "no position"
	case word == "positions":
		for i := range f.Events {
			if !isPosition(&f.Events[i]) {
				return "no position"
			}
		}
	case word == "any" || word == "position":
	case o.Attribute != nil:
		k := o.Attribute.Key
		if got, want := value(&f.Events[0], k), want(k, o.Attribute.Value); !same(got, want) {
			return fmt.Sprintf("%s %v, want %v", k, got, want)
		}
	default:
		return "unknown expectation " + string(expect)
	}
	return ""
}

// differences lists in what a frame's events and answers differ from the reference.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) > 0 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if fmt.Sprintf("%x", f.Reply) != strings.Join(ref.Replies, "") {
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
		for key, x := range r.Attributes {
			got, want := value(e, key), want(key, x)
			if !same(got, want) && !(want == false && got == nil) { // charge and archive are said only where they are true
				out = append(out, key)
			}
		}
		if _, ok := r.Attributes["alarm"]; !ok && e.Alarm != "" {
			out = append(out, "alarm")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/jt808/vectors.jsonl")
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
	if len(list) < 70 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// differs are the frames that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[int][2]string{
	7: {"reply", "a check of 7e is escaped in the answer"},
	8: {"hdop lockCard", "item F9 of two bytes is a mask without values; a card is text"},
	11: {"reply tire1SensorId tire1Status tire1Temp tire2Pressure tire2SensorId tire2Status tire2Temp tire3Pressure tire3SensorId tire3Status tire3Temp " +
		"tire4Pressure tire4SensorId tire4Status tire4Temp tire5Pressure tire5SensorId tire5Status tire5Temp tire6Pressure tire6SensorId tire6Status tire6Temp",
		"tyres are a list; a check of 7e is escaped in the answer"},
	13: {"fuelConsumption obdOdometer tripOdometer", "10.89 is the consumption and 31.15 the average; metres, not kilometres"},
	16: {"temp2", "0408 are the mode and the first byte of the IMEI"},
	17: {"temp2", "as above"},
	30: {"reply", "the 7d of the identity is escaped in the answer"},
	31: {"calid engineLoad tripOdometer", "no text; a load of one byte; metres"},
	33: {"adc1 adc2", "item A7 is in volts"},
	34: {"batteryLevel", "a byte of an item that has no meaning here"},
	36: {"reply", "the answer holds the time"},
	37: {"battery batteryLevel lock1Battery lock1Card lock1Id lockStatus", "what belongs to the lock is in locks, and item E3 of one byte is no battery; item E8 has two bytes"},
	39: {"fuel", "per cent, not litres"},
	40: {"fuel intakeFlow", "per cent; 7d 02 is 7e"},
	41: {"fuel", "per cent, not litres"},
	42: {"gSensor reply time", "samples with times, of which the first is that of the record; messages without a rule are answered"},
	47: {"position", "bit 0 of the flags says that there is no fix"},
	49: {"cover", "bit 3 as sent"},
	61: {"imei", "event and mask 08 of an acceleration, no digits"},
	62: {"imei", "as above"},
	63: {"container", "a zero is no text"},
	72: {"tag1Data tag1Rssi tag2Data tag2Mac tag2Rssi tag3Data tag3Mac tag3Rssi tag4Data tag4Mac tag4Rssi tag5Data tag5Mac tag5Rssi", "tags are a list, beacons"},
	69: {"rssi", "24 by item 30; 3 is the camera's own scale"},
}

// TestVectors feeds each session's frames to one decoder and compares what comes out with what the vectors expect and with what their
// reference made of them. The hex lines are frames without escapes.
func TestVectors(t *testing.T) {
	sessions := map[string]*protocols.Session{}
	for i, v := range vectors(t) {
		line := i + 1
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		s.Options.Model = v.Setup["modelOverride"]
		switch v.Kind {
		case "frame_hex":
			testCut(t, v)
		case "frame_encode":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			b := unhex(t, v.Input)
			got := []byte{flagStandard}
			for _, x := range b[1 : len(b)-1] {
				got = appendEscaped(got, flagStandard, x)
			}
			if got = append(got, flagStandard); !bytes.Equal(got, unhex(t, o.Hex)) {
				t.Errorf("escaped %x, want %s", got, o.Hex)
			}
		case "hex", "buffer":
			b := []byte(v.Input)
			if v.Kind == "hex" {
				b = unhex(t, v.Input)
			}
			f, err := one(t, s, b)
			if err != nil && !errors.Is(err, protocols.ErrChecksum) { // some were edited by hand; they give their events all the same
				t.Errorf("line %d: %v", line, err)
			}
			device := s.Device
			if err != nil && len(f.Events) > 0 { // a frame with a wrong check teaches nothing
				device = f.Events[0].Device
			}
			if why := unmet(v.Expect, f); why != "" {
				t.Errorf("line %d: %s: %s", line, why, f.Events[0].AppendJSON(nil))
			}
			if got := strings.Join(differences(&v, f, device), " "); got != differs[line][0] {
				t.Errorf("line %d differs from the reference in %q, but the table says %q", line, got, differs[line][0])
			}
		default:
			t.Errorf("unknown kind %q", v.Kind)
		}
	}
}

// testCut compares the first frame of a stream with the expectation, which has no escapes any more. The check of these frames is none.
func testCut(t *testing.T, v vector) {
	t.Helper()
	var o struct{ Hex string }
	if err := json.Unmarshal(v.Expect, &o); err != nil {
		t.Fatal(err)
	}
	b := unhex(t, v.Input)
	b = b[bytes.IndexByte(b, flagStandard):]
	end := 1 + bytes.IndexByte(b[1:], flagStandard)
	u := unit{flag: flagStandard}
	if !u.unescape(b[1:end]) || fmt.Sprintf("7e%x7e", u.content) != o.Hex {
		t.Errorf("%s: %x, want %s", v.Input, u.content, o.Hex)
	}
	u.release()
}
