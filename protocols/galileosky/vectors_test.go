package galileosky

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/galileosky/vectors.jsonl.
type vector struct {
	Kind, Input string
	Expect      json.RawMessage
	Command     struct {
		Attributes struct{ Data string }
	}
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
		}
		Replies []string
	}
}

// renamed are the attributes here by their names in the vectors; those at the end of a name that counts stand for all of a series.
var renamed = strings.NewReplacer("can8BitR", "can8_", "can16BitR", "can16_", "can32BitR", "can32_", "canB0", "can_odometer_m", "canB1", "can_b1",
	"deviceId", "device_number", "deviceTemp", "temp_device_c", "driverUniqueId", "driver_id", "fuelTotal", "fuel_used_l", "index", "record", "input", "inputs",
	"odometer", "odometer_m", "output", "outputs", "power", "power_v", "battery", "battery_v", "versionFw", "software", "versionHw", "hardware",
	"userDataArray", "user_array", "userData", "user_data", "rs232", "rs232_level", "temp1", "coolant_c", "rpm", "rpm")

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	name := renamed.Replace(key)
	switch {
	case key == "hdop":
		return e.HDOP
	case key == "fuel":
		name = "fuel_pct"
	case strings.HasPrefix(key, "fuel") && len(key) == 5:
		name = "fuel_level" + key[4:]
	}
	a, ok := e.Attrs.Get(name)
	if !ok {
		return nil
	}
	if v, ok := a.Float(); ok {
		return v
	}
	v, _ := a.Text()
	if n := json.Number(v); name == "software" || name == "hardware" {
		f, _ := n.Float64()
		return f
	}
	return v
}

// differences lists in what a packet's events and answer differ from the reference.
func differences(v *vector, f *protocols.Frame) (out []string) {
	ref := &v.Reference
	if ref.Replies != nil && !slices.Equal(ref.Replies, []string{hex.EncodeToString(f.Reply)}) {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i, r := range ref.Records {
		e := &f.Events[i]
		if len(ref.Devices) > i && ref.Devices[i] != e.Device {
			out = append(out, "device")
		}
		if r.Time == "" != e.NoTime || r.Time != "" && r.Time != e.Time.String() {
			out = append(out, "time")
		}
		if math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 {
			out = append(out, "position")
		}
		if r.Valid != e.Valid {
			out = append(out, "valid")
		}
		if math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || math.Abs(r.Course-e.Course) > 1e-9 || r.Altitude != e.Alt {
			out = append(out, "motion")
		}
		for key, want := range r.Attributes {
			if got := value(e, key); got != want {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// reasons say why an attribute differs from the reference wherever it does.
var reasons = map[string]string{
	"driverUniqueId": "0 is no key",
	"fuel":           "CAN_A1 is all zeros where no bus is connected: an engine at -40 °C would be told",
	"index":          "the number of a command is command_id here, and no record's",
	"rpm":            "as fuel",
	"temp1":          "as fuel",
}

// unmet says in what the packet's events fall short of the expectation; empty: in nothing.
func unmet(expect json.RawMessage, f *protocols.Frame) string {
	var word string
	_ = json.Unmarshal(expect, &word) // null leaves it empty
	switch {
	case word == "" && len(f.Events) > 0:
		return "an event where none is expected"
	case word == "position" && len(f.Events) != 1, word != "" && len(f.Events) == 0:
		return "another number of events"
	}
	for i := range f.Events {
		if e := &f.Events[i]; word != "positions_nolocation" && (e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852) {
			return "no position"
		}
	}
	return ""
}

// TestVectors feeds the packets to one decoder and compares what comes out with what the vectors expect and with what their reference made of it.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/galileosky/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var s protocols.Session
	kinds, differ := map[string]int{}, map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		kinds[v.Kind]++
		var wanted struct{ Hex string }
		if v.Kind != "hex" {
			if err := json.Unmarshal(v.Expect, &wanted); err != nil {
				t.Fatal(err)
			}
		}
		switch v.Kind {
		case "frame_hex":
			b := unhex(t, v.Input)
			var f protocols.Frame
			n, err := protocols.Next(&Protocol, new(protocols.Session), protocols.Input{Bytes: append(b, 1, 2)}, &f)
			if err != nil || hex.EncodeToString(b[:n]) != wanted.Hex {
				t.Errorf("framing took %d of %d bytes: %v", n, len(b), err)
			}
		case "encoder":
			b, err := encode(&protocols.Session{Device: "123456789012345"}, protocols.Command{Name: "custom", Text: v.Command.Attributes.Data})
			if err != nil || hex.EncodeToString(b) != wanted.Hex {
				t.Errorf("%x, want %s: %v", b, wanted.Hex, err)
			}
		default:
			f, err := one(t, &s, unhex(t, v.Input))
			if err != nil {
				t.Fatalf("%.40s: %v", v.Input, err)
			}
			if why := unmet(v.Expect, f); why != "" {
				t.Errorf("%.40s: %s", v.Input, why)
			}
			for _, what := range differences(&v, f) {
				if differ[what]++; reasons[what] == "" {
					t.Errorf("%.40s differs from the reference in %s without a reason", v.Input, what)
				}
			}
		}
	}
	if kinds["hex"] != 12 || kinds["frame_hex"] != 1 || kinds["encoder"] != 1 || len(differ) != len(reasons) {
		t.Errorf("vectors %v, differences %v", kinds, differ)
	}
}
