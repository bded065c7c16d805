package teltonika

import (
	"encoding/hex"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// A camera's own connection: greeting, file, greeting again, end.
func TestDualCam(t *testing.T) {
	var s protocols.Session
	f := func(in, reply string, hangUp bool) {
		t.Helper()
		b := unhex(t, in)
		n, f, err := next(&s, b)
		if n != len(b) || err != nil || hex.EncodeToString(f.Reply) != reply || f.Close != hangUp || len(f.Events) != 0 {
			t.Errorf("%s: %d, %v, reply %x, close %v", in, n, err, f.Reply, f.Close)
		}
	}
	f("000000050001403a4abaa31444000400", "00080007"+hex.EncodeToString([]byte("%photof")), false)
	if s.Device != "352094082736916" {
		t.Fatalf("device %q", s.Device)
	}
	f("000100060000000200"+"00", "0002000400000001", false)
	f("0003000400000001", "", false)
	f("00040006ffd8ffe0abcd", "", false)
	f("00040006ffd8ffe0abcd", "0005000400000000"+"00090000", false)
	f("0005000400000000", "", false)
	f("000000050001403a4abaa31430000400", "00080007"+hex.EncodeToString([]byte("%videof")), false)
	f("0005000400000001", "00090000", false) // gave up
	f("000b0002abcd", "", false)
	f("000000050001403a4abaa31440000400", "00000000", true)
}

func TestDualCamBounds(t *testing.T) {
	greeting := unhex(t, "000000050001403a4abaa31404000400")
	for cut := 1; cut < len(greeting); cut++ {
		var s protocols.Session
		if n, _, err := next(&s, greeting[:cut]); n != 0 || err != nil {
			t.Errorf("greeting cut at %d: %d, %v", cut, n, err)
		}
	}
	var s protocols.Session
	if _, _, err := next(&s, unhex(t, "00000005ffffffffffffffff04000400")); err == nil {
		t.Error("an IMEI of 20 digits is accepted")
	}
	// The files of one connection are counted.
	for i := range maxCamFiles + 1 {
		_, f, err := next(&s, greeting)
		if err != nil || f.Close != (i == maxCamFiles) {
			t.Fatalf("greeting %d: %v, close %v", i, err, f.Close)
		}
	}
	for _, hostile := range []string{"0004ffff", "7fff0000", "00041001"} {
		if n, _, err := next(&s, unhex(t, hostile)); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", hostile, n, err)
		}
	}
}
