package gt06

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

// vector is one line of testdata/gt06/vectors.jsonl.
type vector struct {
	Session   string
	Kind      string // hex: one frame; frame_hex: bytes as received; encoder: a command
	Input     string
	Expect    json.RawMessage
	Setup     map[string]string
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       *time.Time `json:"device_time"`
			FixTime    *time.Time `json:"fix_time"`
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
	"adc1": {"adc1_v", 1}, "adc2": {"adc2_v", 1}, "archive": {"archive", 1}, "armed": {"armed", 1}, "battery": {"battery_v", 1},
	"batteryLevel": {"battery_pct", 1}, "blocked": {"blocked", 1}, "bootReason": {"boot_reason", 1}, "charge": {"charging", 1},
	"coolantTemp": {"coolant_c", 1}, "door": {"door", 1}, "driverUniqueId": {"driver_id", 1}, "event": {"event", 1},
	"eventData": {"event_value", 1}, "eventFiles": {"files", 1}, "externalBatteryCycles": {"external_battery_cycles", 1},
	"externalBatteryLevel": {"external_battery_pct", 1}, "fuel": {"fuel", 1}, "fuelUsed": {"fuel_used_l", 1},
	"geofence": {"geofence", 1}, "hours": {"hours_s", 1e-3}, "humidity": {"humidity_pct", 1}, "iccid": {"iccid", 1},
	"ignition": {"ignition", 1}, "in2": {"in2", 1}, "index": {"record", 1}, "input": {"inputs", 1}, "io1": {"in1", 1},
	"motion": {"motion", 1}, "obdSpeed": {"vehicle_speed_kmh", 1}, "odometer": {"odometer_m", 1}, "oil": {"fuel", 1},
	"output": {"outputs", 1}, "power": {"power_v", 1}, "result": {"result", 1}, "rpm": {"rpm", 1}, "rssi": {"rssi", 1},
	"satVisible": {"sats_visible", 1}, "serial": {"serial_data", 1}, "startupStatus": {"startup", 1}, "status": {"status", 1},
	"tag1Humidity": {"humidity_pct", 1}, "tag1Temp": {"temp1_c", 1}, "tamper": {"tamper", 1}, "temp1": {"temp1_c", 1},
	"type": {"type", 1}, "uploadMode": {"upload_mode", 1}, "versionFw": {"firmware_number", 1}, "vin": {"vin", 1},
}

var alarmsOf = map[string]string{
	"hardAcceleration": "harsh_accel", "hardBraking": "harsh_brake", "hardCornering": "harsh_corner", "lowBattery": "low_battery",
	"overspeed": "overspeed", "powerCut": "power_cut", "sos": "sos", "tampering": "tampering", "vibration": "vibration",
}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch key {
	case "alarm":
		if e.Alarm == "" {
			return nil
		}
		return e.Alarm
	case "altitude":
		return e.Alt
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

// unmet says in what the frame's events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	if json.Unmarshal(expect, &word) != nil {
		return unmetObject(expect, f)
	}
	switch {
	case string(expect) == "null":
		if len(f.Events) > 0 {
			return "an event where none is expected"
		}
	case len(f.Events) != 1:
		return fmt.Sprintf("%d events", len(f.Events))
	case word == "attributes" && len(f.Events[0].Attrs) == 0:
		return "no attribute"
	case word == "position":
		e := &f.Events[0]
		if e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852 || e.Alt < -12262 || e.Alt > 18000 {
			return "no position"
		}
	}
	return ""
}

func unmetObject(expect json.RawMessage, f *protocols.Frame) string {
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
	if err := json.Unmarshal(expect, &o); err != nil {
		return err.Error()
	}
	if len(f.Events) != 1 {
		return fmt.Sprintf("%d events", len(f.Events))
	}
	e := &f.Events[0]
	switch {
	case o.Position != nil:
		p := o.Position
		if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
			return "another position"
		}
	case o.Attribute != nil:
		if got, want := value(e, o.Attribute.Key), want(o.Attribute.Key, o.Attribute.Value); !same(got, want) {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, want)
		}
	default:
		return "unknown expectation"
	}
	return ""
}

