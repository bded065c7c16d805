package osmand

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// feed drains a stream that comes in pieces of step bytes and tells events, answers and what is left.
func feed(stream string, step int) string {
	var s protocols.Session
	var f protocols.Frame
	var rest []byte
	events, replies, closes := 0, "", 0
	for len(stream) > 0 {
		n := min(step, len(stream))
		rest, stream = append(rest, stream[:n]...), stream[n:]
		used, err := protocols.Drain(&Protocol, &s, protocols.Input{Bytes: rest, Received: protocols.CaptureTime}, &f, func(_ []byte, err error) bool {
			if err == nil {
				events += len(f.Events)
				replies += string(f.Reply)
				if f.Close {
					closes++
				}
			}
			return true
		})
		if err != nil {
			return fmt.Sprintf("%d events, %q: %v", events, replies, err)
		}
		rest = rest[used:]
	}
	return fmt.Sprintf("%d events, %q, %d closes, %d left", events, replies, closes, len(rest))
}

// TestStreams: requests as they come, whole and in pieces of every small size, mean the same.
func TestStreams(t *testing.T) {
	f := func(stream, want string) {
		t.Helper()
		for _, step := range []int{len(stream), 1, 2, 3, 7, 50} {
			if got := feed(stream, step); got != want {
				t.Errorf("%.60q by %d\n got %s\nwant %s", stream, step, got, want)
			}
		}
	}
	ok := func(events int, answers string, closes, left int) string {
		return fmt.Sprintf("%d events, %q, %d closes, %d left", events, answers, closes, left)
	}
	const answerClose = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	const form = "id=p&lat=1&lon=2"
	f(get(usualQuery), ok(1, answerOK, 0, 0))
	f(get(usualQuery)+get(usualQuery), ok(2, answerOK+answerOK, 0, 0))
	f(get(usualQuery)[:50], ok(0, "", 0, 50))
	f(post("application/x-www-form-urlencoded", form)+"\r\n"+post("application/json", usualJSON), ok(2, answerOK+answerOK, 0, 0))
	f("GET /?"+form+" HTTP/1.1\nHost: x\n\n", ok(1, answerOK, 0, 0))
	f("GET /?"+form+" HTTP/1.0\r\n\r\n", ok(1, answerClose, 1, 0))
	f("GET /?"+form+"\n", ok(1, answerClose, 1, 0))
	f("GET /?"+form+"&timestamp=2026-03-14 08:30:15 HTTP/1.1\r\n\r\n", ok(1, answerOK, 0, 0))
	f("GET /?"+form+" HTTP/1.1\r\nconnection: Close\r\n\r\n", ok(1, answerClose, 1, 0))
	f("GET /?"+form+" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok(1, answerOK, 0, 0))
	f("GET http://gateway/x?"+form+"#there HTTP/1.1\r\n\r\n", ok(1, answerOK, 0, 0))
	chunks := "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nid=p&\r\nb;x=y\r\nlat=1&lon=2\r\n0\r\nTrailer: x\r\n\r\n"
	f(chunks+get(usualQuery), ok(2, answerOK+answerOK, 0, 0))
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	f("POST /?a=1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n"+form+get(usualQuery), ok(2, goOn+answerOK+answerOK, 0, 0))
	f("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n\r\n"+form, ok(0, goOn+"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0, 0))
	f("POST / HTTP/1.1\r\nExpect: 100-continue\r\n"+strings.TrimPrefix(chunks, "POST / HTTP/1.1\r\n"), ok(1, goOn+answerOK, 0, 0))
	f("POST /"+strings.Repeat("x", 600)+" HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n"+form, ok(1, answerOK, 0, 0))
	f("\x16\x03\x01\x02\x00\x01", `0 events, "": osmand: not an HTTP request: malformed frame`)
	big := post("application/json", `{"device_id":"p","location":[`+strings.TrimSuffix(strings.Repeat(`{"timestamp":"2026-03-14T08:30:15Z","coords":{"latitude":1,"longitude":2}},`, 200), ",")+`]}`)
	f(big, ok(200, answerOK, 0, 0))
}

// TestAwaitedBodyIsAFrame: the body whose head was answered 100 Continue means the same alone, by the session before it.
func TestAwaitedBodyIsAFrame(t *testing.T) {
	var s protocols.Session
	var f protocols.Frame
	in := protocols.Input{Bytes: []byte("POST /?a=1 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\nid=p&lat=1&lon=2"), Received: protocols.CaptureTime, Final: true}
	n, err := protocols.Next(&Protocol, &s, in, &f)
	if err != nil || n != len(in.Bytes)-16 || s.State == "" {
		t.Fatalf("%d bytes, state %q: %v", n, s.State, err)
	}
	f2, err := one(t, &s, "id=p&lat=1&lon=2")
	if err != nil || len(f2.Events) != 1 || s != (protocols.Session{Device: "p"}) || !f2.Close {
		t.Errorf("%d events, session %+v: %v", len(f2.Events), s, err)
	}
}
