package jt808

import (
	"errors"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestDeviceID(t *testing.T) {
	f := func(identity, want string) {
		t.Helper()
		if got, err := deviceID(unhex(t, identity)); got != want || (err == nil) != (want != "") {
			t.Errorf("deviceID(%s) = %q, %v, want %q", identity, got, err, want)
		}
	}
	f("013912345678", "13912345678")
	f("000000000000", "0")
	f("4f07788ef87d", "868935060010210") // an IMEI as a binary number
	f("4eb6fb4afd9e", "865478070102068")
	f("ffffffffffff", "")
	f("00000866496077582164", "866496077582164")
	f("79410400414001", "79410400414001")
	f("0000000000000000000a", "a")
}

func TestCut(t *testing.T) {
	f := func(text, state string, final bool, n int, want error) {
		t.Helper()
		u := unit{}
		got, err := u.cut(state, unhex(t, text), final, false)
		if u.badCheck && err == nil && got > 0 {
			err = protocols.ErrChecksum
		}
		if got != n || !errors.Is(err, want) {
			t.Errorf("cut(%s) = %d, %v, want %d, %v", text, got, err, n, want)
		}
		u.release()
	}
	const bad = "7e000200000139123456780002317e"
	f("", "", false, 0, nil)
	f("7e", "", false, 0, nil)
	f(beatFrame, "", false, 15, nil)
	f("7e"+beatFrame, "", false, 16, nil)
	f(beatFrame[:28], "", false, 0, nil)
	f(beatFrame[:28], "", true, 14, nil) // the flag at the end is supplied
	f("0102"+beatFrame, "", false, 2, protocols.ErrGarbage)
	f(bad, "", false, 0, nil)                   // what follows tells whose the closing flag is
	f(bad, "", true, 15, protocols.ErrChecksum) //
	f(bad+beatFrame, "", false, 15, protocols.ErrChecksum)
	f(bad+beatFrame[2:], "", false, 14, protocols.ErrChecksum)
	f("7e010203"+beatFrame, "", false, 4, protocols.ErrMalformed)
	f("e70102", "7-", false, 3, protocols.ErrGarbage) // a device keeps to its flag
	f("28313233", "", false, 0, nil)
	f("2831323329", "", false, 5, nil)
	f("2831013329", "", false, 5, protocols.ErrGarbage)
	// Recorded without its escapes, with a flag inside: only as a line of its own.
	plain := "7e0200001c0139123456780004000000000000000301dc89d0073d8aa5000c007e007d260314153300a07e"
	f(plain, "", true, 43, nil)
	f(plain+"00", "", false, 32, protocols.ErrChecksum)
}

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
	f("7e", protocols.More)
	f("7e7e0200", protocols.More)
	f("7e0200001c0139", protocols.More)
	f(locationFrame, protocols.Sure)
	f("7e"+escapedFrame, protocols.Sure)
	f("7e000200000139123456780002317e", protocols.Likely) // a wrong check
	f("7e0123", protocols.No)
	f("7eff7d23", protocols.No) // PPP
	f("7e02007e", protocols.No)
	f("2a48512c", protocols.No)
	f("e7000200007941040041400100017d", protocols.More)
	f("28373934313034303034313430", protocols.More)
	f("283739343130343030343134302c312c3030312c424153452c322c54494d4529", protocols.Sure)
	f("28303133363132333435363738425030", protocols.No) // tk103
}
