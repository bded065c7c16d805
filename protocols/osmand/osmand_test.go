package osmand

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

const answerOK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// one decodes one whole request.
func one(t testing.TB, s *protocols.Session, text string) (*protocols.Frame, error) {
	t.Helper()
	f := new(protocols.Frame)
	n, err := protocols.Next(&Protocol, s, protocols.Input{Bytes: []byte(text), Final: true, Received: protocols.CaptureTime}, f)
	if n != len(text) {
		t.Fatalf("took %d of %d bytes of %q: %v", n, len(text), text, err)
	}
	return f, err
}

// get is a request with a query; post one with a body.
func get(query string) string { return "GET /?" + query + " HTTP/1.1\r\nHost: gateway\r\n\r\n" }

func post(kind, body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: gateway\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
}

const (
	usualQuery = "id=860000000000001&lat=31.230416&lon=121.473701&timestamp=1773477015&hdop=0.9&altitude=12&speed=24.3&bearing=87&batt=86"
	usualJSON  = `{"location":{"timestamp":"2026-03-14T08:30:15.250Z","coords":{"latitude":31.230416,"longitude":121.473701,"accuracy":12.5,"speed":12.5,"heading":87.0,"altitude":12.0},"is_moving":true,"odometer":1234500,"event":"motionchange","battery":{"level":0.86,"is_charging":false},"activity":{"type":"in_vehicle"},"extras":{"n":0}},"device_id":"phone1"}`
)

// status is the status of the first answer.
func status(f *protocols.Frame) string {
	_, rest, _ := strings.Cut(string(f.Reply), " ")
	code, _, _ := strings.Cut(rest, " ")
	return code
}

