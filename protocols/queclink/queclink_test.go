package queclink

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// one decodes b as one frame.
func one(t testing.TB, s *protocols.Session, b string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: []byte(b), Received: protocols.CaptureTime, Final: true}, f)
	if n != len(b) {
		t.Fatalf("%q: took %d of %d bytes: %v", b, n, len(b), err)
	}
	return f, err
}

const fixedReport = "+RESP:GTFRI,060502,860000000000016,gv300,27839,10,1,1,45.6,87,12.0,121.473701,31.230416,20260314083015,0460,0000,1806,0A3F25B1,00,1234.5,00123:45:10,,,98,220100,,,,20260314083020,0011$"

func TestRefused(t *testing.T) {
	f := func(text string, want error) {
		t.Helper()
		s := protocols.Session{Device: "860000000000024"}
		before := s
		frame, err := one(t, &s, text)
		if !errors.Is(err, want) || s != before || len(frame.Events)+len(frame.Reply) > 0 {
			t.Errorf("%.60q: %v, want %v; session %+v", text, err, want, s)
		}
	}
	f("+RESP:GTFRI,060502,8600000000000,gv300,1,2,3$", protocols.ErrMalformed)  // id too short
	f("+RESP:GTFRI,060502,860000000000016$", protocols.ErrMalformed)            // too few fields
	f("+RESP:GTFRI"+strings.Repeat(",", maxFields)+"$", protocols.ErrMalformed) // too many
	f("+RESP:GTFRI,"+strings.Repeat("1", maxFrame), protocols.ErrGarbage)       // no end
	f("hello", protocols.ErrGarbage)                                            //
	f("+RSP\x07\x00\xfc\x1f\xbf\x00\x5d", protocols.ErrMalformed)               // cut off
	f("+\x00\x00\x20\x00\x08\x65", protocols.ErrMalformed)                      // likewise
}

// TestMessageWithoutEnd: a message that the next one interrupts is passed over, and the next one is read.
func TestMessageWithoutEnd(t *testing.T) {
	var s protocols.Session
	var got []string
	in := protocols.Input{Bytes: []byte("noise+RESP:GTFRI,060502,8600" + fixedReport + "\r\n\x00" + fixedReport), Received: protocols.CaptureTime}
	used, err := protocols.Drain(&Protocol, &s, in, new(protocols.Frame), func(_ []byte, err error) bool {
		got = append(got, protocols.Fault(err))
		return true
	})
	if want := "garbage malformed ok ok"; strings.Join(got, " ") != want || used != len(in.Bytes) || err != nil {
		t.Errorf("%v, used %d of %d: %v; want %s", got, used, len(in.Bytes), err, want)
	}
}

func TestSack(t *testing.T) {
	f := func(options, text, want string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		frame, err := one(t, &protocols.Session{Options: o}, text)
		if got := string(frame.Reply); err != nil || got != want {
			t.Errorf("%s: %q, want %q: %v", text, got, want, err)
		}
	}
	f("", fixedReport, "+SACK:0011$")
	f("sack=false", fixedReport, "")
	const beat = "+ACK:GTHBD,1A0102,860000000000016,GL300,20260314083500,001C$"
	f("", beat, "+SACK:GTHBD,1A0102,001C$")
	f("sack=false", beat, "+SACK:GTHBD,1A0102,001C$")
	f("", "+RESP:GTPDP,060502,860000000000016,gv300,20260314083500,$", "") // no count number
}

// TestRepetitionIsTheSameRecord: a buffered report is the one that was not acknowledged, whatever its count number.
func TestRepetitionIsTheSameRecord(t *testing.T) {
	id := func(text string) (string, bool) {
		f, err := one(t, &protocols.Session{}, text)
		if err != nil || len(f.Events) != 1 {
			t.Fatalf("%s: %d events, %v", text, len(f.Events), err)
		}
		return f.Events[0].ID(), f.Events[0].Stored
	}
	first, stored := id(fixedReport)
	if stored {
		t.Error("a report is marked as stored")
	}
	again, stored := id(strings.Replace(strings.Replace(fixedReport, "RESP", "BUFF", 1), "0011$", "0012$", 1))
	if again != first || !stored {
		t.Errorf("%s (stored %v), want %s", again, stored, first)
	}
	if other, _ := id(strings.Replace(fixedReport, ",220100,", ",220101,", 1)); other == first {
		t.Error("another status, the same id")
	}
}

