package queclink

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

// vector is one line of testdata/queclink/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex, buffer: one message; frame_hex: bytes as received
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *time.Time `json:"device_time"`
			FixTime    *time.Time `json:"fix_time"`
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
		}
	}
}

// ours is what an attribute of the vectors is called here; a factor turns its unit into ours.
var ours = map[string]struct {
	name   string
	factor float64
}{
	"adBlueLevel": {"adblue_pct", 1}, "adc1": {"adc1_v", 1}, "adc2": {"adc2_v", 1}, "adc3": {"adc3_v", 1}, "axleWeight": {"axle2_kg", 1},
	"axleWeight1": {"axle1_kg", 1}, "battery": {"battery_v", 1}, "batteryLevel": {"battery_pct", 1}, "charge": {"charging", 1},
	"coolantTemp": {"coolant_c", 1}, "data": {"serial_data", 1}, "doors": {"doors", 1}, "driver1Card": {"driver_id", 1},
	"driver1Name": {"driver_name", 1}, "driverUniqueId": {"driver_id", 1}, "drivingTime": {"driving_s", 3600}, "fuel": {"fuel_pct", 1},
	"fuel2": {"fuel2_pct", 1}, "fuelConsumption": {"fuel_rate_lph", 1}, "fuelUsed": {"fuel_used_l", 1}, "hours": {"hours_s", 1e-3},
	"iccid": {"iccid", 1}, "idleFuelConsumption": {"idle_fuel_l", 1}, "idleHours": {"idle_s", 3600}, "ignition": {"ignition", 1},
	"in1": {"in1", 1}, "in2": {"in2", 1}, "indicators": {"indicators", 1}, "input": {"inputs", 1}, "lights": {"lights", 1},
	"motion": {"motion", 1}, "obdOdometer": {"odometer_m", 100}, "obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1},
	"out1": {"out1", 1}, "out2": {"out2", 1}, "output": {"outputs", 1}, "power": {"power_v", 1}, "power2": {"power2_v", 1},
	"range": {"range_m", 1}, "registration": {"registration", 1}, "result": {"command", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1},
	"tachographInfo": {"tachograph", 1}, "temp1": {"temp1_c", 1}, "temp2": {"temp2_c", 1}, "throttle": {"throttle_pct", 1},
	"type": {"report", 1}, "vin": {"vin", 1}, "warningType": {"warning_type", 1},
}

var alarmsOf = map[string]string{
	"geofence": "geofence", "hardBraking": "harsh_brake", "hardCornering": "harsh_corner", "jamming": "jamming", "lowBattery": "low_battery",
	"movement": "movement", "powerOff": "power_off", "powerOn": "power_on", "sos": "sos", "temperature": "temperature",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		if e.Alarm != "" {
			return e.Alarm
		}
		return nil
	case "sat":
		if e.Has&protocols.HasSats != 0 {
			return float64(e.Sats)
		}
		return nil
	case "hdop":
		if e.Has&protocols.HasHDOP != 0 {
			return e.HDOP
		}
		return nil
	case "accessoryVoltage", "accessoryMac":
		return beacon(e, key)
	}
	a, ok := e.Attrs.Get(ours[key].name)
	if !ok && key == "fuel" { // where a sensor's unit is not known
		a, ok = e.Attrs.Get("fuel_level")
	}
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

// beacon is a value of the first accessory.
func beacon(e *protocols.Event, key string) any {
	var o struct {
		Attrs struct{ Beacons []map[string]any }
	}
	if json.Unmarshal(e.AppendJSON(nil), &o) != nil || len(o.Attrs.Beacons) == 0 {
		return nil
	}
	b := o.Attrs.Beacons[0]
	if key == "accessoryVoltage" {
		return b["battery_v"]
	}
	mac, _ := b["mac"].(string)
	return strings.ToUpper(strings.ReplaceAll(mac, ":", ""))
}

func same(got, want any) bool {
	if g, ok := got.(float64); ok {
		w, ok := want.(float64)
		return ok && math.Abs(g-w) <= 1e-9*math.Max(1, math.Abs(w))
	}
	return got == want
}

func wanted(key string, v any) any {
	s, ok := v.(string)
	switch {
	case ok && key == "alarm":
		return alarmsOf[s]
	case ok && key == "result":
		return strings.TrimPrefix(s, "+ACK:")
	}
	return v
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
		return ""
	case len(f.Events) == 0:
		return "no event"
	case json.Unmarshal(expect, &o) == nil && o.Attribute != nil:
		if got, want := value(&f.Events[0], o.Attribute.Key), wanted(o.Attribute.Key, o.Attribute.Value); !same(got, want) {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, want)
		}
		return ""
	case json.Unmarshal(expect, &word) != nil:
		return "unknown expectation"
	}
	for i := range f.Events {
		e := &f.Events[i]
		if strings.HasPrefix(word, "position") && word != "positions_nolocation" && (e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852) {
			return "no position"
		}
	}
	return ""
}

