package calamp

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// vector is one line of testdata/calamp/vectors.jsonl: one datagram. All of them expect a position.
type vector struct {
	Input, Expect string
	Reference     struct {
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

// names are the attributes here by their names in the vectors, where those differ.
var names = map[string]string{"input": "inputs", "modem": "comm_state", "result": "serial_data", "rssi": "rssi_dbm"}

// value is the event's value of an attribute of the vectors; nil: none.
func value(e *protocols.Event, key string) any {
	switch {
	case key == "sat" && e.Has&protocols.HasSats != 0:
		return float64(e.Sats)
	case key == "hdop" && e.Has&protocols.HasHDOP != 0:
		return e.HDOP
	}
	if name, ok := names[key]; ok {
		key = name
	}
	a, ok := e.Attrs.Get(key)
	if !ok {
		return nil
	}
	if v, ok := a.Bool(); ok {
		return v
	}
	if v, ok := a.Float(); ok {
		return v
	}
	v, _ := a.Text()
	return v
}

// differences lists in what a datagram's event and answer differ from the reference.
func differences(v *vector, f *protocols.Frame) (out []string) {
	e, r := &f.Events[0], &v.Reference.Records[0]
	if !slices.Equal(v.Reference.Devices, []string{e.Device}) {
		out = append(out, "device")
	}
	if !slices.Equal(v.Reference.Replies, []string{hex.EncodeToString(f.Reply)}) {
		out = append(out, "reply")
	}
	if r.Time != e.Time.String() {
		out = append(out, "time")
	}
	if math.Abs(r.Lat-e.Lat) > 1e-9 || math.Abs(r.Lon-e.Lng) > 1e-9 {
		out = append(out, "position")
	}
	if r.Valid != e.Valid {
		out = append(out, "valid")
	}
	if math.Abs(r.Speed*1.852-e.Speed) > 1e-3 || r.Course != e.Course || r.Altitude != e.Alt {
		out = append(out, "motion")
	}
	for key, want := range r.Attributes {
		if got := value(e, key); got != want {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// reasons say why an attribute differs from the reference wherever it does.
var reasons = map[string]string{
	"append": "0 says nothing follows and is left out",
	"hdop":   "the byte is in tenths here, and 0 is none",
	"valid":  "a position that is only the last one known is not vouched for",
}

// differs are the datagrams, by their sequence number, and in what each differs from the reference.
var differs = map[string]string{
	"0010": "hdop valid",
	"8afd": "append hdop",
	"00dc": "append hdop",
	"0045": "append hdop valid",
	"0889": "append hdop",
	"4456": "append hdop",
}

// TestVectors feeds the datagrams to one decoder and compares what comes out with what the vectors expect and with what their reference
// made of it.
func TestVectors(t *testing.T) {
	file, err := os.Open("../../testdata/calamp/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var s protocols.Session
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		f, err := one(t, &s, v.Input)
		if err != nil || v.Expect != "position" || len(f.Events) != 1 || f.Events[0].Has&protocols.HasFix == 0 || f.Events[0].NoTime {
			t.Fatalf("%s: %+v: %v", v.Input, f.Events, err)
		}
		key := hex.EncodeToString(f.Reply[2:4])
		got := differences(&v, f)
		if list := strings.Join(got, " "); list != differs[key] {
			t.Errorf("%s differs from the reference in %q, but the table says %q", key, list, differs[key])
		}
		for _, what := range got {
			if reasons[what] == "" {
				t.Errorf("%s differs in %s without a reason", key, what)
			}
		}
	}
	if count != 6 {
		t.Errorf("%d vectors", count)
	}
}