// TestZone: the send time is local where the operator says so; the time of the fix never is.
func TestZone(t *testing.T) {
	s := protocols.Session{Options: protocols.Options{Zone: protocols.Zone{Set: true, Seconds: -3600}}}
	f, err := one(t, &s, "+RESP:GTPNA,060502,860000000000016,gv300,20260314083500,0001$")
	if err != nil || f.Events[0].Time.String() != "2026-03-14T09:35:00.000Z" {
		t.Errorf("%v, %v", f.Events[0].Time, err)
	}
	f, err = one(t, &s, fixedReport)
	if err != nil || f.Events[0].Time.String() != "2026-03-14T08:30:15.000Z" {
		t.Errorf("%v, %v", f.Events[0].Time, err)
	}
}

// TestOlderLine: without a version in front, the altitude a place earlier, and the version behind.
func TestOlderLine(t *testing.T) {
	s := protocols.Session{}
	f, err := one(t, &s, "+RESP:GTTRI,359464030073766,1,0,0,0,1.7,254,-27.8,3,30.474475,50.488383,20131107155511,0255,0003,6995,4761,00,0071,0103090402$")
	if err != nil || len(f.Events) != 1 {
		t.Fatal(err)
	}
	e := &f.Events[0]
	if e.Device != "359464030073766" || e.Speed != 1.7 || e.Course != 254 || e.Alt != -27.8 || e.HDOP != 3 || !e.Valid || string(f.Reply) != "+SACK:0071$" {
		t.Errorf("%s, reply %q", e.AppendJSON(nil), f.Reply)
	}
	f, err = one(t, &s, "+RESP:GTPNA,359464030073766,20131107155511,0071,0103090402$")
	if err == nil {
		t.Errorf("five fields: %d events", len(f.Events))
	}
}

func TestEncode(t *testing.T) {
	f := func(s protocols.Session, c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&s, c)
		if string(b) != want || (err == nil) != (want != "") {
			t.Errorf("%+v: %q, %v; want %q", c, b, err, want)
		}
		if want != "" && (bytes.Count(b, []byte("$")) != 1 || b[len(b)-1] != '$') {
			t.Errorf("%q is not one command", b)
		}
	}
	gv300 := protocols.Session{State: "060502,truck"}
	f(gv300, protocols.Command{Name: "position", ID: 1}, "AT+GTRTO=gv300,1,,,,,,0001$")
	f(gv300, protocols.Command{Name: "reboot", ID: 1}, "AT+GTRTO=gv300,3,,,,,,0001$")
	f(gv300, protocols.Command{Name: "version", ID: 1}, "AT+GTRTO=gv300,8,,,,,,0001$")
	f(gv300, protocols.Command{Name: "status", ID: 0x1abcd}, "AT+GTRTO=gv300,9,,,,,,ABCD$")
	f(gv300, protocols.Command{Name: "iccid", ID: 2}, "AT+GTRTO=gv300,6,,,,,,0002$")
	f(gv300, protocols.Command{Name: "signal", ID: 2}, "AT+GTRTO=gv300,7,,,,,,0002$")
	f(gv300, protocols.Command{Name: "engine_stop", ID: 3}, "AT+GTOUT=gv300,1,,,0,,,0,,,,,,,,0003$")
	f(gv300, protocols.Command{Name: "engine_resume", ID: 1}, "AT+GTOUT=gv300,0,,,0,,,0,,,,,,,,0001$")
	f(gv300, protocols.Command{Name: "reboot", ID: 1, Args: map[string]string{"password": "secret"}}, "AT+GTRTO=secret,3,,,,,,0001$")
	f(protocols.Session{Options: protocols.Options{Extra: "password=other"}}, protocols.Command{Name: "reboot"}, "AT+GTRTO=other,3,,,,,,0000$")
	f(protocols.Session{Options: protocols.Options{Model: "GL300"}}, protocols.Command{Name: "reboot"}, "AT+GTRTO=gl300,3,,,,,,0000$")
	f(gv300, protocols.Command{Name: "custom", Text: "AT+GTTMA=gv300,+,0,0,0,,,,,,0001"}, "AT+GTTMA=gv300,+,0,0,0,,,,,,0001$")
	f(protocols.Session{}, protocols.Command{Name: "reboot"}, "")                                          // model unknown
	f(gv300, protocols.Command{Name: "dance"}, "")                                                         //
	f(gv300, protocols.Command{Name: "reboot", Args: map[string]string{"password": "a,3$AT+GTRTO=a"}}, "") //
	f(gv300, protocols.Command{Name: "custom", Text: ""}, "")                                              //
	f(gv300, protocols.Command{Name: "custom", Text: "AT+GTRTO=gv300,3$AT+GTRTO=gv300,4,,,,,,0001$"}, "")  // two
	f(gv300, protocols.Command{Name: "custom", Text: "AT+GTRTO=gv300\r\n"}, "")                            //
	f(gv300, protocols.Command{Name: "custom", Text: "AT+GTRTO=" + strings.Repeat("x", maxCommand)}, "")   //
}

