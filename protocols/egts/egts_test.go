package egts

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes one whole packet.
func one(t testing.TB, s *protocols.Session, b []byte) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Final: true, Received: protocols.CaptureTime}, f)
	if n != len(b) {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(b), b, err)
	}
	return f, err
}

// Packets of the protocol sheet: a login, a position with sensors, two stored records.
const (
	loginPacket  = "0100020b001e00040001541700040000010101140034120000023836303030303030303030303031362979"
	fixPacket    = "0100020b0042000200016d3700020001b0090200020210180097e1771e804bd5588e39c3ac93c8015739300003000c00001104000a5a000a120a0001020307b00400600900140500027c292804898e"
	storedPacket = "0100020b004600010001b81800010001341200000202101500d3e1771e1e17245f35cc81646b00800eb88201000d18000200013412000002021015000fe2771ec229245f87d581646b32005ab98201000082b6"
)

func TestCRC8(t *testing.T) {
	if got := crc8([]byte("123456789")); got != 0xf7 {
		t.Errorf("%02x, want f7", got)
	}
}

// TestSteadyStateDoesNotAllocate: what a driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, text := range map[string]string{"fix": fixPacket, "stored": storedPacket} {
		var s protocols.Session
		f := new(protocols.Frame)
		b := unhex(t, text)
		feed := func() {
			f.Reset()
			if _, err := Protocol.Decode(&s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, f); err != nil {
				t.Fatal(err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"fix": fixPacket, "stored": storedPacket, "login": loginPacket} {
		b.Run(name, func(b *testing.B) {
			var s protocols.Session
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: unhex(b, text), Received: protocols.CaptureTime}
			b.ReportAllocs()
			for b.Loop() {
				f.Reset()
				if _, err := protocols.Next(&Protocol, &s, in, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	first := unhex(b, fixPacket)
	b.ReportAllocs()
	for b.Loop() {
		if v, _ := detect(first, false); v != protocols.Sure {
			b.Fatal(v)
		}
	}
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
	f("01", protocols.More)
	f("0100020b", protocols.More)
	f(fixPacket, protocols.Sure)
	f(fixPacket[:22], protocols.Sure)
	f("0100020b0042000200016e", protocols.No) // a wrong CRC-8
	f("0100020b0042000200036d", protocols.No) // no such type
	f("011780011102df", protocols.No)         // Galileosky
	f("0100c20b", protocols.No)
	f("0100020c", protocols.No)
	if v, _ := detect(unhex(t, fixPacket), true); v != protocols.No {
		t.Error("there are no datagrams of EGTS")
	}
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	last := protocols.More
	for i := 0; i <= len(b) && i < 600; i++ {
		v, why := detect(b[:i], false)
		if (last == protocols.No || last == protocols.Sure) && v != last || why == "" {
			t.Fatalf("%x: %v (%s), after %v", b[:i], v, why, last)
		}
		last = v
	}
}

// TestOnlyHeaderSum: a line whose only fault is the sum of its header is told as such, and changes nothing.
func TestOnlyHeaderSum(t *testing.T) {
	b := unhex(t, fixPacket)
	b[headerSize-1]++
	var s protocols.Session
	f, err := one(t, &s, b)
	if !errors.Is(err, protocols.ErrChecksum) || len(f.Events) != 1 || f.Events[0].Device != "133552" || len(f.Reply) == 0 || s != (protocols.Session{}) {
		t.Errorf("%v, %d events, session %+v", err, len(f.Events), s)
	}
}

// TestRefuse: a device that is not accepted learns so from the result of its login, or in place of the results of its records.
func TestRefuse(t *testing.T) {
	var s protocols.Session
	f, err := one(t, &s, unhex(t, loginPacket))
	if err != nil || !strings.Contains(fmt.Sprintf("%x", f.Refuse), "09010097") {
		t.Errorf("%x, %v", f.Refuse, err)
	}
	s = protocols.Session{}
	f, err = one(t, &s, unhex(t, fixPacket))
	if want := fmt.Sprintf("%x", seal(append(appendHeader(nil, 2, typeResponse, 2), 2, 0, resultDenied), 0)); err != nil || fmt.Sprintf("%x", f.Refuse) != want {
		t.Errorf("%x, %v, want %s", f.Refuse, err, want)
	}
	if f, _ = one(t, &s, unhex(t, fixPacket)); len(f.Refuse) != 0 {
		t.Errorf("%x for a device that was accepted", f.Refuse)
	}
}

// TestRepeatedFromBlackBox: a record sent live and again from the black box is one.
func TestRepeatedFromBlackBox(t *testing.T) {
	b := unhex(t, fixPacket)
	var s protocols.Session
	live, _ := one(t, &s, b)
	data := b[headerSize : len(b)-sumSize]
	data[11+3+12] |= positionStored // record and subrecord begin before it
	again := seal(append(appendHeader(nil, 2, typeData, 900), data...), 0)
	stored, err := one(t, &s, again)
	if err != nil || !stored.Events[0].Stored || stored.Events[0].ID() != live.Events[0].ID() {
		t.Errorf("%v: %s and %s", err, live.Events[0].ID(), stored.Events[0].ID())
	}
}

// TestManyServices: the answer to a packet is bounded, whatever services its records claim to be of.
func TestManyServices(t *testing.T) {
	var data []byte
	for len(data) < maxData-7 {
		data = appendRecord(data, uint16(len(data)), byte(len(data)/7), 2)
	}
	var s protocols.Session
	f, err := one(t, &s, packet(typeData, data))
	if err != nil || len(f.Reply) > maxPacket {
		t.Errorf("answer of %d bytes, %v", len(f.Reply), err)
	}
	if n, err := decode(new(protocols.Session), protocols.Input{Bytes: f.Reply}, new(protocols.Frame)); err != nil || n != len(f.Reply) {
		t.Errorf("the answer is not one packet: %d of %d bytes, %v", n, len(f.Reply), err)
	}
}

func TestEncode(t *testing.T) {
	f := func(c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&protocols.Session{}, c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			return
		}
		rec, rest, ok := nextRecord(b[headerSize : len(b)-sumSize])
		if n, err := decode(new(protocols.Session), protocols.Input{Bytes: b, Received: protocols.CaptureTime}, new(protocols.Frame)); n != len(b) || err != nil || !ok || len(rest) != 0 {
			t.Errorf("%+v: %x is not one packet of one record: %v", c, b, err)
		}
		kind, data, rest, ok := nextSub(rec.data)
		if got := hex.EncodeToString(data); !ok || kind != subCommand || len(rest) != 0 || got != want {
			t.Errorf("%+v: %d %s, want %s", c, kind, got, want)
		}
	}
	f(protocols.Command{Name: "custom", Text: "0c00", ID: 7}, "500700000000000000000000000c00")
	f(protocols.Command{Name: "custom", Text: "090001ff", ID: 0x01020304, Args: map[string]string{"password": "1234"}}, "5004030201000000000104313233340000000900"+"01ff")
	refused := func(c protocols.Command) {
		t.Helper()
		if b, err := encode(&protocols.Session{}, c); err == nil {
			t.Errorf("%+v: encoded as %x", c, b)
		}
	}
	refused(protocols.Command{Name: "engine_stop"})
	refused(protocols.Command{Name: "custom", Text: "0c"})
	refused(protocols.Command{Name: "custom", Text: "reboot"})
	refused(protocols.Command{Name: "custom", Text: strings.Repeat("00", maxCommand+3)})
	refused(protocols.Command{Name: "custom", Text: "0c00", Args: map[string]string{"password": strings.Repeat("1", 256)}})
}
