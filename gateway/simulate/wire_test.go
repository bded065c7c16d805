package simulate

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/gt06"
	"github.com/trackgate/trackgate/protocols/teltonika"
)

var at = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// fixes are on all four quarters of the earth.
var fixes = []Fix{
	{Time: at, Lat: 52.5145, Lng: 13.3501, Alt: 34, Speed: 42.3, Course: 91.4, Sats: 11, Ignition: true, Odometer: 123456},
	{Time: at.Add(time.Second), Lat: -23.5558, Lng: -46.6622, Alt: 760, Speed: 0, Course: 359.7, Sats: 7},
	{Time: at.Add(2 * time.Second), Lat: 39.7401, Lng: -104.9873, Alt: 1609, Speed: 130, Course: 180, Sats: 12, Ignition: true},
	{Time: at.Add(3 * time.Second), Lat: -6.1805, Lng: 106.8229, Alt: -3, Speed: 7, Course: 0, Sats: 4, Ignition: true},
}

// decodeAll runs bytes through a decoder and returns the events and the answers.
func decodeAll(t *testing.T, p *protocols.Protocol, s *protocols.Session, b []byte) ([]protocols.Event, []byte) {
	t.Helper()
	var f protocols.Frame
	var events []protocols.Event
	var replies []byte
	in := protocols.Input{Bytes: b, Received: protocols.At(at)}
	used, err := protocols.Drain(p, s, in, &f, func(raw []byte, err error) bool {
		if err != nil {
			t.Fatalf("% x: %v", raw, err)
		}
		for _, e := range f.Events {
			e.Attrs = append(protocols.Attrs(nil), e.Attrs...)
			events = append(events, e)
		}
		replies = append(replies, f.Reply...)
		return true
	})
	if err != nil || used != len(b) {
		t.Fatalf("%d of %d bytes read: %v", used, len(b), err)
	}
	return events, replies
}

// TestWire encodes logins and fixes, and decodes them with the gateway's own decoders, whose answers the device must understand.
func TestWire(t *testing.T) {
	for _, c := range []struct {
		wire     Wire
		protocol *protocols.Protocol
		slack    float64 // degrees
	}{
		{&GT06{IMEI: IMEI(7)}, &gt06.Protocol, 1.0 / 1_800_000},
		{&Teltonika{IMEI: IMEI(7)}, &teltonika.Protocol, 1e-7},
	} {
		t.Run(c.wire.Name(), func(t *testing.T) {
			var s protocols.Session
			answer := func(replies []byte, fixes int) {
				t.Helper()
				for cut := range replies {
					if used, ok, err := c.wire.Answer(replies[:cut], fixes); ok || err != nil || used != 0 {
						t.Errorf("%d of % x: got %d, %t, %v", cut, replies, used, ok, err)
					}
				}
				if used, ok, err := c.wire.Answer(replies, fixes); !ok || err != nil || used != len(replies) {
					t.Errorf("% x: got %d, %t, %v", replies, used, ok, err)
				}
			}
			login := c.wire.Login(nil)
			if v, why := c.protocol.Detect(login, false); v != protocols.Sure {
				t.Errorf("login % x is recognised as %v: %s", login, v, why)
			}
			_, reply := decodeAll(t, c.protocol, &s, login)
			answer(reply, 0)
			if s.Device != IMEI(7) {
				t.Fatalf("device %q", s.Device)
			}
			for left := fixes; len(left) > 0; {
				b, n := c.wire.Fixes(nil, left, at)
				events, reply := decodeAll(t, c.protocol, &s, b)
				answer(reply, n)
				if len(events) != n {
					t.Fatalf("%d events of %d fixes", len(events), n)
				}
				for i, e := range events {
					want := left[i]
					if e.Device != IMEI(7) || e.Time != protocols.At(want.Time) || !e.Valid || math.Abs(e.Lat-want.Lat) > c.slack ||
						math.Abs(e.Lng-want.Lng) > c.slack || math.Abs(e.Speed-want.Speed) > 0.5 || math.Abs(angle(e.Course, want.Course)) > 0.5 ||
						e.Sats != want.Sats || e.Stored {
						t.Errorf("got %s, want %+v", e.AppendJSON(nil), want)
					}
					if a, ok := e.Attrs.Get("ignition"); !ok {
						t.Error("no ignition")
					} else if v, _ := a.Bool(); v != want.Ignition {
						t.Errorf("ignition %t, want %t", v, want.Ignition)
					}
				}
				left = left[n:]
			}
			beat := c.wire.Heartbeat(nil, true)
			_, reply = decodeAll(t, c.protocol, &s, beat)
			if c.wire.HeartbeatAcked() {
				answer(reply, 0)
			} else if len(reply) > 0 {
				t.Errorf("heartbeat answered with % x", reply)
			}
		})
	}
}

