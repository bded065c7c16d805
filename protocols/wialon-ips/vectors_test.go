package wialonips

import (
	"bufio"
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

// vector is one line of testdata/wialon-ips/vectors.jsonl: one packet without its line end.
type vector struct {
	Input     string
	Expect    json.RawMessage
	Reference struct {
		Devices []string `json:"device_ids"`
		Records []struct {
			Time       string `json:"device_time"` // or "now"
			Valid      bool
			Lat, Lon   float64
			Altitude   float64 `json:"altitude_m"`
			Speed      float64 `json:"speed_kn"`
			Course     float64 `json:"course_deg"`
			Attributes map[string]any
			Network    *struct {
				Cells []struct {
					CID uint64 `json:"cellId"`
				} `json:"cellTowers"`
			}
		}
		Replies []string
	}
}

// value is the event's value of an attribute of the vectors: one with a name here, or a parameter; nil: none.
func value(t *testing.T, e *protocols.Event, key string) any {
	t.Helper()
	switch key {
	case "sat":
		if e.Has&protocols.HasSats == 0 {
			return nil
		}
		return float64(e.Sats)
	case "hdop":
		return e.HDOP
	case "input", "output": // text there
		a, _ := e.Attrs.Get(key + "s")
		v, _ := a.Float()
		return fmt.Sprint(int64(v))
	case "adc1": // likewise
		a, _ := e.Attrs.Get(key)
		v, _ := a.Float()
		return fmt.Sprintf("%.6f", v)
	}
	if a, ok := e.Attrs.Get(key); ok {
		if b, ok := a.Bool(); ok {
			return b
		}
		if v, ok := a.Float(); ok {
			return v
		}
		s, _ := a.Text()
		return s
	}
	for name, v := range list[map[string]any](t, e, "params") {
		if strings.EqualFold(name, key) {
			return v
		}
	}
	return nil
}

// list reads a JSON attribute; the zero value where there is none.
func list[T any](t *testing.T, e *protocols.Event, name string) (v T) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(e.Attrs.AppendJSON(nil), &all); err != nil {
		t.Fatal(err)
	}
	if raw, ok := all[name]; ok {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// unmet says in what the packet's events fall short of the expectation; empty: in nothing.
func unmet(t *testing.T, expect json.RawMessage, f *protocols.Frame) string {
	t.Helper()
	var word string
	if json.Unmarshal(expect, &word) == nil {
		switch {
		case word == "" && len(f.Events) > 0:
			return "an event where none is expected"
		case word == "position" && len(f.Events) != 1, word == "positions" && len(f.Events) == 0:
			return fmt.Sprintf("%d events", len(f.Events))
		}
		for i := range f.Events {
			if e := &f.Events[i]; e.Has&protocols.HasFix == 0 || e.NoTime || e.Speed > 869*1.852 || math.Abs(e.Alt) > 12262 {
				return "no position"
			}
		}
		return ""
	}
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
	if err := json.Unmarshal(expect, &o); err != nil || len(f.Events) != 1 {
		return fmt.Sprintf("%d events: %v", len(f.Events), err)
	}
	e := &f.Events[0]
	switch {
	case o.Position != nil:
		p := o.Position
		if e.Time != protocols.At(p.Time) || e.Valid != p.Valid || math.Abs(e.Lat-p.Lat) > 1e-5 || math.Abs(e.Lng-p.Lon) > 1e-5 {
			return "another position"
		}
	case o.Attribute.Key == "network":
		want, _ := json.Marshal(o.Attribute.Value.(map[string]any)["cellTowers"])
		got, _ := json.Marshal(list[[]map[string]any](t, e, "cells"))
		if string(got) != string(want) {
			return fmt.Sprintf("cells %s, want %s", got, want)
		}
	default:
		if got := value(t, e, o.Attribute.Key); got != o.Attribute.Value {
			return fmt.Sprintf("%s %v, want %v", o.Attribute.Key, got, o.Attribute.Value)
		}
	}
	return ""
}

// differences lists in what a packet's events and answers differ from the reference.
func differences(t *testing.T, v *vector, f *protocols.Frame, device string) (out []string) {
	t.Helper()
	ref := &v.Reference
	if len(ref.Devices) == 1 && ref.Devices[0] != device {
		out = append(out, "device")
	}
	if got := "text:" + string(f.Reply); !slices.Equal([]string{got}, ref.Replies) {
		out = append(out, "reply")
	}
	if len(ref.Records) != len(f.Events) {
		return append(out, "events")
	}
	for i := range f.Events {
		e, r := &f.Events[i], &ref.Records[i]
		if (r.Time == "now") != e.NoTime || r.Time != "now" && r.Time != e.Time.String() {
			out = append(out, "time")
		}
		if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) {
			out = append(out, "fix")
		} else if fix && (math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9) {
			out = append(out, "position")
		} else if fix && r.Valid != e.Valid {
			out = append(out, "valid")
		}
		if math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt {
			out = append(out, "motion")
		}
		for key, want := range r.Attributes {
			if got := value(t, e, key); got != want {
				out = append(out, key)
			}
		}
		if r.Network != nil && len(r.Network.Cells) != len(list[[]any](t, e, "cells")) {
			out = append(out, "cells")
		}
	}
	return out
}

// differs are the packets that mean something else here than in the reference: in what, and why.
var differs = map[string][2]string{
	"#L#2.0;42001300083":  {"device", "the identity was changed without the checksum: the login does not count"},
	"#D#NA;NA;NA":         {"cell_id1 cell_id2", "these are in cells"},
	"#SD#300924":          {"reply valid", "SD is answered by ASD; satellites not told make no fix invalid"},
	"#SD#270413":          {"reply", "SD is answered by ASD"},
	"#B#110914":           {"valid", "satellites not told make no fix invalid"},
	"#B#110315;045857;53": {"valid", "64 minutes: a firmware that shifts decimal degrees by two digits; the place is not vouched for"},
}

// TestVectors feeds each packet to one decoder and compares what comes out with what the vectors expect and with what their reference made
// of it. Every deviation is in the table above, with its reason, and every entry of it is used.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/wialon-ips/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var s protocols.Session
	used := map[string]bool{}
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		f, err := one(t, &s, v.Input)
		if err != nil && !errors.Is(err, protocols.ErrChecksum) {
			t.Errorf("%s: %v", v.Input, err)
		}
		if why := unmet(t, v.Expect, f); why != "" {
			t.Errorf("%s: %s", v.Input, why)
		}
		known := ""
		for key, reason := range differs {
			if strings.HasPrefix(v.Input, key) {
				known, used[key] = reason[0], true
			}
		}
		d := differences(t, &v, f, s.Device)
		slices.Sort(d)
		if got := strings.Join(d, " "); got != known {
			t.Errorf("%s differs from the reference in %q, but the table says %q", v.Input, got, known)
		}
	}
	if count < 14 || len(used) != len(differs) {
		t.Errorf("%d vectors, %d of %d differences", count, len(used), len(differs))
	}
}
