package teltonika

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const testIMEI = "356307042441013"

// worked is a packet of one record with a known CRC.
const worked = "000000000000004a08010000015ebc1da508002411926621f15246010b00b913005e000f06ef01f00150011505c800450108b5000bb6000642381b18005ecd0318ce19cd430f5844000001f1000061a900010000c8e1"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// next decodes the frame at the start of b on a live connection.
func next(s *protocols.Session, b []byte) (n int, f protocols.Frame, err error) {
	n, err = protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: protocols.CaptureTime}, &f)
	return n, f, err
}

func TestIdentification(t *testing.T) {
	var s protocols.Session
	first := append([]byte{0, 15}, testIMEI...)
	n, f, err := next(&s, first)
	if n != 17 || err != nil || s.Device != testIMEI || !bytes.Equal(f.Reply, []byte{1}) || !bytes.Equal(f.Refuse, []byte{0}) || f.Close {
		t.Fatalf("%d, %v, device %q, reply %x, refuse %x", n, err, s.Device, f.Reply, f.Refuse)
	}
	other := append([]byte{0, 10}, "1234567890"...)
	if n, f, err = next(&s, other); n != 12 || err != nil || s.Device != "1234567890" || len(f.Reply) != 1 {
		t.Fatalf("second identification: %d, %v, device %q", n, err, s.Device)
	}
	s = protocols.Session{}
	for _, hostile := range []string{"GET / HTTP/1.1", "\x00\x0fabcdefghijklmno", "\x00\x0f35630704244101x", "\x10\x20MQTT", "\x00\x09123456789", "\x00\x15123456789012345678901"} {
		if n, _, err := next(&s, []byte(hostile)); n != 0 || err == nil || s.Device != "" {
			t.Errorf("%q: %d, %v, device %q", hostile, n, err, s.Device)
		}
	}
	lettered := append([]byte{0, 15}, "35630704244101X"...)
	s.Options.Extra = "letters=true"
	if _, _, err := next(&s, lettered); err != nil || s.Device != "35630704244101X" {
		t.Errorf("letters=true: %v, device %q", err, s.Device)
	}
}

func TestKeepAlive(t *testing.T) {
	var s protocols.Session
	n, f, err := next(&s, []byte{0xff, 0xff, 0xff, 0})
	if n != 3 || err != nil || len(f.Reply)+len(f.Events) != 0 {
		t.Errorf("%d, %v, reply %x", n, err, f.Reply)
	}
}

// A wrong CRC gives events and the answer, with an error; nothing is learnt. With the operator's leave it is accepted and marked.
func TestBadChecksum(t *testing.T) {
	b := avlPacket(codec8, simpleRecord(1780315200000, 252, 1).caused(252).b)
	for _, at := range []int{len(b) - 1, len(b) - 3, 20} {
		bad := bytes.Clone(b)
		bad[at] ^= 0x40
		s := protocols.Session{Device: testIMEI}
		n, f, err := next(&s, bad)
		if n != len(b) || !errors.Is(err, protocols.ErrChecksum) || len(f.Events) != 1 || hex.EncodeToString(f.Reply) != "00000001" {
			t.Errorf("byte %d: %d, %v, %d events, reply %x", at, n, err, len(f.Events), f.Reply)
		}
		if s != (protocols.Session{Device: testIMEI}) {
			t.Errorf("byte %d: session changed: %+v", at, s)
		}
		s.Options.TolerateChecksum = true
		n, f, err = next(&s, bad)
		if n != len(b) || err != nil || len(f.Events) != 1 {
			t.Fatalf("byte %d: tolerated: %d, %v, %d events", at, n, err, len(f.Events))
		}
		if a, ok := f.Events[0].Attrs.Get("checksum_ok"); !ok {
			t.Errorf("byte %d: tolerated without a mark", at)
		} else if v, _ := a.Bool(); v {
			t.Errorf("byte %d: checksum_ok is true", at)
		}
	}
}

