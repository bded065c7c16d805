package gt06

import (
	"errors"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestFraming cuts the first frame off bytes: how many it takes, and what it is.
func TestFraming(t *testing.T) {
	const more = -1
	f := func(text string, sendsBare, final bool, n int, want form, fault error) {
		t.Helper()
		b := unhex(t, text)
		m, got, err := next(sendsBare, b, final)
		if n == more {
			n = 0
		}
		if got != n || !errors.Is(err, fault) || (err == nil && n > 0 && m.form != want) {
			t.Errorf("next(%s, %v, %v) = %d bytes, form %d, %v; want %d, form %d, %v", text, sendsBare, final, got, m.form, err, n, want, fault)
		}
	}
	// Whole, in parts, and without its stop bytes at the end of a stream.
	f(beatFrame, false, false, 15, short, nil)
	f(beatFrame[:28], false, false, more, short, nil)
	f(beatFrame[:28], false, true, 14, short, nil)
	f(beatFrame[:26], false, true, 13, short, nil)
	f(beatFrame[:24], false, true, 12, short, protocols.ErrMalformed)
	f("7979000894000000000338ba0d0a", false, false, 14, extended, nil)
	f("7979000894000000000338ba", false, true, 12, extended, nil)
	// Stop bytes wrong: the next frame ends the search.
	f("78780a13c40604000201298f5b0000", false, false, more, short, nil)
	f("78780a13c40604000201298f5b0000"+beatFrame, false, false, 15, short, protocols.ErrGarbage)
	// LEN wrong, checksum right for the bytes as sent.
	f("787808134606020002044dc5050d0a", false, false, 15, short, nil)
	// LEN beyond what a message without a file may have.
	f("7979ffff1301"+beatFrame, false, false, 6, short, protocols.ErrGarbage)
	f("7979ffff8d01"+beatFrame, false, false, more, short, nil)
	// Bare: by LEN, by LEN with the number, by the count of access points, and the login whose LEN is anything.
	f("7878121011091c0b1e2e98058507f80097a6ac03344a0d0a", false, false, 24, bare, nil)
	f("787801080d0a", false, false, 6, bare, nil)
	f("78780a13424008196400041f000d0a", true, false, 15, bare, nil)
	f("78780a13424008196400041f000d0a", false, false, 15, short, nil) // a damaged heartbeat, for all that is known
	f("78780713514d0819640d0a", false, false, 11, bare, nil)
	f("787800691710231108500200cc080c4e2fa5640c4e2fa66e0d0a", false, false, 26, bare, nil)
	f("787800691710231108500200cc080c4e2fa5640c4e2fa66e010d0a", false, false, 27, bare, nil)
	f("787800691710231108500200cc080c4e2fa5640c4e2fa66e0d", false, false, more, bare, nil)
	f("78780069171023110850000d0a", false, false, 13, bare, nil)
	f("78780d0103563140414198583c0d0a", false, false, 15, bare, nil)
	f("78780a0103563140414198583c0d0a", false, false, 15, bare, nil)
	// Garbage: up to the next start marker, whose first half may be the last byte.
	f("00", false, false, 1, short, protocols.ErrGarbage)
	f("0078", false, false, 1, short, protocols.ErrGarbage)
	f("78", false, false, more, short, nil)
	f("78", false, true, 1, short, protocols.ErrGarbage)
	f("787978", false, false, 2, short, protocols.ErrGarbage)
	f("0102"+beatFrame, false, false, 2, short, protocols.ErrGarbage)
	f("78"+beatFrame, false, false, 1, short, protocols.ErrGarbage)
	f("", false, true, 0, short, nil)
}

func TestWordZone(t *testing.T) {
	f := func(word uint16, want int, ok bool) {
		t.Helper()
		if got, is := wordZone(word); got != want || is != ok {
			t.Errorf("wordZone(%#04x) = %d, %v; want %d, %v", word, got, is, want, ok)
		}
	}
	f(0x3201, 8*3600, true)
	f(0x4dd8, -(12*3600 + 45*60), true)
	f(0x0001, 0, true)
	f(0x2120, 5*3600+30*60, true)
	f(550<<4, 5*3600+30*60, true)
	f(575<<4, 5*3600+45*60, true)
	f(525<<4|8, -(5*3600 + 15*60), true)
	f(510<<4, 0, false)
	f(1500<<4, 0, false)
}

// TestLoginState: what a login teaches, and that a second one forgets it.
func TestLoginState(t *testing.T) {
	var s protocols.Session
	login := func(info string) {
		t.Helper()
		if _, err := one(t, &s, appendFrame(nil, false, msgLogin, unhex(t, info), 1), protocols.CaptureTime); err != nil {
			t.Fatal(err)
		}
	}
	state := func(device, want string) {
		t.Helper()
		if s.Device != device || s.State != want {
			t.Errorf("device %q, state %q; want %q, %q", s.Device, s.State, device, want)
		}
	}
	login("0752533678900242")
	state("752533678900242", "----------0")
	login("07525336789002427000")
	state("752533678900242", "-7000-----0")
	login("075253367890024270003201")
	state("752533678900242", "-70003201-0")
	set(&s, atZone, "u")
	setAlarmLevel(&s, 3)
	login("075253367890024270003201")
	state("752533678900242", "-70003201u3")
	login("1752533678900242"[:16] + "70003201")
	state("1752533678900242", "-70003201-0")
}
