package explain

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// acme is a protocol made for these tests:
//
//	7e | length 1 | type 1 | body | xor 1
//
// length counts type and body. Of type 1 the body is an identity of 4 BCD bytes; of type 2 it is
//
//	date 6 BCD, +08:00 | latitude 4, 1/1e6 | longitude 4, 1/1e6 | flags 1 | speed 1, knots | volts 2, 1/100 | temperature 1, -40 |
//	spare 1 | serial 2 | name
//
// flags: 0 valid, 1 west, 2 ignition, 7-4 signal. The answer repeats the serial number.
var acme = protocols.Protocol{Name: "acme", TCP: 7001, MaxLogin: 300, MaxFrame: 300, Decode: decodeAcme}

func decodeAcme(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if b[0] != 0x7e || len(b) < 4 || len(b) < int(b[1])+3 {
		return 0, fmt.Errorf("acme: %w", protocols.ErrGarbage)
	}
	n := int(b[1]) + 3
	f.Note(b[:1], "start", "always 7e")
	f.Note(b[1:2], "length", "type and body")
	f.Note(b[2:3], "message type", "1 login, 2 report")
	f.Note(b[n-1:n], "checksum", "exclusive or")
	before := *s
	switch body := b[3 : n-1]; {
	case b[2] == 1 && len(body) == 4:
		f.Type, s.Device = "login", hex.EncodeToString(body)
	case b[2] == 2 && len(body) > 22:
		f.Type = "report"
		report(body, f)
	default:
		return n, fmt.Errorf("acme: %w", protocols.ErrMalformed)
	}
	if protocols.XOR(b[1:n-1]) != b[n-1] && !s.Options.TolerateChecksum {
		*s = before
		return n, fmt.Errorf("acme: %w", protocols.ErrChecksum)
	}
	return n, nil
}

func report(b []byte, f *protocols.Frame) {
	e := f.Add(protocols.Position)
	two := func(i int) int { return int(b[i]>>4)*10 + int(b[i]&15) }
	e.Time, _ = protocols.Civil(2000+two(0), two(1), two(2), two(3), two(4), two(5), protocols.Zone{Set: true, Seconds: 8 * 3600})
	lat, lng, flags := binary.BigEndian.Uint32(b[6:]), binary.BigEndian.Uint32(b[10:]), b[14]
	west := float64(lng) / 1e6
	if flags&2 != 0 {
		west = -west
	}
	e.SetFix(float64(lat)/1e6, west, flags&1 != 0)
	e.Bool("ignition", flags&4 != 0)
	e.Int("rssi", int64(flags>>4))
	e.SetSpeed(float64(b[15]) * 1.852)
	e.Dec("power_v", int64(binary.BigEndian.Uint16(b[16:])), 2)
	e.Int("temp1_c", int64(b[18])-40)
	e.Text("driver_id", string(b[22:]))
	f.Reply = append(f.Reply, 0x7e, b[20], b[21])
	e.FP = protocols.Fingerprint(b[:20], b[22:])
}

func frame(kind byte, body string) []byte {
	raw, _ := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	b := append([]byte{0x7e, byte(len(raw) + 1), kind}, raw...)
	return append(b, protocols.XOR(b[1:]))
}

// table writes an explanation as lines: offset+length, name, value, rule.
func table(x Explanation) string {
	var b strings.Builder
	for _, it := range x.Items {
		fmt.Fprintf(&b, "%d+%d %s%s %s | %s\n", it.Offset, it.Length, strings.Repeat(" ", it.Depth), it.Name, it.Value, it.Rule)
	}
	return b.String()
}

// TestReport explains a frame of which it is known what each byte means.
func TestReport(t *testing.T) {
	b := frame(2, "260314 083015 01dc89d0 073d8aa5 a7 0a 04e0 3c 00 0042 414e4e41")
	s := protocols.Session{Device: "12345678"}
	x := Explain(&acme, &s, protocols.Input{Bytes: b, Received: protocols.CaptureTime})
	want := `0+1 start 126 | always 7e
1+1 length 27 | type and body
2+1 message type 2 | 1 login, 2 report
3+6 time "2026-03-14T00:30:15.000Z" | BCD yymmddHHMMSS, zone +08:00
9+4 lat 31.230416 | u32 big endian / 1,000,000
13+4 lng -121.473701 | u32 big endian / 1,000,000, negated
17+1 lng -121.473701 | bit 1 is the sign
17+1 valid true | bit 0: set true, clear false
17+1 ignition true | bit 2: set true, clear false
17+1 rssi 10 | bits 7-4 of u8
18+1 speed 18.52 | u8 × 1.852 (knots)
19+2 power_v 12.48 | u16 big endian / 100
21+1 temp1_c 20 | u8 − 40
22+1 unread 0 | no field; tells records of the same time apart
23+2 echo 66 | the answer repeats it or depends on it
25+4 driver_id "ANNA" | text
29+1 checksum `
	if got := table(x); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if x.Decoded < 8*len(b) || x.Partial {
		t.Errorf("asked %d times for %d bytes, partial %v", x.Decoded, len(b), x.Partial)
	}
	for _, it := range x.Items {
		if it.Name == "rssi" && it.Reader != "report in explain_test.go" {
			t.Errorf("rssi is read by %q", it.Reader)
		}
	}
	if s != (protocols.Session{Device: "12345678"}) {
		t.Errorf("the session changed: %+v", s)
	}
}