// What is whole and can not be read is refused twice. The third time it is kept as it is and acknowledged.
func TestUnreadableThreeTimes(t *testing.T) {
	record := simpleRecord(1780315200000, 239, 1).b
	structure := avlPacket(codec8, record[:len(record)-1])
	codec := framed([]byte{0x42, 2, 1, 2, 3, 2})
	for name, b := range map[string][]byte{"structure": structure, "codec": codec} {
		s := protocols.Session{Device: testIMEI}
		for try := 1; try <= 2; try++ {
			n, f, err := next(&s, b)
			if n != len(b) || err == nil || len(f.Events) != 0 || len(f.Reply) != 0 {
				t.Fatalf("%s, try %d: %d, %v, %d events, reply %x", name, try, n, err, len(f.Events), f.Reply)
			}
			next(&s, []byte{0xff})
		}
		n, f, err := next(&s, b)
		if n != len(b) || err != nil || len(f.Events) != 1 || f.Events[0].Alarm != "fault" || f.Type != "unreadable" {
			t.Fatalf("%s, third: %d, %v, %d events", name, n, err, len(f.Events))
		}
		if want := []byte{0, 0, 0, b[9]}; !bytes.Equal(f.Reply, want) {
			t.Errorf("%s: reply %x, want %x", name, f.Reply, want)
		}
		if got, want := string(f.Events[0].Attrs.AppendJSON(nil)), hex.EncodeToString(b[8:len(b)-4]); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want raw %s", name, got, want)
		}
		if s.State != "" {
			t.Errorf("%s: state %q after it was kept", name, s.State)
		}
	}
}

