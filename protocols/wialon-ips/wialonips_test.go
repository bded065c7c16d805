package wialonips

import (
	"errors"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// one decodes one whole packet.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	in := protocols.Input{Bytes: []byte(text), Final: true, Received: protocols.CaptureTime}
	n, err := protocols.Next(&Protocol, s, in, f)
	if n != len(text) {
		t.Fatalf("took %d of %d bytes of %q: %v", n, len(text), text, err)
	}
	return f, err
}

const (
	shortRecord = "#SD#140326;083101;3326.8800;S;07040.1400;W;0;0;520;9;B845\r\n"
	longRecord  = "#D#140326;083200;3113.8250;N;12128.4221;E;45;87;12;10;0.9;5;0;12.45,4.1;NA;NA\r\n"
)

// TestRefusedChecksum: a packet of version 2.0 with a wrong checksum, or without one, gives its events and teaches nothing.
func TestRefusedChecksum(t *testing.T) {
	f := func(state, text string, events int, reply string) {
		t.Helper()
		s := protocols.Session{State: state}
		frame, err := one(t, &s, text)
		if !errors.Is(err, protocols.ErrChecksum) || len(frame.Events) != events || string(frame.Reply) != reply {
			t.Errorf("%q: %d events, %q: %v", text, len(frame.Events), frame.Reply, err)
		}
		if s != (protocols.Session{State: state}) {
			t.Errorf("%q: taught %+v", text, s)
		}
		s.Options.TolerateChecksum = true
		if frame, err = one(t, &s, text); err != nil || len(frame.Events) != events {
			t.Errorf("%q: not tolerated: %v", text, err)
		}
		for i := range frame.Events {
			a, _ := frame.Events[i].Attrs.Get("checksum_ok")
			if v, ok := a.Bool(); v || !ok {
				t.Errorf("%q: no mark", text)
			}
		}
	}
	f("", "#L#2.0;860000000000001;NA;86E8", 0, "#AL#1\r\n")
	f("2", "#SD#140326;083101;3326.8800;S;07040.1400;W;0;0;520;9;B846", 1, "#ASD#1\r\n")
	f("2", "#SD#140326;083101;3326.8800;S;07040.1400;W;0;0;520;9", 1, "#ASD#1\r\n")
	f("2", "#D#140326;083200;3113.8250;N;12128.4221;E;45;87;12;10;0.9;5;0;;NA;a:3:b;0000", 1, "#AD#1\r\n")
	f("2", "#B#140326;083600;3113.8250;N;12128.4221;E;45;87;12;10|140326;083700;3113.9000;N;12128.5000;E;46;88;12;9|71E9", 2, "#AB#2\r\n")
	f("2", "#B#140326;083600;3113.8250;N;12128.4221;E;45;87;12;10|140326;083700;3113.9000;N;12128.5000;E;46;88;12;9", 2, "#AB#2\r\n")
	f("2", "#M#output 1 set 0;9822", 1, "#AM#1\r\n")
	f("", "#L#2.0;0", 0, "#AL#0\r\n")
	f("2", "#I#3;0;0;140326;083700;a.jpg;0000\r\nabc", 1, "#AI#0#1\r\n#AI#1\r\n")
}

// TestChecksumForms: upper and lower case, without leading zeros, and by its fit alone where no login told the version.
func TestChecksumForms(t *testing.T) {
	f := func(state, text string, sats uint8) {
		t.Helper()
		s := protocols.Session{State: state}
		frame, err := one(t, &s, text)
		if err != nil || len(frame.Events) != 1 || frame.Events[0].Sats != sats {
			t.Errorf("%q: %d events: %v", text, len(frame.Events), err)
		}
	}
	f("2", "#SD#140326;083101;3326.8800;S;07040.1400;W;0;0;520;9;b845", 9)
	f("", shortRecord, 9)
	f("1", shortRecord, 9) // an eleventh field
	f("", "#SD#140326;083101;3326.8800;S;07040.1400;W;0;0;520;9", 9)
	for height := 0; ; height++ { // the first height whose checksum begins with a zero
		body := "140326;083101;3326.8800;S;07040.1400;W;0;0;" + string(rune('0'+height/100%10)) + string(rune('0'+height/10%10)) + string(rune('0'+height%10)) + ";9;"
		if sum := protocols.ARC.Sum([]byte(body)); sum < 0x1000 && sum > 0xff {
			const hex = "0123456789ABCDEF"
			f("2", "#SD#"+body+string([]byte{hex[sum>>8], hex[sum>>4&15], hex[sum&15]}), 9)
			break
		}
	}
}

func TestCoordinate(t *testing.T) {
	f := func(text, letter string, want float64, fair, ok bool) {
		t.Helper()
		got, gotFair, gotOK := coordinate([]byte(text), []byte(letter), 'n', 's')
		if got != want || gotFair != fair || gotOK != ok {
			t.Errorf("coordinate(%q, %q) = %v, %v, %v", text, letter, got, gotFair, gotOK)
		}
	}
	f("3113.8250", "N", 31+13.825/60, true, true)
	f("3113.8250", "s", -31-13.825/60, true, true)
	f("113.5", "N", 1+13.5/60, true, true)
	f("13.5", "N", 13.5/60, true, true)
	f("-113.5", "N", -1-13.5/60, true, true)
	f("5364.0167", "N", 53+64.0167/60, false, true)
	f("0000.0000", "N", 0, true, true)
	f("3113.8250", "E", 0, false, false)
	f("3113.8250", "", 0, false, false)
	f("", "N", 0, false, false)
	f("31x3.8250", "N", 0, false, false)
}

