package gt06

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		b := unhex(t, text)
		if got, why := detect(b, false); got != want {
			t.Errorf("detect(%s) = %v (%s), want %v", text, got, why, want)
		}
		detectHolds(t, b)
	}
	f("", protocols.More)
	f("78", protocols.More)
	f("7878", protocols.More)
	f("78780d", protocols.More)
	f("787811010752", protocols.Likely)
	f(loginFrame, protocols.Sure)
	f(loginFrame+locationFrame, protocols.Sure)
	f(locationFrame, protocols.Sure)
	f("79790018210000002a0152454c41593d537563636573732100422e9b0d0a", protocols.Sure)
	f("787808134606020002044dc5050d0a", protocols.Sure)                   // LEN without the checksum
	f("78780d0103563140414198583c0d0a", protocols.Sure)                   // sibling
	f("78780a13424008196400041f000d0a", protocols.Likely)                 // its status
	f("78781219012ed042cc00954d00040419000056fe290d0a", protocols.Likely) // wrong checksum
	f("7878440001", protocols.No)                                         // Anytrek: length in two bytes, low byte first
	f("6868", protocols.No)
	f("7e01", protocols.No)
	f("7978", protocols.No)
	f("2a48512c", protocols.No)
	f("78780b770102030405060708090a0b0c0d0e0f", protocols.No) // text "xx" and noise
}

func BenchmarkDetect(b *testing.B) {
	frame := unhex(b, loginFrame)
	b.ReportAllocs()
	for b.Loop() {
		detect(frame, false)
	}
}
