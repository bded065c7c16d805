package calamp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const (
	unit        = "8308860000000000016f0102"
	block       = "69b51c9769b51c97129d622048676a72000004e2000004f300570a000136ffaf0f090100"
	eventReport = unit + "01020001" + block + "03110300000030a20012d64400000001"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one decodes one datagram.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	in := protocols.Input{Bytes: unhex(t, text), Datagram: true, Final: true, Received: protocols.CaptureTime}
	n, err := protocols.Next(&Protocol, s, in, f)
	if n != len(in.Bytes) {
		t.Fatalf("took %d of %d bytes of %s: %v", n, len(in.Bytes), text, err)
	}
	return f, err
}

// TestWithoutOptions: a datagram that does not say whose it is belongs to the unit heard before; a new identity replaces it.
func TestWithoutOptions(t *testing.T) {
	var s protocols.Session
	f := func(text, device, reply string, events int) {
		t.Helper()
		frame, err := one(t, &s, text)
		if err != nil || len(frame.Events) != events || hex.EncodeToString(frame.Reply) != reply {
			t.Fatalf("%s: %d events, reply %x: %v", text, len(frame.Events), frame.Reply, err)
		}
		if events == 1 && frame.Events[0].Device != device || s.Device != device {
			t.Errorf("%s: device %q, want %q", text, s.Device, device)
		}
	}
	f("01000001", "", "02010001000000000000", 0)
	f("01020002"+block+"03110000", "", "02010002020000000000", 1)
	f(eventReport, "860000000000016", "02010001020000000000", 1)
	f("01020002"+block+"03110000", "860000000000016", "02010002020000000000", 1)
	f("00080003"+block+"0000", "860000000000016", "", 1)
	f("830545320012340101 01000004", "4532001234", "02010004000000000000", 0)
	f("8308ffffffffffffffff0102 01000004", "4532001234", "02010004000000000000", 0)
	f("01000005", "4532001234", "02010005000000000000", 0)
	f("01010005 0700", "4532001234", "", 1)
}