// differences lists in what a frame's events differ from the reference. It acknowledges nothing, because its option for that is off, and
// marks each position as valid; its time of a record without a fix is that of the sending.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		at := r.FixTime
		if at == nil {
			at = r.Time
		}
		if at == nil || protocols.At(*at) != e.Time {
			out = append(out, "time")
		}
		if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) {
			out = append(out, "fix")
		} else if fix && (math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 ||
			math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt) {
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
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/queclink/vectors.jsonl")
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
	if len(list) < 100 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// message bytes of a vector.
func (v *vector) bytes(t testing.TB) []byte {
	if v.Kind == "buffer" {
		return []byte(v.Input)
	}
	b, err := hex.DecodeString(v.Input)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors feeds each session's frames to one decoder and compares what comes out with what the vectors expect and with what their
// reference made of them. Every deviation is in a table, with its reason, and every entry of the tables is used.
func TestVectors(t *testing.T) {
	sessions := map[string]*protocols.Session{}
	used := map[string]bool{}
	for _, v := range vectors(t) {
		s := sessions[v.Session]
		if s == nil {
			s = new(protocols.Session)
			sessions[v.Session] = s
		}
		b := v.bytes(t)
		if v.Kind == "frame_hex" {
			if at, n, _, err := cut(append(b, b...), false); at != 0 || n != len(b) || err != nil {
				t.Errorf("%s: first frame has %d bytes: %v", v.Input, n, err)
			}
			continue
		}
		f := new(protocols.Frame)
		in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}
		if n, err := protocols.Next(&Protocol, s, in, f); n != len(b) || err != nil {
			t.Errorf("%s: took %d bytes: %v", v.Input, n, err)
			continue
		}
		if why := unmet(v.Expect, f); why != allowed[entry(v.Input, allowed)] {
			t.Errorf("%s: %q, but the table says %q", v.Input, why, allowed[entry(v.Input, allowed)])
		}
		used["allowed "+entry(v.Input, allowed)] = true
		key := entry(v.Input, differs)
		used["differs "+key] = true
		if got := strings.Join(differences(&v, f, s.Device), " "); got != differs[key].what {
			t.Errorf("%s\ndiffers from the reference in %q, but the table says %q", v.Input[:min(len(v.Input), 300)], got, differs[key].what)
		}
	}
	for key := range allowed {
		if !used["allowed "+key] {
			t.Errorf("allowed: %s is no frame", key)
		}
	}
	for key := range differs {
		if !used["differs "+key] {
			t.Errorf("differs: %s is no frame", key)
		}
	}
}

// entry is the key of a table that is in the frame.
func entry[T any](frame string, table map[string]T) string {
	for key := range table {
		if strings.Contains(frame, key) {
			return key
		}
	}
	return ""
}

// allowed are the messages whose expectation is not met, and why.
var allowed = map[string]string{
	"2b41434b017f24": "an event where none is expected", // the answer to a command is a record
}

type difference struct{ what, why string }

// Reasons of differences.
const (
	beaconsHere = "what Bluetooth accessories say is in beacons"
	chargeIs    = "charging is the field behind the battery's voltage, not the LED"
	asVolts     = "analog inputs are in volts"
	sendTime    = "the send time is the record's where there is no fix"
	noBattery   = "the field is not a battery's: it has none"
	codeAlarm   = "what the device calls an alarm is one, with its code"
	stateOnly   = "a change of state is no alarm"
	imeiPacked  = "the id has two digits a byte, and the right check digit; power is in volts"
)

// differs are the messages that mean something else here than in the reference: in what, by the names of differences, and why. The key
// is a part of
// the message.
var differs = map[string]difference{
	"2b525350640":                  {"device", imeiPacked},
	"2b525350070":                  {"device power", imeiPacked},
	"2b4556540c0":                  {"device power versionFw", imeiPacked},
	"2b41434b017f24":               {"events", "the answer to a command is a record"},
	"C30303,860201068142036":       {"power", "the report id is no voltage"},
	"80201E0100,860201067144330":   {"tag1Battery tag1Humidity tag1Id tag1Temp", beaconsHere},
	"868589060745174":              {"tag1Battery tag1Humidity tag1Id tag1Temp tag2Id", beaconsHere},
	"868589060076166":              {"tag1Id", beaconsHere},
	"GTCAN,8020050402":             {"fix", "the location behind the values"},
	"GTERI,C2010D":                 {"tag1Humidity tag1Id tag1Temp", beaconsHere},
	"GTBAA,F1040C":                 {"alarm", codeAlarm},
	"GTFRI,2E0503":                 {"time", sendTime},
	"GTDAR,F10406":                 {"alarm", codeAlarm},
	"GTINF,DC0103":                 {"charge", chargeIs},
	"GTERI,DE0115":                 {"power", "the report id is no voltage"},
	"GTPFA,F50201":                 {"time", sendTime},
	"GTINF,04040E":                 {"charge power2", chargeIs + "; 1 mV is no second supply"},
	"GTINF,2D0300":                 {"battery iccid power", "a VIN stands in front of the name, so that all fields are one place behind"},
	"14827,10,1,1,3.4":             {"adc1 adc2", asVolts},
	"20170318214333":               {"time", sendTime},
	"GTGSM,400201":                 {"time", sendTime},
	"GTINF,210102":                 {"charge power2", chargeIs + "; behind a mileage there is no second supply"},
	"12345:12:34,,92,80":           {"adc2", asVolts},
	"GTFRI,060228,862894020178276": {"adc1 adc2", asVolts},
	"GTSTT,04040C":                 {"alarm batteryLevel", stateOnly + "; " + noBattery},
	"GTFRI,240100":                 {"adc2", asVolts},
	"GTSTT,280100":                 {"alarm", stateOnly},
	"GTJDR,0A0102":                 {"batteryLevel", noBattery},
	"GTJDS,0A0102":                 {"batteryLevel", noBattery},
	"GTINF,6E0202":                 {"charge", chargeIs},
}
