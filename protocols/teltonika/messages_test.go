package teltonika

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

func messagePacket(codec, typ byte, payload string) []byte {
	return appendPacket(nil, codec, typ, []byte(payload))
}

func TestMessages(t *testing.T) {
	const imei = "\x03\x56\x30\x70\x42\x44\x10\x13"
	const other = "\x01\x23\x45\x67\x89\x01\x23\x45"
	f := func(codec, typ byte, payload string, kind protocols.Kind, attrs string) {
		t.Helper()
		s := protocols.Session{Device: testIMEI}
		_, f, err := next(&s, messagePacket(codec, typ, payload))
		if err != nil || len(f.Events) != 1 || len(f.Reply) != 0 {
			t.Fatalf("%v, %d events, reply %x", err, len(f.Events), f.Reply)
		}
		if e := &f.Events[0]; e.Kind != kind || string(e.Attrs.AppendJSON(nil)) != attrs {
			t.Errorf("codec %d type %d: %v %s, want %v %s", codec, typ, e.Kind, e.Attrs.AppendJSON(nil), kind, attrs)
		}
	}
	f(codec12, typeResponse, "DOUT1:1\r\n", protocols.CommandResult, `{"result":"DOUT1:1"}`)
	f(codec12, typeResponse, "", protocols.CommandResult, `{"result":""}`)
	f(codec12, typeResponse, "\x01\x03\x00", protocols.Status, `{"serial_data":"010300"}`)
	f(codec12, 0x0b, "hello", protocols.Status, `{"type":11,"serial_data":"hello"}`)
	f(codec12, typeResponse, "UUUUww06.4;bad;SSS", protocols.Status, `{"serial_data":"UUUUww06.4;bad;SSS"}`)
	f(codec14, typeResponse, imei+"Ver:1", protocols.CommandResult, `{"result":"Ver:1"}`)
	f(codec14, typeResponse, other+"Ver:1", protocols.CommandResult, `{"imei":"123456789012345","result":"Ver:1"}`)
	f(codec14, typeRefused, imei, protocols.CommandResult, `{"type":17,"success":false,"result":"refused: the command names another IMEI"}`)
	f(codec15, 0x0b, "\x66\x94\xec\x21"+imei+"Hello\r\n", protocols.Status, `{"type":11,"serial_data":"Hello"}`)
	f(codec13, typeResponse, "\x66\x94\xec\x20GTSL|6|1|0|55501234|0\r\n", protocols.Status, `{"serial_data":"GTSL|6|1|0|55501234|0","driver_id":"55501234"}`)
}

// Serial data of the size that devices send is kept whole.
func TestLongMessages(t *testing.T) {
	binary, text := make([]byte, 2048), strings.Repeat("line <1>\r\n", 300)
	for payload, want := range map[string]string{string(binary): strings.Repeat("00", 2048), text: strings.TrimRight(text, "\r\n")} {
		s := protocols.Session{Device: testIMEI}
		_, f, err := next(&s, messagePacket(codec12, 0x0b, payload))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if decodeList(t, &f.Events[0], "serial_data", &got); got != want {
			t.Errorf("%d characters, want %d", len(got), len(want))
		}
	}
}

// The time of codec 13 has seconds in four bytes, or milliseconds in eight.
func TestSerialTime(t *testing.T) {
	want := protocols.At(time.Date(2024, 7, 15, 9, 30, 8, 0, time.UTC))
	short := binary.BigEndian.AppendUint32(nil, uint32(want/1000))
	long := binary.BigEndian.AppendUint64(nil, uint64(want))
	for _, head := range [][]byte{short, long} {
		s := protocols.Session{Device: testIMEI}
		_, f, err := next(&s, messagePacket(codec13, typeResponse, string(head)+"text"))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := f.Events[0].Attrs.Get("serial_data")
		if e := &f.Events[0]; e.Time != want || textOf(a) != "text" {
			t.Errorf("%x: %v %q", head, e.Time, textOf(a))
		}
	}
}

// A device that has not said who it is, is known by the IMEI in the message.
func TestMessageNamesDevice(t *testing.T) {
	var s protocols.Session
	b := messagePacket(codec14, typeResponse, "\x03\x56\x30\x70\x42\x44\x10\x13ok")
	_, f, err := next(&s, b)
	if err != nil || f.Events[0].Device != testIMEI || s.Device != "" {
		t.Errorf("%v, device %q of the event, %q of the session", err, f.Events[0].Device, s.Device)
	}
}

func TestMessageSizes(t *testing.T) {
	for _, data := range []string{"0c01060000000001", "0c0106000000ff41414101", "0c0106ffffffff41414101", "0c0101", "0d01060000000241410101", "0e0106000000044141414101"} {
		s := protocols.Session{Device: testIMEI}
		n, f, err := next(&s, framed(unhex(t, data)))
		wrong := data != "0c01060000000001"
		if n == 0 || (err != nil) != wrong || wrong && len(f.Events) != 0 {
			t.Errorf("%s: %d, %v, %d events", data, n, err, len(f.Events))
		}
	}
}

// A photo is fetched block by block, in order; its bytes are dropped.
func TestCamera(t *testing.T) {
	s := protocols.Session{Device: testIMEI}
	block := func(offset, length uint32) string {
		b := []byte{cameraBlock, 0x66, 0x95, 0, 0}
		b = binary.BigEndian.AppendUint32(b, offset)
		b = binary.BigEndian.AppendUint16(b, uint16(length))
		return string(b) + string(make([]byte, length))
	}
	asked := func(payload string) (offset, length uint32, any bool) {
		t.Helper()
		_, f, err := next(&s, messagePacket(codec12, typeCamera, payload))
		if err != nil || len(f.Events) != 0 {
			t.Fatalf("%v, %d events", err, len(f.Events))
		}
		if len(f.Reply) == 0 {
			return 0, 0, false
		}
		if len(f.Reply) != 31 || hex.EncodeToString(f.Reply[15:20]) != "0266950000" {
			t.Fatalf("reply %x", f.Reply)
		}
		return binary.BigEndian.Uint32(f.Reply[20:]), uint32(binary.BigEndian.Uint16(f.Reply[24:])), true
	}
	f := func(payload string, offset, length uint32, any bool) {
		t.Helper()
		if o, l, a := asked(payload); o != offset || l != length || a != any {
			t.Errorf("asked for %d bytes at %d (%v), want %d at %d (%v)", l, o, a, length, offset, any)
		}
	}
	f("\x00", 0, 0, false)
	f("\x01\x66\x95\x00\x00\x00\x00\x13\x88", 0, 2048, true)
	f(block(0, 2048), 2048, 2048, true)
	f(block(0, 2048), 2048, 2048, true) // came twice
	f(block(2048, 2048), 4096, 904, true)
	f(block(4096, 904), 0, 0, false)
	if s.State != "" {
		t.Errorf("state %q after the photo", s.State)
	}
	// The size is not always announced: a short block is the last.
	f("\x01\x66\x95\x00\x00", 0, 2048, true)
	f(block(0, 2048), 2048, 2048, true)
	f(block(2048, 100), 0, 0, false)
	// A block whose length is not what it holds says nothing.
	f(block(0, 100)[:50], 0, 0, false)
}