// TestLogin: a frame without events names the device all the same.
func TestLogin(t *testing.T) {
	x := Explain(&acme, new(protocols.Session), protocols.Input{Bytes: frame(1, "12345678")})
	if got := table(x); !strings.Contains(got, `3+4 device "12345678" | BCD digits`) {
		t.Errorf("got\n%s", got)
	}
}

// TestRefused: of what is not accepted, the decoder's notes are shown and nothing is asked.
func TestRefused(t *testing.T) {
	x := Explain(&acme, new(protocols.Session), protocols.Input{Bytes: frame(3, "00")})
	want := "0+1 start 126 | always 7e\n1+1 length 2 | type and body\n2+1 message type 3 | 1 login, 2 report\n3+1 refused 0 | alone, these bytes are not accepted\n"
	if got := table(x); !strings.HasPrefix(got, want) || x.Decoded != 0 {
		t.Errorf("asked %d times, got\n%s\nwant\n%s", x.Decoded, got, want)
	}
}

// TestLong: a frame longer than the budget is explained as far as it goes, and within it.
func TestLong(t *testing.T) {
	p := protocols.Protocol{Name: "long", Decode: func(_ *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		f.Add(protocols.Status).Int("rssi", int64(in.Bytes[0]))
		return len(in.Bytes), nil
	}}
	for _, size := range []int{1, Budget / 8, Budget / 3, Budget + 1} {
		x := Explain(&p, new(protocols.Session), protocols.Input{Bytes: make([]byte, size)})
		if x.Decoded > Budget+1 || x.Partial != (size > Budget/8) || len(x.Items) == 0 {
			t.Errorf("%d bytes: asked %d times, partial %v, %d items", size, x.Decoded, x.Partial, len(x.Items))
		}
	}
}

// TestPanicking: a decoder that panics on a changed byte says no more than that the byte matters.
func TestPanicking(t *testing.T) {
	p := protocols.Protocol{Name: "panicking", Decode: func(_ *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		f.Add(protocols.Status).Int("rssi", int64(in.Bytes[2-int(in.Bytes[0]&1)]))
		return len(in.Bytes), nil
	}}
	x := Explain(&p, new(protocols.Session), protocols.Input{Bytes: []byte{1, 7}})
	if got := table(x); !strings.Contains(got, "1+1 rssi 7 | u8") || !strings.Contains(got, "0+1 structure 1 |") {
		t.Errorf("got\n%s", got)
	}
}

func TestForms(t *testing.T) {
	f := func(name, raw string, field string, want float64) {
		t.Helper()
		b, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		mask := make([]byte, len(b))
		for i := range mask {
			mask[i] = 0xff
		}
		for _, form := range forms(b, mask, field) {
			if form.name == name {
				if got, ok := form.read(b); !ok || fmt.Sprintf("%.9f", got) != fmt.Sprintf("%.9f", want) {
					t.Errorf("%s of %s: got %v, %v, want %v", name, raw, got, ok, want)
				}
				return
			}
		}
		t.Errorf("%s is no form of %s", name, raw)
	}
	f("u8", "ff", "x", 255)
	f("i8", "ff", "x", -1)
	f("u16 big endian", "0102", "x", 258)
	f("u16 little endian", "0102", "x", 513)
	f("i16 little endian", "feff", "x", -2)
	f("u24 big endian", "010000", "x", 65536)
	f("sign and magnitude, 16 bits big endian", "8005", "x", -5)
	f("BCD, 4 digits", "1234", "x", 1234)
	f("float32 big endian", "41480000", "x", 12.5)
	f("float64 little endian", "0000000000002940", "x", 12.5)
	f("decimal", "2d31322e35", "x", -12.5)
	f("hex", "46465f"[:4], "x", 255)
	f("hex, i16", "66666665", "x", -2)
	f("decimal DDDMM.mmmm", "343135342e35", "lat", 41+54.5/60)
	f("BCD DDDMM with 4 decimals", "22348476", "lat", 22+34.8476/60)
}

// TestByteOrderOfNotes: a number that is no field is shown in the byte order that its rule names.
func TestByteOrderOfNotes(t *testing.T) {
	p := protocols.Protocol{Name: "order", Decode: func(_ *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		f.Note(in.Bytes[:2], "length", "u16 little endian; of all")
		f.Note(in.Bytes[2:4], "serial number", "u16")
		return len(in.Bytes), nil
	}}
	x := Explain(&p, new(protocols.Session), protocols.Input{Bytes: []byte{0x23, 0x00, 0x23, 0x00}})
	if got, want := table(x), "0+2 length 35 | u16 little endian; of all\n2+2 serial number 8960 | u16\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