func TestNumbers(t *testing.T) {
	f := func(text string, v int64, scale uint8, ok bool) {
		t.Helper()
		gv, gs, gok := readDecimal([]byte(text))
		if gok != ok || ok && (gv != v || gs != scale) {
			t.Errorf("%q: %d, %d, %v", text, gv, gs, gok)
		}
	}
	f("0", 0, 0, true)
	f("-31.5", -315, 1, true)
	f("+8", 8, 0, true)
	f("999999999999999", 999999999999999, 0, true)
	f("9999999999999999", 0, 0, false)
	f("1.0000000001", 0, 0, false)
	f("", 0, 0, false)
	f("-", 0, 0, false)
	f(".", 0, 0, false)
	f("1.2.3", 0, 0, false)
	f("nan", 0, 0, false)
	h := func(text string, want int64, ok bool) {
		t.Helper()
		if got, gok := readHours([]byte(text)); gok != ok || got != want && ok {
			t.Errorf("%q: %d, %v", text, got, gok)
		}
	}
	h("00123:45:10", 445510, true)
	h("0123:45:10", 0, false)
	h("00123:45:-1", 0, false)
	h("00123-45-10", 0, false)
}

func TestDetect(t *testing.T) {
	f := func(text string, want protocols.Verdict) {
		t.Helper()
		if got, why := detect([]byte(text), false); got != want {
			t.Errorf("%q: %v (%s), want %v", text, got, why, want)
		}
		detectHolds(t, []byte(text))
	}
	f("", protocols.More)
	f("+RESP:G", protocols.More)
	f("\r\n+BUFF:GTFRI,", protocols.Sure)
	f("+ACK:GT", protocols.Sure)
	f("+ACK,", protocols.More) // HEX, perhaps
	f("+RESPONSE", protocols.No)
	f("+RSP\x07", protocols.More)
	f("+RSP\x07\x00\xfc\x1f\xbf\x00\x5d\x45", protocols.Likely)
	f("+RSP\x07\x00\xfc\x1f\xbf\xff\xff\x45", protocols.No)
	f("+\x00\x00\x38\x00\x08\x65\x13\x40\x50\x94\x72\x26", protocols.More)
	f("+\x00\x00\x38\x00\x18\x65\x13\x40\x50\x94\x72\x26", protocols.No)
	f("+\x01", protocols.No)
	f("-1.5,2", protocols.No)
	f("$GPRMC", protocols.No)
	f("AT+GT", protocols.No)
}