// A readable packet in between starts the count again; three unreadable ones in a row end the connection.
func TestUnreadableInARow(t *testing.T) {
	bad := func(seed byte) []byte { return framed([]byte{0x42, seed, 1, 2, 3, 2}) }
	s := protocols.Session{Device: testIMEI}
	for round := range 2 {
		for seed := range byte(2) {
			if n, _, err := next(&s, bad(seed)); n == 0 || err == nil {
				t.Fatalf("round %d: %d, %v", round, n, err)
			}
		}
		if round == 0 {
			if _, _, err := next(&s, unhex(t, worked)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, _, err := next(&s, bad(2)); n != 0 || err == nil {
		t.Errorf("third in a row: %d, %v, want the end of the stream", n, err)
	}
}

// Bytes between packets are passed over when a packet follows, on a connection with an identity only.
func TestLost(t *testing.T) {
	s := protocols.Session{Device: testIMEI}
	good := unhex(t, worked)
	junk := append([]byte("junk that is no packet"), good...)
	n, _, err := next(&s, junk)
	if n != len(junk)-len(good) || !errors.Is(err, protocols.ErrGarbage) {
		t.Errorf("%d, %v", n, err)
	}
	for _, length := range []string{"00010000", "ffffffff", "7fffffff", "00000002", "80000000"} {
		b := append(unhex(t, "00000000"+length+"0801"), good...)
		if n, _, err := next(&s, b); n != 10 || !errors.Is(err, protocols.ErrGarbage) {
			t.Errorf("length %s: %d, %v", length, n, err)
		}
	}
	if n, _, err := next(&s, bytes.Repeat([]byte("x"), maxLost)); n != 0 || err != nil {
		t.Errorf("junk within the limit: %d, %v, want to wait", n, err)
	}
	if n, _, err := next(&s, bytes.Repeat([]byte("x"), maxLost+1)); n != 0 || err == nil {
		t.Errorf("junk beyond the limit: %d, %v, want the end", n, err)
	}
}

// Cut anywhere, a packet is waited for, and never read beyond.
func TestCutPacket(t *testing.T) {
	b := unhex(t, worked)
	for cut := 1; cut < len(b); cut++ {
		s := protocols.Session{Device: testIMEI}
		if n, f, err := next(&s, b[:cut]); n != 0 || err != nil || len(f.Events) != 0 {
			t.Fatalf("cut at %d: %d, %v", cut, n, err)
		}
		var f protocols.Frame
		in := protocols.Input{Bytes: b[:cut], Received: protocols.CaptureTime, Final: true}
		n, err := protocols.Next(&Protocol, &s, in, &f)
		if n != cut || err == nil {
			t.Fatalf("end of the stream at %d: %d, %v", cut, n, err)
		}
	}
}

// The numbers of records at both ends agree, and are the ones acknowledged.
func TestRecordCounts(t *testing.T) {
	record := simpleRecord(1780315200000, 239, 1).b
	var many [][]byte
	for range 255 {
		many = append(many, record)
	}
	s := protocols.Session{Device: testIMEI}
	_, f, err := next(&s, avlPacket(codec8, many...))
	if err != nil || len(f.Events) != 255 || hex.EncodeToString(f.Reply) != "000000ff" {
		t.Errorf("255 records: %v, %d events, reply %x", err, len(f.Events), f.Reply)
	}
	_, f, err = next(&s, avlPacket(codec8))
	if err != nil || len(f.Events) != 0 || hex.EncodeToString(f.Reply) != "00000000" {
		t.Errorf("no records: %v, %d events, reply %x", err, len(f.Events), f.Reply)
	}
	for _, data := range [][]byte{
		append(append([]byte{codec8, 1}, record...), 2),
		append(append([]byte{codec8, 255}, record...), 255),
		append(append(append([]byte{codec8, 1}, record...), 5), 1),
		append(append([]byte{codec8, 0}, record...), 0),
	} {
		s := protocols.Session{Device: testIMEI}
		if n, f, err := next(&s, framed(data)); n == 0 || !errors.Is(err, protocols.ErrMalformed) || len(f.Reply)+len(f.Events) != 0 {
			t.Errorf("%x: %d, %v, %d events, reply %x", data, n, err, len(f.Events), f.Reply)
		}
	}
}

// Each record of a sound packet, cut at every byte, is refused whole.
func TestCutRecord(t *testing.T) {
	wide := wideRecord(1780315200000, 385, unhex(t, "11210102030405060708090a0b0c0d0e0f10020b010ad0"))
	for codec, record := range map[byte][]byte{codec8: typicalRecord(1780315200000), codec8E: wide} {
		for cut := range record {
			s := protocols.Session{Device: testIMEI}
			if _, f, err := next(&s, avlPacket(codec, record[:cut])); err == nil || len(f.Events) != 0 || len(f.Reply) != 0 {
				t.Errorf("codec %02x cut at %d: %v, %d events, reply %x", codec, cut, err, len(f.Events), f.Reply)
			}
		}
	}
}

// A record that announces another number of elements than it has is read by its groups, and marked.
func TestElementCount(t *testing.T) {
	r := simpleRecord(1780315200000, 239, 1)
	r.b[totalAt] = 9
	s := protocols.Session{Device: testIMEI}
	_, f, err := next(&s, avlPacket(codec8, r.b))
	if err != nil || len(f.Events) != 1 {
		t.Fatal(err)
	}
	if a, ok := f.Events[0].Attrs.Get("io_count_ok"); !ok {
		t.Error("no mark")
	} else if v, _ := a.Bool(); v {
		t.Error("io_count_ok is true")
	}
}

// Two records of one millisecond are told apart; the same record sent again is the same.
func TestRecordIdentity(t *testing.T) {
	s := protocols.Session{Device: testIMEI}
	on, off := simpleRecord(1780315200000, 239, 1).b, simpleRecord(1780315200000, 239, 0).b
	_, f, err := next(&s, avlPacket(codec8, on, off))
	if err != nil || f.Events[0].ID() == f.Events[1].ID() {
		t.Fatalf("%v: both are %s", err, f.Events[0].ID())
	}
	again := f.Events[0].ID()
	if _, f, _ = next(&s, avlPacket(codec8, on)); f.Events[0].ID() != again {
		t.Errorf("sent again it is %s, was %s", f.Events[0].ID(), again)
	}
}

func textOf(a protocols.Attr) string { v, _ := a.Text(); return v }
