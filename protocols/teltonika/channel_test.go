package teltonika

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const workedDatagram = "003dcafe0100000f333536333037303432343431303133080100000190b5ba64d0000f11604820989ac00070005a0b0032000302ef01f00101423138000001"

func datagram(s *protocols.Session, b []byte) (n int, f protocols.Frame, err error) {
	n, err = protocols.Next(&Protocol, s, protocols.Input{Bytes: b, Received: protocols.CaptureTime, Datagram: true, Final: true}, &f)
	return n, f, err
}

func TestChannelPacket(t *testing.T) {
	b := unhex(t, workedDatagram)
	var s protocols.Session
	n, f, err := datagram(&s, b)
	if n != len(b) || err != nil || len(f.Events) != 1 || hex.EncodeToString(f.Reply) != "0005cafe010001" || s.Device != testIMEI {
		t.Fatalf("%d, %v, %d events, reply %x, device %q", n, err, len(f.Events), f.Reply, s.Device)
	}
	// The form is told by the bytes: a line of `decode` has no other sign.
	var line protocols.Session
	if g, err := decodeLine(t, &line, b); err != nil || !bytes.Equal(g.Reply, f.Reply) {
		t.Errorf("as a line: %v, reply %x", err, g.Reply)
	}
	asked := bytes.Clone(b)
	asked[4], asked[5] = 0, 0x7f
	if _, f, err := datagram(&s, asked); err != nil || hex.EncodeToString(f.Reply) != "0003cafe02"+"0005cafe017f01" {
		t.Errorf("type 0: %v, reply %x", err, f.Reply)
	}
	two := append(bytes.Clone(b), b...)
	if n, _, err := datagram(&s, two); n != len(b) || err != nil {
		t.Errorf("two in a datagram: %d, %v", n, err)
	}
}

func TestBrokenDatagrams(t *testing.T) {
	b := unhex(t, workedDatagram)
	for cut := 1; cut < len(b); cut++ {
		var s protocols.Session
		if n, f, err := datagram(&s, b[:cut]); n != cut || err == nil || len(f.Reply) != 0 || s.Device != "" {
			t.Fatalf("cut at %d: %d, %v, reply %x, device %q", cut, n, err, f.Reply, s.Device)
		}
	}
	for at, x := range map[int]byte{4: 9, 6: 1, 7: 40, 8: 'A', 23: 0x42, 24: 2, 62: 7} {
		bad := bytes.Clone(b)
		bad[at] = x
		var s protocols.Session
		if n, f, err := datagram(&s, bad); n == 0 || err == nil || len(f.Reply) != 0 || len(f.Events) != 0 {
			t.Errorf("byte %d: %d, %v, reply %x", at, n, err, f.Reply)
		}
	}
}

// A datagram that can not be read is kept, and answered, the third time it comes.
func TestUnreadableDatagram(t *testing.T) {
	bad := unhex(t, workedDatagram)
	bad[23] = 0x42
	var s protocols.Session
	for range 2 {
		if n, f, err := datagram(&s, bad); n != len(bad) || err == nil || len(f.Reply) != 0 {
			t.Fatalf("%d, %v, reply %x", n, err, f.Reply)
		}
	}
	if _, f, err := datagram(&s, bad); err != nil || len(f.Events) != 1 || hex.EncodeToString(f.Reply) != "0005cafe010001" {
		t.Errorf("third: %v, %d events, reply %x", err, len(f.Events), f.Reply)
	}
}