// detectHolds asserts that a verdict of No or Sure holds for every longer prefix.
func detectHolds(t *testing.T, b []byte) {
	t.Helper()
	last := protocols.More
	for i := 0; i <= len(b) && i < 3000; i++ {
		v, why := detect(b[:i], false)
		if (last == protocols.No || last == protocols.Sure) && v != last || why == "" {
			t.Fatalf("%q: %v, after %v (%s)", b[:i], v, last, why)
		}
		last = v
	}
}

// segments are the device's side of each capture.
func segments(t testing.TB) (list [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/queclink/*.[tu][cd]p")
	if err != nil || len(paths) < 10 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := protocols.ReadCapture(bytes.NewReader(raw), false)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c.Segments()...)
	}
	return list
}

// TestFramesAlone: what the journal kept of a stream, each frame with the session of its moment, means the same again.
func TestFramesAlone(t *testing.T) {
	stream := bytes.Join(segments(t), nil)
	var s protocols.Session
	var f, again protocols.Frame
	for len(stream) > 0 {
		before := s
		f.Reset()
		n, err := protocols.Next(&Protocol, &s, protocols.Input{Bytes: stream, Received: protocols.CaptureTime}, &f)
		if n == 0 {
			break
		}
		if err == nil {
			again.Reset()
			m, err := protocols.Next(&Protocol, &before, protocols.Input{Bytes: stream[:n], Received: protocols.CaptureTime, Final: true}, &again)
			if m != n || err != nil || before != s || !bytes.Equal(f.Reply, again.Reply) || len(f.Events) != len(again.Events) {
				t.Fatalf("%q: took %d of %d bytes, %v", stream[:n], m, n, err)
			}
			for i := range f.Events {
				if got, want := again.Events[i].AppendJSON(nil), f.Events[i].AppendJSON(nil); !bytes.Equal(got, want) {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		}
		stream = stream[n:]
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range segments(f) {
		f.Add(b)
	}
	var frame protocols.Frame
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, final := range []bool{false, true} {
			s := protocols.Session{Options: protocols.Options{TolerateChecksum: true}}
			in := protocols.Input{Bytes: data, Received: protocols.CaptureTime, Final: final}
			used, err := protocols.Drain(&Protocol, &s, in, &frame, func(raw []byte, err error) bool {
				if protocols.Fault(err) == "panic" {
					t.Fatal(err)
				}
				for i := range frame.Events {
					checkEvent(t, &frame.Events[i])
				}
				return true
			})
			if final && (used != len(data) || err != nil) {
				t.Fatalf("used %d of %d bytes: %v", used, len(data), err)
			}
		}
		detectHolds(t, data)
	})
}

func checkEvent(t *testing.T, e *protocols.Event) {
	t.Helper()
	if !json.Valid(e.AppendJSON(nil)) {
		t.Fatalf("no JSON: %s", e.AppendJSON(nil))
	}
	if e.Course < 0 || e.Course >= 360 || e.Speed < 0 || e.HDOP < 0 || (e.Kind == protocols.Alarm) != (e.Alarm != "") {
		t.Fatalf("%s", e.AppendJSON(nil))
	}
	for i, a := range e.Attrs {
		_, common := protocols.Dictionary[a.Name]
		_, own := attributes[a.Name]
		if !common && !own && !strings.HasPrefix(a.Name, "io_") {
			t.Fatalf("attribute %q is not documented", a.Name)
		}
		if _, again := e.Attrs[i+1:].Get(a.Name); again {
			t.Fatalf("attribute %q twice: %s", a.Name, e.AppendJSON(nil))
		}
	}
}

func BenchmarkFixedReport(b *testing.B) {
	s := protocols.Session{}
	in := protocols.Input{Bytes: []byte(fixedReport), Received: protocols.CaptureTime}
	var f protocols.Frame
	b.ReportAllocs()
	for b.Loop() {
		f.Reset()
		if n, err := protocols.Next(&Protocol, &s, in, &f); n != len(fixedReport) || err != nil || len(f.Events) != 1 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	first := []byte(fixedReport)
	b.ReportAllocs()
	for b.Loop() {
		detect(first, false)
	}
}
