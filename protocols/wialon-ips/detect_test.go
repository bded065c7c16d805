package wialonips

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDetect(t *testing.T) {
	f := func(text string, datagram bool, want protocols.Verdict) {
		t.Helper()
		if got, why := detect([]byte(text), datagram); got != want {
			t.Errorf("detect(%q) = %v (%s), want %v", text, got, why, want)
		}
		settled := protocols.More
		for i := range len(text) + 1 {
			got, _ := detect([]byte(text[:i]), datagram)
			if (settled == protocols.No || settled == protocols.Sure) && got != settled {
				t.Errorf("detect(%q) = %v, was %v", text[:i], got, settled)
			}
			settled = got
		}
	}
	f("", false, protocols.More)
	f("#", false, protocols.More)
	f("#S", false, protocols.More)
	f("#L#8600", false, protocols.Likely)
	f("#L#860000000000001;NA", false, protocols.Sure)
	f("#L#2.0;860000000000001;NA;86E9\r\n", false, protocols.Sure)
	f("#P#\r\n", false, protocols.Sure)
	f(shortRecord, false, protocols.Sure)
	f(longRecord, false, protocols.Sure)
	f("#D#NA;NA", false, protocols.Sure)
	f("#M#hello", false, protocols.Likely)
	f("#B#140326;083402", false, protocols.Sure)
	f("#P#x", false, protocols.No)
	f("#AL#1", false, protocols.No)
	f("##,imei:860000000000001,A;", false, protocols.No)
	f("#860000000000001#user#0000#", false, protocols.No)
	f("\xff\x3d\x00", false, protocols.No)
	f("$$", false, protocols.No)
	f("860000000000000#SD#1", false, protocols.No)
	f("860000000000000#SD#140326;", true, protocols.Sure)
	f("2.0;860000000000000#SD#140326;", true, protocols.Sure)
	f("2.0;99999999#D#101118;", true, protocols.Sure)
	f("2.", true, protocols.More)
	f("200", true, protocols.More)
	f("2.0;#D#101118;", true, protocols.No)
	f("#SD#140326;", true, protocols.No)
	f("123456789012345678901#SD#", true, protocols.No)
	f("860000000000000,SD", true, protocols.No)
}

func TestDetectDoesNotAllocate(t *testing.T) {
	b := []byte("2.0;860000000000000#SD#140326;083800")
	if got := testing.AllocsPerRun(100, func() { detect(b, true); detect(b[19:], false) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDetect(b *testing.B) {
	first := []byte(longRecord)
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
