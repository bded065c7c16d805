package atrack

import (
	"encoding/hex"
	"errors"
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

// one decodes one packet, and the padding that is behind it.
func one(t testing.TB, s *protocols.Session, b []byte) (*protocols.Frame, error) {
	t.Helper()
	f, behind := new(protocols.Frame), new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Final: true, Received: protocols.CaptureTime}, f)
	if n < len(b) {
		m, _ := protocols.Next(&Protocol, s, protocols.Input{Bytes: b[n:], Final: true, Received: protocols.CaptureTime}, behind)
		n += m
	}
	if n != len(b) || behind.Type != "" && behind.Type != "padding" {
		t.Fatalf("took %d of %d bytes of %x: %v", n, len(b), b, err)
	}
	return f, err
}

// Packets of the protocol sheet.
const (
	binaryFix = "4050d7200050000900030e2a5a81c01069b51c9769b51c9769b51c99073d8aa501dc89d000570200003039000901002d0004b041314232433300ffc907d046554c533a463d3032393120743d3137204e3d3039303100"
	twoFixes  = "4050e5fb005c000100030e2a5a81c01069b51c9769b51c9769b51c99fbc9ad38fe019fc0010e65000182b8000b0000000100000007d007d00069b51cd369b51cd369b51cd5fbc9acd4fe019f5c010e65000182b9000b0000050100000007d007d000"
	customFix = "405035ae0058000200030e2a5a81c01069b51c9769b51c9769b51c99073d8aa501dc89d00057020000303b000901002d0004b00007d007d000254349255341254d56254256254345254c4325434e000a007c00290000517918c40000b3b0"
	asciiFix  = "@P,D7C9,118,5,860000000000016,20260314083015,20260314083015,20260314083017,121473701,31230416,87,2,12345,9,1,45,0,0,,2000,2000,\r\n"
	aliveText = "fe0200030e2a5a81c0100005"
)