// TestRecordFields: what a record becomes where its fields are missing or strange.
func TestRecordFields(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		s := protocols.Session{Device: "1", State: "1"}
		frame, err := one(t, &s, text)
		if err != nil || len(frame.Events) != 1 {
			t.Fatalf("%q: %d events: %v", text, len(frame.Events), err)
		}
		e := &frame.Events[0]
		e.Device, e.Protocol, e.FP, e.Received = "1", "", 0, 0
		got := string(e.AppendJSON(nil))
		_, got, _ = strings.Cut(got, `"received":"1970-01-01T00:00:00.000Z",`)
		if got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	f("#SD#NA;NA;NA;NA;NA;NA;NA;NA;NA;NA", `"late":false,"attrs":{}}`)
	f("#SD#140326;083000;3113.8250;N;12128.4221;E;45;87;12;2", `"lat":31.2304167,"lng":121.4737017,"valid":false,"alt":12,"speed":45,"course":87,"sats":2,"late":false,"attrs":{}}`)
	f("#SD#140326;083000;0000.0000;N;00000.0000;E;45;360;-3.5;8", `"alt":-3.5,"speed":45,"course":0,"sats":8,"late":false,"attrs":{}}`)
	f("#D#NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;1,NA,-3;NA;url:3:http://a:80,x:2:1e3,y:1:02,z:2:up,flag:3:true,lone,SOS:1:1",
		`"late":false,"alarm":"sos","attrs":{"adc1":1,"adc3":-3,"params":{"url":"http://a:80","x":1e3,"y":2,"z":"up","flag":true,"lone":""}}}`)
	f("#D#NA;NA;NA;NA;NA;NA;NA;NA;NA;3;NA;9223372036854775808;3",
		`"sats":3,"late":false,"attrs":{"inputs":9223372036854776000,"in1":false,"in2":false,"in3":false,"in4":false,"outputs":3,"out1":true,"out2":true,"out3":false}}`)
	f("#D#NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;NA;;NA;wifi_mac_0:3:AA:BB:CC:DD:EE:01,wifi_rssi_0:1:-60,wifi_rssi_1:1:-70,mcc:1:460,mnc:1:1,lac:1:2,cell_id:1:3,pwr_ext:2:12.5,text:3:done",
		`"late":false,"attrs":{"power_v":12.5,"result":"done","cells":[{"mcc":460,"mnc":1,"lac":2,"cid":3}],"wifi":[{"mac":"aa:bb:cc:dd:ee:01","rssi_dbm":-60}],"params":{"wifi_rssi_1":-70}}}`)
}

// TestOptions: the operator's names for parameters, the unit of speeds, the zone of the clock.
func TestOptions(t *testing.T) {
	o, err := protocols.ParseOptions([]string{"param_odo=odometer_m*1000", "param_door1=door", "param_tag=driver_id", "param_x=nothing", "unit=knots", "zone=+08:00"})
	if err != nil {
		t.Fatal(err)
	}
	s := protocols.Session{Device: "1", State: "1", Options: o}
	f, err := one(t, &s, "#D#140326;083000;3113.8250;N;12128.4221;E;10;87;12;9;1;NA;NA;;NA;odo:2:12.5,door1:1:1,tag:3:A7,x:1:1")
	if err != nil {
		t.Fatal(err)
	}
	e := &f.Events[0]
	if got := string(e.Attrs.AppendJSON(nil)); got != `{"odometer_m":12500,"door":true,"driver_id":"A7","params":{"x":1}}` {
		t.Errorf("attributes %s", got)
	}
	if e.Speed != 18.52 || e.Time.String() != "2026-03-14T00:30:00.000Z" {
		t.Errorf("speed %v, time %v", e.Speed, e.Time)
	}
}

// TestSteadyStateDoesNotAllocate: what a driving device sends all day costs no garbage.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for state, text := range map[string]string{"2": shortRecord, "1": longRecord} {
		s := protocols.Session{Device: "1", State: state}
		f := new(protocols.Frame)
		in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
		feed := func() {
			f.Reset()
			if _, err := Protocol.Decode(&s, in, f); err != nil {
				t.Fatal(err)
			}
		}
		feed()
		if got := testing.AllocsPerRun(100, feed); got != 0 {
			t.Errorf("%q: %v allocations, want 0", text, got)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{
		"SD":       shortRecord,
		"D":        longRecord,
		"D-params": "#D#140326;083300.250;3113.8250;N;12128.4221;E;45;87;12;10;0.9;5;0;12.45;NA;battr:1:94,csq:1:21,ign:1:1\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			s := protocols.Session{Device: "1", State: "1"}
			f := new(protocols.Frame)
			in := protocols.Input{Bytes: []byte(text), Received: protocols.CaptureTime}
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
