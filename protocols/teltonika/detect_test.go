package teltonika

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDetect(t *testing.T) {
	f := func(hexBytes string, isDatagram bool, want protocols.Verdict) {
		t.Helper()
		if got, why := detect(unhex(t, hexBytes), isDatagram); got != want || why == "" {
			t.Errorf("%s: %v (%s), want %v", hexBytes, got, why, want)
		}
	}
	f("000f333536333037303432343431303133", false, protocols.Sure)
	f("ffff000f333536333037303432343431303133", false, protocols.Sure)
	f("000a31323334353637383930", false, protocols.Sure)
	f("000f3335363330", false, protocols.More)
	f("ff", false, protocols.More)
	f("00", false, protocols.More)
	f("000f33353633303730343234343130313a", false, protocols.No)
	f(worked, false, protocols.Sure)
	f(worked[:40], false, protocols.Likely)
	f(worked[:16], false, protocols.More)
	f(worked[:len(worked)-2]+"00", false, protocols.Likely)
	f("000000000000004a42", false, protocols.No)
	f("000000000001004a08", false, protocols.No)
	f("000000050001403a4abaa31444000400", false, protocols.Sure)
	f("000000050001403a", false, protocols.More)
	f("00000005ffffffffffffffff44000400", false, protocols.No)
	f(workedDatagram, true, protocols.Sure)
	f(workedDatagram, false, protocols.Sure) // a line of `decode` does not say what it was
	f("7878110103534190", false, protocols.No)
	f("2a48512c", false, protocols.No)
	f("474554202f", false, protocols.No)
	f("101000044d515454", false, protocols.No)
	f("033500000c076b5c208f01", false, protocols.No)
}

// A verdict of No or Sure holds for every longer prefix.
func TestDetectHolds(t *testing.T) {
	for _, s := range []string{worked, workedDatagram, "ffff000f333536333037303432343431303133" + worked, "000000050001403a4abaa3144400040000080007",
		"7878110103534190036d01020304", "2a48512c34373536", "000f33353633303730343234343130313a00", "003dcafe01000010333536333037303432343431303133"} {
		for _, isDatagram := range []bool{false, true} {
			b := unhex(t, s)
			held := protocols.More
			for n := 1; n <= len(b); n++ {
				v, _ := detect(b[:n], isDatagram)
				if (held == protocols.No || held == protocols.Sure) && v != held {
					t.Errorf("%s: %v after %d bytes, was %v", s, v, n, held)
				}
				held = v
			}
		}
	}
}