// TestSteadyStateDoesNotAllocate: what a driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, text := range map[string]string{"two": twoFixes, "custom": customFix, "alive": aliveText, "ascii": hex.EncodeToString([]byte(asciiFix))} {
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
	for name, text := range map[string]string{"fix": binaryFix, "two": twoFixes, "custom": customFix, "ascii": hex.EncodeToString([]byte(asciiFix))} {
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
	first := unhex(b, binaryFix)
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
	text := func(s string, want protocols.Verdict) {
		t.Helper()
		f(hex.EncodeToString([]byte(s)), want)
	}
	f("", protocols.More)
	text("@", protocols.More)
	f(binaryFix, protocols.Sure)
	f(binaryFix[:32], protocols.Likely)
	f(binaryFix[:len(binaryFix)-2]+"01", protocols.Likely)
	f("0203b494003c00eb00014104d8dd3a3e07de011b0b1f0307de011b0b1f0307de011b0b1f0300307f28030574d30000020000000600160100020000000007d007d000", protocols.Sure)
	f("0203b494003c00eb00014104", protocols.More)
	f("0203b495003c00eb00014104d8dd3a3e07de011b0b1f0307de011b0b1f0307de011b0b1f0300307f28030574d30000020000000600160100020000000007d007d000", protocols.No)
	f(aliveText, protocols.Likely)
	f("fe02ff", protocols.No)
	f("fe0200000000000000000001", protocols.No)
	text(asciiFix, protocols.Sure)
	text("@P,D7C9,11", protocols.More)
	text("@P,D7C9,118,", protocols.Sure)
	text("@P,D7C9,ab", protocols.No)
	text("@@", protocols.No)
	text("@R", protocols.More)
	text("\x03\x01,C581,157,4", protocols.Sure)
	text("$INFO=860000000000016,", protocols.Sure)
	text("$INFO+9=86", protocols.More)
	text("$INFO=x", protocols.No)
	text("$ERROR=1", protocols.Likely)
	text("$OK\r\n", protocols.Likely)
	text("$GPRMC", protocols.No)
	text("$$", protocols.No)
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

// TestRepeated: a record sent again later, with another sequence and marked as stored, is one.
func TestRepeated(t *testing.T) {
	var s protocols.Session
	record := func(sequence, sent, stored byte) []byte {
		b := unhex(t, customFix)[overhead:]
		b = b[:headSize+41]
		b[1], b[headSize+11] = sequence, sent
		return binaryPacket(append(b, "%CI%SA%DT%SM\x00\x09"+string(stored)+"\x00\x10"...))
	}
	first, err1 := one(t, &s, record(1, 0x99, 0))
	again, err2 := one(t, &s, record(7, 0xaa, 1))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if a, b := first.Events[0].ID(), again.Events[0].ID(); a != b || first.Events[0].Stored || !again.Events[0].Stored {
		t.Errorf("%s and %s", a, b)
	}
	text := func(sequence int, sent, stored string) string {
		f, err := one(t, &s, textPacket([]byte("1773477015,1773477015,"+sent+",121473701,31230416,87,2,12345,9,1,45,0,0,,2000,2000,,%CI%DT%SA,"+stored+",9\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		return f.Events[0].ID()
	}
	if a, b := text(1, "1773477017", "0"), text(2, "1773478888", "1"); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

// TestLearnsPrefix: the first packet of a connection may have any prefix, if its CRC is right; no other may follow.
func TestLearnsPrefix(t *testing.T) {
	var s protocols.Session
	with := func(prefix, packet string) []byte { return append([]byte(prefix), unhex(t, packet)[2:]...) }
	if _, err := one(t, &s, unhex(t, aliveText)); err != nil {
		t.Fatal(err)
	}
	stream := append(with("\x04\x02", binaryFix), with("\x05\x05", twoFixes)...)
	stream = append(stream, with("\x04\x02", twoFixes)...)
	events, garbage := 0, 0
	f := new(protocols.Frame)
	used, err := protocols.Drain(&Protocol, &s, protocols.Input{Bytes: stream, Received: protocols.CaptureTime}, f, func(raw []byte, err error) bool {
		if events += len(f.Events); err != nil {
			garbage += len(raw)
		}
		return true
	})
	if err != nil || used != len(stream) || events != 3 || garbage != len(unhex(t, twoFixes)) || s.State != "\x04\x02" {
		t.Errorf("%d of %d bytes, %d events, %d bytes of garbage, state %q, %v", used, len(stream), events, garbage, s.State, err)
	}
	s = protocols.Session{}
	bad := with("\x04\x02", binaryFix)
	bad[len(bad)-2]++
	if n, err := decode(&s, protocols.Input{Bytes: bad}, new(protocols.Frame)); n == 0 || !errors.Is(err, protocols.ErrGarbage) || s.State != "" {
		t.Errorf("%d bytes, %v, state %q", n, err, s.State)
	}
}

// TestCutTerminator: the last line end of a packet in ASCII may be missing where nothing more comes, not in a stream.
func TestCutTerminator(t *testing.T) {
	for _, text := range []string{strings.TrimSuffix(asciiFix, "\n"), strings.TrimSuffix(asciiFix, "\r\n"), strings.Replace(asciiFix, "\r\n", "\n", 1)} {
		var s protocols.Session
		if f, err := one(t, &s, []byte(text)); err != nil || len(f.Events) != 1 {
			t.Errorf("%q: %v, %d events", text, err, len(f.Events))
		}
		if n, err := decode(new(protocols.Session), protocols.Input{Bytes: []byte(text)}, new(protocols.Frame)); n != 0 || err != nil {
			t.Errorf("%q: %d bytes, %v in a stream", text, n, err)
		}
	}
}

// TestSlots: the names that a record may have fit into its set.
func TestSlots(t *testing.T) {
	var m custom
	for name, k := range keys {
		if k.slot >= 64*len(m.taken) {
			t.Errorf("%s has slot %d", name, k.slot)
		}
	}
}

func TestEncode(t *testing.T) {
	f := func(c protocols.Command, want string) {
		t.Helper()
		if b, err := encode(&protocols.Session{}, c); err != nil || string(b) != want {
			t.Errorf("%+v: %q, %v, want %q", c, b, err, want)
		}
	}
	f(protocols.Command{Name: "custom", Text: "AT$INFO=?"}, "AT$INFO=?\r\n")
	f(protocols.Command{Name: "status"}, "AT$INFO=?\r\n")
	f(protocols.Command{Name: "status", ID: 123}, "AT$INFO+123=?\r\n")
	f(protocols.Command{Name: "position"}, "AT$POSI\r\n")
	f(protocols.Command{Name: "output", Args: map[string]string{"output": "1", "value": "1"}}, "AT$OUTC=1,1,0,0,0,0\r\n")
	refused := func(c protocols.Command) {
		t.Helper()
		if b, err := encode(&protocols.Session{}, c); err == nil {
			t.Errorf("%+v: encoded as %q", c, b)
		}
	}
	refused(protocols.Command{Name: "dance"})
	refused(protocols.Command{Name: "custom", Text: "reboot"})
	refused(protocols.Command{Name: "custom", Text: "AT$INFO=?\r\nAT$OUTC=1"})
	refused(protocols.Command{Name: "custom", Text: "AT$" + strings.Repeat("x", maxCommand)})
	refused(protocols.Command{Name: "output", Args: map[string]string{"output": "1,1", "value": "1"}})
	refused(protocols.Command{Name: "output", Args: map[string]string{"output": "1", "value": "2"}})
}