// TestReports: what parameters and members become.
func TestReports(t *testing.T) {
	f := func(options, text, want string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		s := protocols.Session{Options: o}
		frame, err := one(t, &s, text)
		if err != nil || status(frame) != "200" || len(frame.Events) != 1 {
			t.Errorf("%q: %d events, %q: %v", text, len(frame.Events), frame.Reply, err)
			return
		}
		e := &frame.Events[0]
		e.Received, e.FP, e.Protocol = 0, 0, ""
		_, got, _ := strings.Cut(string(e.AppendJSON(nil)), `"device":`)
		got = strings.NewReplacer(`"protocol":"",`, "", `"received":"1970-01-01T00:00:00.000Z",`, "").Replace(got)
		if got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	const at = `"time":"2026-03-14T08:30:15.000Z",`
	f("", get("deviceid=p&lat=-33.448&lon=-70.669&timestamp=2026-03-14T08:30:15Z&speed=0&accuracy=12.5&charge=true&alarm=lowBattery"),
		`"p","kind":"alarm",`+at+`"lat":-33.448,"lng":-70.669,"valid":true,"speed":0,"late":false,"alarm":"low_battery","attrs":{"accuracy_m":12.5,"charging":true}}`)
	f("", get("id=p&location=31.230416,121.473701&timestamp=1773477015123&valid=false&driverUniqueId=00A1B2C3"),
		`"p","kind":"position","time":"2026-03-14T08:30:15.123Z","lat":31.230416,"lng":121.473701,"valid":false,"late":false,"attrs":{"driver_id":"00A1B2C3"}}`)
	f("", get("id=p&timestamp=1773477015.5&lat=31,230416&lon=121,473701"),
		`"p","kind":"position","time":"2026-03-14T08:30:15.500Z","lat":31.230416,"lng":121.473701,"valid":true,"late":false,"attrs":{}}`)
	f("", get("id=p&timestamp=1773477015&lat=0&lon=0&bearing=360&sat=9&event=7"),
		`"p","kind":"status",`+at+`"course":0,"sats":9,"late":false,"attrs":{"event":7}}`)
	f("", get("id=p&timestamp=1773477015&bearing=-1&speed=-1&wifi=zz,1&text=a+b%20%C3%A9&n=1&n=2&b=true&token=secret&alarm=tea"),
		`"p","kind":"status",`+at+`"late":false,"attrs":{"event_text":"tea","params":{"wifi":"zz,1","text":"a b é","n":2,"b":true}}}`)
	f("", get("id=p&timestamp=1773477015&cell=460,0,6340,20857,-71&wifi=0c-9D-92-bf-d0-c1,-60&wifi=ac:9e:17:c0:aa:01,-71"),
		`"p","kind":"status",`+at+`"late":false,"attrs":{"cells":[{"mcc":460,"mnc":0,"lac":6340,"cid":20857,"rssi_dbm":-71}],"wifi":[{"mac":"0c:9d:92:bf:d0:c1","rssi_dbm":-60},{"mac":"ac:9e:17:c0:aa:01","rssi_dbm":-71}]}}`)
	f("", get("id=p&timestamp=2147483000&lat=1&lon=2&accuracy=20000"),
		`"p","kind":"position","time":"2026-06-01T12:00:00.000Z","lat":1,"lng":2,"valid":true,"late":false,"attrs":{"device_time":"2147483000","accuracy_m":20000,"network_fix":true}}`)
	f("zone=+08:00 speed=mps", get("id=p&timestamp=2026-03-14%2016:30:15&lat=1&lon=2&speed=10"),
		`"p","kind":"position",`+at+`"lat":1,"lng":2,"valid":true,"speed":36,"late":false,"attrs":{}}`)
	f("unit=kmh bad_time=receive", get("id=p&timestamp=noon&lat=1&lon=2&speed=10"),
		`"p","kind":"position","time":"2026-06-01T12:00:00.000Z","lat":1,"lng":2,"valid":true,"speed":10,"late":false,"attrs":{"device_time":"noon"}}`)
	f("bad_input=accept", get("id=p&lat=x&lon=2"), `"p","kind":"status","time":"2026-06-01T12:00:00.000Z","late":false,"attrs":{"raw":"69643d70266c61743d78266c6f6e3d32"}}`)
	f("", post("text/plain", "id=p&lat=1&lon=2&timestamp=1773477015"),
		`"p","kind":"position",`+at+`"lat":1,"lng":2,"valid":true,"late":false,"attrs":{}}`)
	f("", post("application/json; charset=utf-8", usualJSON),
		`"phone1","kind":"position","time":"2026-03-14T08:30:15.250Z","lat":31.230416,"lng":121.473701,"valid":true,"alt":12,"speed":45,"course":87,"late":false,`+
			`"attrs":{"accuracy_m":12.5,"motion":true,"odometer_m":1234500,"event_text":"motionchange","battery_pct":86,"charging":false,"activity":"in_vehicle","params":{"n":0}}}`)
	f("", post("application/json", `{"location":{"timestamp":"2026-03-14T08:30:15Z","coords":null,"event":"heartbeat","is_moving":false,"odometer":1,"battery":{"level":-1,"is_charging":true},"extras":{"alarm":"fall","list":[1, 2]},"alarm":"sos"},"device_id":12}`),
		`"12","kind":"alarm",`+at+`"late":false,"alarm":"sos","attrs":{"event_text":"heartbeat","motion":false,"odometer_m":1,"charging":true,"params":{"list":[1,2]}}}`)
	f("", post("application/json", ` { "location" : { "timestamp" : "2026-03-14T08:30:15Z" , "\u0061larm" : "sos" , "x\"y" : "a\\" , "extras" : [ ] , "battery" : 7 , "coords" : { "latitude" : 1 , "longitude" : 2 , "latitude" : 3 } } , "device_id" : "p" , "device_id" : "q\u00e9" } `),
		`"qé","kind":"alarm",`+at+`"lat":3,"lng":2,"valid":true,"late":false,"alarm":"sos","attrs":{"params":{"x\"y":"a\\","battery":7}}}`)
}

// TestRefused: what is answered otherwise, and makes no event.
func TestRefused(t *testing.T) {
	f := func(text, want string, closes bool) {
		t.Helper()
		var s protocols.Session
		frame, err := one(t, &s, text)
		if err != nil || status(frame) != want || len(frame.Events) != 0 || frame.Close != closes {
			t.Errorf("%.80q: %d events, %q, close %v: %v", text, len(frame.Events), frame.Reply, frame.Close, err)
		}
	}
	f("GET / HTTP/1.1\r\n\r\n", "400", false)
	for _, query := range []string{"lat=1&lon=2", "id=&lat=1&lon=2", "id=p&lat=NaN&lon=2", "id=p&lat=91&lon=2", "id=p&lat=1&lon=181", "id=p&lat=1", "id=p&lon=1",
		"id=p&lat=%LAT&lon=2", "id=p&lat=1&lon=2&speed=fast", "id=p&id=q&lat=1&lon=2", "id=p&deviceid=q&lat=1&lon=2", "id=p&lat=1&lon=2&timestamp=noon",
		"id=%00&lat=1&lon=2", "id=p&x=%zz", "id=" + strings.Repeat("p", 65), "id=p&lat=1,2,3&lon=4", "id=p&lat=1e400&lon=2"} {
		f(get(query), "400", false)
	}
	for _, body := range []string{"{", "[]", `{"device_id":"p"}`, `{"device_id":"p","location":{}}`, `{"device_id":"p","location":[]}`,
		`{"location":{"timestamp":"2026-03-14T08:30:15Z"}}`, `{"device_id":"p","location":{"timestamp":"2026-03-14T08:30:15Z"}} x`,
		`{"device_id":"p","location":{"timestamp":"2026-03-14T08:30:15Z","coords":{"latitude":1}}}`,
		`{"device_id":"p","location":{"timestamp":"2026-03-14T08:30:15Z","coords":{"latitude":"x","longitude":1}}}`,
		`{"device_id":"p","location":[{"timestamp":"2026-03-14T08:30:15Z"},{}]}`,
		`{"device_id":"p","location":{"timestamp":"2026-03-14T08:30:15Z","x":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}}`} {
		f(post("application/json", body), "400", false)
	}
	f(post("application/json", `{"device_id":"p","location":[`+strings.Repeat(`{"timestamp":"2026-03-14T08:30:15Z"},`, maxLocations)+`1]}`), "413", false)
	f("HEAD / HTTP/1.1\r\n\r\n", "405", false)
	f("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405", false)
	f("OPTIONS * HTTP/1.1\r\n\r\n", "405", false)
	f("GET /?"+strings.Repeat("a", maxLine)[:maxLine-6], "414", true)
	f("GET / HTTP/1.1\r\n"+strings.Repeat("A: b\r\n", maxHead)[:maxHead-16], "431", true)
	f("GET / HTTP/2.0\r\n", "505", true)
	f("GET  HTTP/1.1\r\n", "400", true)
	head := func(lines string) string { return "POST / HTTP/1.1\r\n" + lines + "\r\n\r\n" }
	f(head("Content-Length: 65537"), "413", true)
	f(head("Content-Type: application/json\r\nContent-Length: 1048577"), "413", true)
	f(head("Content-Length: x"), "400", true)
	f(head("Content-Length: -1"), "400", true)
	f(head("Content-Length: 1\r\nContent-Length: 2"), "400", true)
	f(head("Content-Length: 1\r\nTransfer-Encoding: chunked"), "400", true)
	f(head("Transfer-Encoding: gzip"), "501", true)
	f(head("Content-Encoding: gzip"), "415", true)
	f(head("nonsense"), "400", true)
	f(head("Transfer-Encoding: chunked")+"zz\r\n", "400", true)
	f(head("Transfer-Encoding: chunked")+"fffffff\r\n", "413", true)
	f(head("Transfer-Encoding: chunked")+strings.Repeat("1", 256), "400", true)
}

// TestNotTheOperatorsPick: a report less accurate than the operator wants is answered and makes no event.
func TestNotAccurateEnough(t *testing.T) {
	o := protocols.Options{Extra: "max_accuracy_m=200"}
	for text, events := range map[string]int{
		get("id=p&lat=1&lon=2&accuracy=201"):                                   0,
		get("id=p&lat=1&lon=2&accuracy=200"):                                   1,
		get("id=p&lat=1&lon=2"):                                                1,
		post("application/json", usualJSON):                                    1,
		post("application/json", strings.Replace(usualJSON, "12.5", "300", 1)): 0,
	} {
		s := protocols.Session{Options: o}
		f, err := one(t, &s, text)
		if err != nil || status(f) != "200" || len(f.Events) != events {
			t.Errorf("%q: %d events, %q: %v", text, len(f.Events), f.Reply, err)
		}
	}
}

func TestNumber(t *testing.T) {
	f := func(text string, want float64, ok bool) {
		t.Helper()
		if got, gotOK := number([]byte(text)); got != want || gotOK != ok {
			t.Errorf("number(%q) = %v, %v", text, got, gotOK)
		}
	}
	f("0", 0, true)
	f("-0.883333", -0.883333, true)
	f("31.230416", 31.230416, true)
	f("40.7232948571", 40.7232948571, true)
	f("37.785834000000001", 37.785834000000001, true)
	f("123456789012345", 123456789012345, true)
	f("1234567890123456", 1234567890123456, true)
	f("0.12345678901234", 0.12345678901234, true)
	f(".5", .5, true)
	f("5.", 5, true)
	f("+5", 5, true)
	f("1e3", 1000, true)
	f("1E-2", .01, true)
	for _, text := range []string{"", ".", "-", "-.", "1.2.3", "1,2", "0x10", "NaN", "Inf", "1e999", "1_000", " 1", strings.Repeat("1", 65)} {
		f(text, 0, false)
	}
}

// TestBounds: further parameters are limited in number and size, and what is dropped is counted.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("id=p")
	for i := range maxParams + 5 {
		fmt.Fprintf(&b, "&k%d=%d", i, i)
	}
	var s protocols.Session
	f, err := one(t, &s, get(b.String()))
	if err != nil || len(f.Events) != 1 {
		t.Fatal(err)
	}
	if a, _ := f.Events[0].Attrs.Get("params_dropped"); fmt.Sprint(a.Float()) != "5 true" {
		t.Errorf("dropped: %+v", a)
	}
	f, err = one(t, &s, post("", "id=p&x="+strings.Repeat("y", 60_000)+strings.Repeat("&cell=1,2,3,4", 300)))
	if err != nil || len(f.Events) != 1 || len(f.Events[0].AppendJSON(nil)) > 32<<10 {
		t.Errorf("an event of %d bytes: %v", len(f.Events[0].AppendJSON(nil)), err)
	}
}

func TestEncode(t *testing.T) {
	s := protocols.Session{Options: protocols.Options{Extra: "commands=answer"}}
	b, err := encode(&s, protocols.Command{Name: "custom", Text: "reboot"})
	if want := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nreboot"; string(b) != want || err != nil {
		t.Errorf("%q: %v", b, err)
	}
	for _, c := range []protocols.Command{{Name: "custom"}, {Name: "custom", Text: "a\r\nb"}, {Name: "reboot"}, {Name: "custom", Text: strings.Repeat("a", maxCommand+1)}} {
		if b, err := encode(&s, c); err == nil {
			t.Errorf("%+v: %q", c, b)
		}
	}
	if b, err := encode(new(protocols.Session), protocols.Command{Name: "custom", Text: "reboot"}); err == nil {
		t.Errorf("without the option: %q", b)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"query": get(usualQuery), "json": post("application/json", usualJSON)} {
		b.Run(name, func(b *testing.B) {
			s := protocols.Session{Device: "860000000000001"}
			if name == "json" {
				s.Device = "phone1"
			}
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