// TestSameRecord: sequence numbers, the source and the mark of the log are not part of a record, its bytes are.
func TestSameRecord(t *testing.T) {
	fp := func(text string) string {
		t.Helper()
		var s protocols.Session
		f, err := one(t, &s, text)
		if err != nil || len(f.Events) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		return f.Events[0].ID()
	}
	stored := strings.Replace(block, "0a000136", "0a200136", 1)
	if a, b := fp(eventReport), fp(unit+"01020777"+stored+"03110300000030a20012d64400000001"); a != b {
		t.Errorf("%s and %s", a, b)
	}
	if a, b := fp(eventReport), fp(unit+"01020001"+block+"03120300000030a20012d64400000001"); a == b {
		t.Errorf("two events are one: %s", a)
	}
	const mini = "830545320012340101010a0004 69b51c97129d622048676a7200572d%0f011101000030a2"
	if a, b := fp(strings.Replace(mini, "%", "0a", 1)), fp(strings.Replace(mini, "%", "4a", 1)); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

// TestNoStream: over anything but datagrams nothing ends a message before the end of all.
func TestNoStream(t *testing.T) {
	var s protocols.Session
	var f protocols.Frame
	b := unhex(t, eventReport)
	if n, err := decode(&s, protocols.Input{Bytes: b}, &f); n != 0 || err != nil {
		t.Errorf("stream: %d, %v", n, err)
	}
	if n, err := decode(&s, protocols.Input{Bytes: b, Final: true}, &f); n != len(b) || err != nil {
		t.Errorf("line: %d, %v", n, err)
	}
}

// TestRefused: what is refused is not answered and teaches nothing.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		"80", "83", "8308", unit, unit + "0102", unit + "01020001" + block, unit + "01020001" + block[:70], unit + "03000001",
		unit + "010c0001", "8308860000000000abcd010201000001", "7e", "0301", "00", "8321" + strings.Repeat("11", 33) + "010101000001",
	} {
		var s protocols.Session
		f, err := one(t, &s, text)
		if err == nil || !errors.Is(err, protocols.ErrMalformed) && !errors.Is(err, protocols.ErrGarbage) || len(f.Reply) > 0 || s.Device != "" {
			t.Errorf("%s: %v, reply %x, device %q", text, err, f.Reply, s.Device)
		}
	}
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		b := unhex(t, text)
		if got, why := detect(b, true); got != want {
			t.Errorf("detect(%s) = %v (%s), want %v", text, got, why, want)
		}
		if got, _ := detect(b, false); got != protocols.No {
			t.Errorf("detect(%s) of a stream = %v", text, got)
		}
		settled := protocols.More
		for n := range len(b) + 1 {
			got, _ := detect(b[:n], true)
			if (settled == protocols.No || settled == protocols.Sure) && got != settled {
				t.Errorf("detect(%s) = %v after %d bytes, was %v", text, got, n, settled)
			}
			settled = got
		}
	}
	f("", protocols.More)
	f("83", protocols.More)
	f(eventReport, protocols.Sure)
	f(eventReport[:60], protocols.More)
	f("83092701131797081078220107 01000001", protocols.Sure)
	f("830545320012340101 01000001", protocols.Sure)
	f("830545320012340101 03000001", protocols.No)
	f("830545320012340109 01000001", protocols.No)
	f("83054532001f340101 01000001", protocols.No)
	f("8305ffffffffff0101 01000001", protocols.No)
	f("8307a10000091234560107 01000001", protocols.Sure)
	f("8307a10000091234560102 01000001", protocols.No)
	f("81054532001234 01000001", protocols.No)
	f("01020001"+block+"03110000", protocols.No)
	f("00", protocols.No)
	f("78780d01", protocols.No)
	if got := testing.AllocsPerRun(100, func() { detect([]byte{0x83, 5}, true) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestEncode: a unit request under the lower half of the command's number.
func TestEncode(t *testing.T) {
	s := protocols.Session{Options: protocols.Options{Extra: "action_engine_stop=8/12/258;action_reboot=1;action_position=11;action_bad=256"}}
	f := func(s protocols.Session, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&s, c)
		if hex.EncodeToString(b) != want || (err != nil) != (want == "") {
			t.Errorf("%+v: %x, want %s: %v", c, b, want, err)
			return
		}
		if err != nil {
			return
		}
		h, size, err := readHeader(b)
		if err != nil || h.service != serviceAcknowledged || h.kind != typeUnitRequest || h.sequence != uint16(c.ID) || len(b)-size != 8 {
			t.Errorf("%x reads as %+v: %v", b, h, err)
		}
		if _, err := one(t, &s, want); err != nil {
			t.Errorf("%x: %v", b, err)
		}
	}
	f(protocols.Session{}, protocols.Command{Name: "position", ID: 1}, "010700010a00000000000000")
	f(s, protocols.Command{Name: "position", ID: 0x10002}, "010700020b00000000000000")
	f(s, protocols.Command{Name: "engine_stop", ID: 2}, "01070002080c010200000000")
	f(s, protocols.Command{Name: "reboot", ID: 3}, "010700030100000000000000")
	f(s, protocols.Command{Name: "custom", Text: "1/2/3/4", ID: 3}, "010700030102000300000004")
	f(s, protocols.Command{Name: "custom", Text: "1/2/3/4/5"}, "")
	f(s, protocols.Command{Name: "custom", Text: "1/2/65536"}, "")
	f(s, protocols.Command{Name: "custom", Text: ""}, "")
	f(s, protocols.Command{Name: "custom", Text: "1\n"}, "")
	f(s, protocols.Command{Name: "bad"}, "")
	f(protocols.Session{}, protocols.Command{Name: "engine_stop"}, "")
}

func BenchmarkEventReport(b *testing.B) {
	in := protocols.Input{Bytes: unhex(b, eventReport), Datagram: true, Final: true, Received: protocols.CaptureTime}
	s := protocols.Session{Device: "860000000000016"}
	var f protocols.Frame
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(in.Bytes) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	first := bytes.Clone(unhex(b, eventReport))
	b.ReportAllocs()
	for b.Loop() {
		detect(first, true)
	}
}