// differences lists in what a frame's events and answers differ from the reference.
func differences(v *vector, f *protocols.Frame, dev string) (out []string) {
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != dev {
		out = append(out, "device")
	}
	if string(f.Reply) != string(mustHex(strings.Join(ref.Replies, ""))) {
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
			switch {
			case key == "archive" && want == false && got == nil:
				continue // said only where it is true
			case key == "event" && got == nil:
				got = value(e, "uploadMode") // the reference's word for it
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

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	file, err := os.Open("../../testdata/gt06/vectors.jsonl")
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

// allowed are the frames whose expectation is not met, by the beginning of the frame, and why.
var allowed = map[string]string{
	"7878293218061301261ccd0274c4ad": "the altitude of -31703 m comes from reading an 8-byte cell id where 4 bytes are sent; it is 687 m",
	"797900109b03443735":             "what a serial port received is serial_data here: it is no answer to a command",
	"797900099b0380d600":             "serial_data, as above",
	"7979000e9b0332382e":             "serial_data, as above",
	"797900149b03023539":             "serial_data, as above",
	"797900a56615010d08":             "the vehicle's values end in a position, which is one in this message as in 0x8C",
	"78781f3511061a0b24":             "a photo's announcement is a record without a position",
}

// differs are the frames that mean something else here than in the reference: in what, by the names of differences, and why.
var differs = map[string][2]string{
	"787805120099abec0d0a":         {"reply", "an empty location is answered like any other"},
	"78782da41a0509160203":         {"geofence", "fence 255 is none"},
	"78782da4150817073b10":         {"geofence", "fence 255 is none"},
	"7979001f70002c00046919c6":     {"reply tag1Battery tag1BatteryLevel tag1Humidity tag1Id tag1Status time", "the tag is in beacons, its humidity in tenths, 7FFF is no battery; module 002C is the time; no answer is asked for"},
	"7979003e3819050e":             {"reply", "0x38 is answered as other locations"},
	"78780ca346000106":             {"alarm archive batteryLevel rssi", "SEEWORLD's status is not an alarm message: extension 2, level, signal, volts, language"},
	"7878131340b2fa00":             {"sat", "satellites used and in view are two numbers"},
	"7878293218061301261c":         {"alarm charge position rssi status", "cell id of 4 bytes"},
	"78782a31180613012b39":         {"ignition", "cell id of 4 bytes: the ignition byte is 1"},
	"78782732180214123324":         {"alarm batteryLevel ignition position rssi status", "cell id of 4 bytes"},
	"797900109b034437":             {"result", "serial_data"},
	"797900099b0380d6":             {"result", "serial_data"},
	"7979000e9b033238":             {"result", "serial_data"},
	"797900149b030235":             {"result", "serial_data"},
	"78781511170103100e1f":         {"position reply", "the sibling protocol's location: altitude -35 m, answered by its date"},
	"7878121011091c0b1b29":         {"reply", "the sibling protocol's location is answered by its date"},
	"7979003770000000010200350001": {"reply time", "module 002C is the time; the answer mirrors the extended header"},
	"797900a870000000010200350001": {"odometer reply", "mileage big endian, 61633 m; no answer is asked for"},
	"7979007e70000000010200350001": {"reply", "the answer mirrors the extended header"},
	"7878151330802b000006":         {"alarm", "alarm code 6 in the status byte"},
	"7878281520000000003c":         {"reply", "text messages are owed no answer"},
	"78786615000000000044":         {"reply", "text messages are owed no answer"},
	"78782d15250000000043":         {"reply", "text messages are owed no answer"},
	"78782915210000000052":         {"reply", "text messages are owed no answer"},
	"797900a56615010d081f":         {"events", "has a position"},
	"797900cd8c15010d0820":         {"fix hours odometer", "has a position; kilometres and hours there, metres and seconds here"},
	"797900de8c120b150212":         {"fix", "has a position, not valid"},
	"787844f3140c0b0a262a":         {"reply time", "the date is binary, not BCD; answered as unknown short messages are"},
	"797900a59404414c4d31":         {"alarm1Status alarm2Status alarm3Status engineStatus otherStatus", "in settings"},
	"78780b23c00122040001":         {"battery", "the heartbeat's volts are the external supply's"},
	"78782ea4110c0c02281b":         {"alarm batteryLevel geofence rssi status", "network code of two bytes: bit 15 of MCC"},
	"78781f3511061a0b2433":         {"events", "the announcement of a photo is a record"},
	"78783c34000000001106":         {"battery power", "12.80 V is the supply, 4.19 V the battery"},
	"7979000894000000000338":       {"adc1", "information 00 is the external supply"},
	"797900089400000002e8":         {"adc1", "information 00 is the external supply"},
	"79790039940d2141494f":         {"fuel", "the probe measures a level in cm"},
	"78781101012345678901":         {"device", "wrong checksum: the login does not count"},
	"78780d01035933907500":         {"reply", "a login of the sibling protocol: no serial, no checksum"},
	"78780c95130a0209321c":         {"eventData", "the short form ends with the event; what follows is the serial number"},
	"78783c22010999999999":         {"odometer", "mileage in km"},
	"78782d16190c1d0f0b07":         {"alarm", "event EA is a card that was read"},
}

// entry finds the entry whose key the frame begins with.
func entry[T any](table map[string]T, frame string) (value T, key string) {
	for key, value := range table {
		if strings.HasPrefix(strings.ToLower(frame), key) {
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
		s.Options.Model = v.Setup["modelOverride"]
		switch v.Kind {
		case "frame_hex":
			var o struct{ Hex string }
			if err := json.Unmarshal(v.Expect, &o); err != nil {
				t.Fatal(err)
			}
			m, n, err := next(false, unhex(t, v.Input), false)
			if err != nil || !strings.EqualFold(v.Input[:2*n], o.Hex) || m.badCRC {
				t.Errorf("%s: first frame has %d bytes: %v", v.Input, n, err)
			}
		case "encoder":
			// The text of the reference is in mixed case, and its flag and serial number are 0; devices read either case.
			b, err := encode(&protocols.Session{}, protocols.Command{Name: "custom", Text: "Relay,1#"})
			if want := fmt.Sprintf(`{"hex":"%x"}`, b); err != nil || string(v.Expect) != want {
				t.Errorf("encoded %s, want %s: %v", want, v.Expect, err)
			}
		case "hex":
			f, _ := one(t, s, unhex(t, v.Input), protocols.CaptureTime) // a wrong checksum gives the events all the same
			why := unmet(v.Expect, f)
			reason, key := entry(allowed, v.Input)
			if used[key] = true; (why == "") != (reason == "") {
				t.Errorf("%s: %q, but the table says %q", v.Input, why, reason)
			}
			d := differences(&v, f, s.Device)
			slices.Sort(d)
			known, key := entry(differs, v.Input)
			used["differs "+key] = true
			if got := strings.Join(d, " "); got != known[0] {
				t.Errorf("%s differs from the reference in %q, but the table says %q", v.Input, got, known[0])
			}
		default:
			t.Errorf("unknown kind %q", v.Kind)
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