// TestGT06Stored: a fix that waited is marked as a stored upload.
func TestGT06Stored(t *testing.T) {
	g := &GT06{IMEI: IMEI(1)}
	var s protocols.Session
	decodeAll(t, &gt06.Protocol, &s, g.Login(nil))
	b, _ := g.Fixes(nil, fixes, at.Add(StoredAfter+time.Second))
	events, _ := decodeAll(t, &gt06.Protocol, &s, b)
	if len(events) != 1 || !events[0].Stored {
		t.Errorf("got %+v", events)
	}
}

// TestVendorFrames compares with frames that the vendors print.
func TestVendorFrames(t *testing.T) {
	g := &GT06{IMEI: "123456789012345"}
	if got, want := hex.EncodeToString(g.Login(nil)), "78780d01012345678901234500018cdd0d0a"; got != want {
		t.Errorf("login %s, want %s", got, want)
	}
	tk := &Teltonika{IMEI: "352093086403655"}
	if got, want := hex.EncodeToString(tk.Login(nil)), "000f333532303933303836343033363535"; got != want {
		t.Errorf("login %s, want %s", got, want)
	}
}

// TestAnswers: what is no answer is skipped or ends the connection.
func TestAnswers(t *testing.T) {
	g := &GT06{IMEI: IMEI(1)}
	g.Login(nil)
	ack := (&GT06{}).frame(nil, gt06Login, nil)
	command := (&GT06{serial: 40}).frame(nil, 0x80, []byte("\x0a\x00\x00\x00\x01STATUS#"))
	bad := bytes.Clone(ack)
	bad[len(bad)-3] ^= 1
	for _, c := range []struct {
		name  string
		w     Wire
		in    []byte
		fixes int
		used  int
		ok    bool
		fails bool
	}{
		{"ack", g, ack, 0, len(ack), true, false},
		{"a command before it", g, append(bytes.Clone(command), ack...), 0, len(command) + len(ack), true, false},
		{"another serial", g, (&GT06{serial: 8}).frame(nil, gt06Login, nil), 0, 10, false, false},
		{"damaged", g, bad, 0, 0, false, true},
		{"another protocol", g, []byte("HTTP/1.1 400 Bad Request"), 0, 0, false, true},
		{"length zero", g, []byte("\x78\x78\x00\x01\x00\x01\x00\x00\x0d\x0a"), 0, 0, false, true},
		{"refused", &Teltonika{}, []byte{0}, 0, 1, false, true},
		{"records", &Teltonika{}, []byte{0, 0, 0, 5}, 5, 4, true, false},
		{"too few records", &Teltonika{}, []byte{0, 0, 0, 4}, 5, 4, false, true},
		{"a command before records", &Teltonika{}, []byte{0, 0, 0, 0, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0, 5}, 5, 17, true, false},
		{"a lying length", &Teltonika{}, []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 5, 0, false, true},
	} {
		used, ok, err := c.w.Answer(c.in, c.fixes)
		if used != c.used || ok != c.ok || (err != nil) != c.fails {
			t.Errorf("%s: got %d, %t, %v", c.name, used, ok, err)
		}
	}
}
