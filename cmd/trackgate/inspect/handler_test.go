package inspect

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// ask posts a question and returns the answer.
func ask(t *testing.T, h http.Handler, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/decode", strings.NewReader(body)))
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s: not JSON", w.Body)
	}
	return w.Code, w.Body.String()
}

// TestHandler asks about frames, and about what is none.
func TestHandler(t *testing.T) {
	h := Handler([]*protocols.Protocol{&acme, &text})
	login, fix := frame(1, "abc"), frame(2, "\x01\x02")
	many := strings.Repeat(fix+`\n`, maxFrames+1)
	for _, c := range []struct {
		name, body string
		status     int
		want       []string
	}{
		{"two frames of one connection", `{"input":"` + login + `\n` + fix + `"}`, 200, []string{`"protocols":["acme","text"]`,
			`{"protocol":"acme","verdict":"sure","over":"TCP","port":7001,"reason":"start byte and type","meaning":"login, device abc"}`,
			`"frames":[{"offset":0,"length":7,"type":"login","error":null,"reply":"7e0181","events":[]}]`,
			`{"frame":0,"offset":4,"length":1,"depth":0,"raw":"02","name":"lng","event":0,"field":true,"value":2,"rule":"i8"}`, `"name":"rssi","event":0,"field":true,"value":1,"rule":"u8","reader":"message in acme_test.go"}`, `"device":"abc"`}},
		{"a protocol that is named", `{"input":"` + login + `","protocol":"text"}`, 200, []string{`"error":"text: no star`, `"explain":[]`}},
		{"text", `{"input":"*7e01;","kind":"text"}`, 200, []string{`"name":"driver_id"`}},
		{"only the names", `{"input":" \n"}`, 200, []string{`"protocols":["acme","text"]`, `"results":[]`}},
		{"a panic", `{"input":"` + frame(9, "") + `"}`, 200, []string{`"error":"acme: decoder panic: nine"`}},
		{"unrecognised", `{"input":"0102"}`, 200, []string{`"candidates":[]`, `"protocol":null`, "no protocol recognises"}},
		{"unknown protocol", `{"input":"00","protocol":"nope"}`, 400, []string{`unknown protocol`}},
		{"unknown kind", `{"input":"00","kind":"octal"}`, 400, []string{`neither hex nor text`}},
		{"half a byte", `{"input":"7e0","kind":"hex"}`, 400, []string{`line 1: 3 hex digits`}},
		{"no JSON", `7e01`, 400, []string{"not a JSON object"}},
		{"too many frames", `{"input":"` + many + `"}`, 400, []string{"more than 64 frames"}},
		{"too many bytes", `{"input":"` + strings.Repeat("00", maxPasted+1) + `","kind":"hex"}`, 400, []string{"8192 bytes"}},
		{"too large a body", `{"input":"` + strings.Repeat(" ", maxRequest) + `"}`, 413, []string{"65536 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, got := ask(t, h, c.body)
			if status != c.status {
				t.Errorf("got status %d, want %d", status, c.status)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("lacks %s:\n%s", want, got)
				}
			}
		})
	}
}

// TestHandlerBusy: while as many as are allowed are being answered, another one waits, and goes when its visitor does.
func TestHandlerBusy(t *testing.T) {
	h := Handler([]*protocols.Protocol{&acme}).(*handler)
	for range atOnce {
		h.busy <- struct{}{}
	}
	r := httptest.NewRequest(http.MethodPost, "/api/decode", strings.NewReader(`{"input":"`+frame(1, "abc")+`"}`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(ctx))
	if w.Body.Len() != 0 {
		t.Errorf("got %s", w.Body)
	}
	<-h.busy
	if status, _ := ask(t, h, `{"input":"`+frame(1, "abc")+`"}`); status != http.StatusOK {
		t.Errorf("got status %d", status)
	}
}

// TestAsks: the frames of one request share what may be asked.
func TestAsks(t *testing.T) {
	d := newTestDecoder()
	d.Explain, d.Asks = true, 40
	b, err := FromHex(strings.Repeat(frame(1, "abc"), 3))
	if err != nil {
		t.Fatal(err)
	}
	r := d.Decode("", nil, b)
	if len(r.Frames) != 3 || r.Frames[0].Explanation == nil || r.Frames[1].Explanation != nil {
		t.Errorf("explained: %v, %v", r.Frames[0].Explanation != nil, r.Frames[1].Explanation != nil)
	}
	if again := d.Decode("", nil, b); again.Frames[0].Explanation != nil {
		t.Error("explained without end")
	}
}
