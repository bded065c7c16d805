package osmand

import (
	"bufio"
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

// vector is one line of testdata/osmand/vectors.jsonl: a request, by its URL or its body.
type vector struct {
	Input string
	HTTP  struct {
		Method, URL string
		Headers     map[string]string
		Body        string // not empty: Input is the body
	}
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
				Cells []any `json:"cellTowers"`
				WiFi  []any `json:"wifiAccessPoints"`
			}
		}
	}
}

// request is the vector's request as it is sent.
func (v *vector) request() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: gateway\r\n", v.HTTP.Method, v.HTTP.URL)
	for name, value := range v.HTTP.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	if v.HTTP.Body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(v.Input), v.Input)
	} else {
		b.WriteString("\r\n")
	}
	return b.String()
}

// ours is what an attribute of the vectors is called here.
var ours = map[string]string{"batteryLevel": "battery_pct", "event": "event_text", "odometer": "odometer_m"}

// value is the event's value of an attribute of the vectors: one with a name here, or a parameter; nil: none.
func value(t *testing.T, e *protocols.Event, key string) any {
	t.Helper()
	if key == "hdop" {
		return e.HDOP
	}
	if name, ok := ours[key]; ok {
		key = name
	}
	var all map[string]any
	if err := json.Unmarshal(e.Attrs.AppendJSON(nil), &all); err != nil {
		t.Fatal(err)
	}
	if v, ok := all[key]; ok {
		return v
	}
	params, _ := all["params"].(map[string]any)
	return params[key]
}

// differences lists in what a request's events differ from the reference.
func differences(t *testing.T, v *vector, f *protocols.Frame, device string) (out []string) {
	t.Helper()
	ref := &v.Reference
	if ref.Devices[0] != device {
		out = append(out, "device")
	}
	if len(ref.Records) != 1 || len(f.Events) != 1 {
		return append(out, "events")
	}
	e, r := &f.Events[0], &ref.Records[0]
	if (r.Time == "now") != e.NoTime || r.Time != "now" && r.Time != e.Time.String() {
		out = append(out, "time")
	}
	if fix := r.Lat != 0 || r.Lon != 0; fix != (e.Has&protocols.HasFix != 0) || fix && (math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 || r.Valid != e.Valid) {
		out = append(out, "fix")
	}
	if math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt {
		out = append(out, "motion")
	}
	for key, want := range r.Attributes {
		if got := value(t, e, key); got != want {
			out = append(out, fmt.Sprintf("%s: %v, not %v", key, got, want))
		}
	}
	if r.Network != nil {
		cells, _ := value(t, e, "cells").([]any)
		wifi, _ := value(t, e, "wifi").([]any)
		if len(cells) != len(r.Network.Cells) || len(wifi) != len(r.Network.WiFi) {
			out = append(out, "network")
		}
	}
	slices.Sort(out)
	return out
}

// TestVectors sends each request, as a request and as what the vector has of it alone, and compares what comes out with what the vectors
// expect and with what their reference made of it. There is no difference.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/osmand/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{v.request(), v.Input} {
			var s protocols.Session
			f, err := one(t, &s, text)
			if err != nil || string(f.Reply) != answerOK || len(f.Events) != 1 {
				t.Errorf("%s: %d events, %q: %v", text, len(f.Events), f.Reply, err)
				continue
			}
			if e := &f.Events[0]; string(v.Expect) == `"position"` && (e.Has&protocols.HasFix == 0 || e.Time < protocols.At(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))) {
				t.Errorf("%s: no position", text)
			}
			if d := differences(t, &v, f, s.Device); len(d) > 0 {
				t.Errorf("%s: %s", text, strings.Join(d, "; "))
			}
		}
	}
	if count < 10 {
		t.Errorf("%d vectors", count)
	}
}
