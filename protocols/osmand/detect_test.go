package osmand

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		if got, why := detect([]byte(text), false); got != want {
			t.Errorf("detect(%q) = %v (%s), want %v", text, got, why, want)
		}
		settled := protocols.More
		for i := range len(text) + 1 {
			got, _ := detect([]byte(text[:i]), false)
			if (settled == protocols.No || settled == protocols.Sure) && got != settled {
				t.Errorf("detect(%q) = %v, was %v", text[:i], got, settled)
			}
			settled = got
		}
	}
	f("", protocols.More)
	f("G", protocols.More)
	f("GET ", protocols.More)
	f("GET /", protocols.Likely)
	f(get(usualQuery), protocols.Sure)
	f("GET /?lat=1&lon=2&id=p&x=1", protocols.Sure)
	f("GET /?timestamp=1&deviceid=", protocols.Sure)
	f("GET /?id=p&x=1 HTTP/1.1\r\n", protocols.Likely)
	f("GET /?id=p&gprmc=1", protocols.No)
	f("POST / HTTP/1.1\r\n", protocols.Likely)
	f(post("application/json", usualJSON), protocols.Sure)
	f(post("application/json", `{"_type":"location","device_id":"x"}`), protocols.No)
	f(post("application/json", `{"x":"`+strings.Repeat("y", 600)+`","_type":1}`), protocols.Likely)
	f("HEAD / HTTP/1.1", protocols.Likely)
	f("GET,1", protocols.No)
	f("GET x", protocols.No)
	f("/?id=1&lat=2", protocols.Likely)
	f(usualJSON, protocols.Likely)
	f(`{"imei":1}`, protocols.No)
	f("$$", protocols.No)
	f("\x16\x03\x01", protocols.No)
}

func TestDetectDoesNotAllocate(t *testing.T) {
	b := []byte(get(usualQuery))
	if got := testing.AllocsPerRun(100, func() { detect(b, false) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDetect(b *testing.B) {
	first := []byte(get(usualQuery))
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
