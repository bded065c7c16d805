package inspect

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

func newTestDecoder() *Decoder {
	return &Decoder{
		Protocols: []*protocols.Protocol{&acme, &text},
		Now:       func() time.Time { return protocols.CaptureTime.Time() },
	}
}

func run(t *testing.T, d *Decoder, input string) []string {
	t.Helper()
	var out strings.Builder
	if err := d.Lines(strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		return nil
	}
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, l := range got {
		var whole struct {
			Device  *string           `json:"device"`
			Events  []json.RawMessage `json:"events"`
			Replies []string          `json:"replies"`
			Error   *string           `json:"error"`
		}
		if err := json.Unmarshal([]byte(l), &whole); err != nil || whole.Events == nil || whole.Replies == nil {
			t.Errorf("%s: not of the form promised: %v", l, err)
		}
	}
	return got
}

const event = `{"id":%s,"device":%s,"protocol":"acme","kind":"position","time":"2026-06-01T12:00:00.000Z","received":"2026-06-01T12:00:00.000Z",` +
	`"lat":1,"lng":%d,"valid":true,"late":false,"attrs":{"rssi":1}}`

func position(device string, lng int) string {
	fp := uint32(protocols.Fingerprint([]byte{2, 1, byte(lng)}))
	if device == "" {
		return fmt.Sprintf(event, "null", "null", lng)
	}
	return fmt.Sprintf(event, fmt.Sprintf(`"%s-1780315200000-%08x"`, device, fp), `"`+device+`"`, lng)
}

// TestLines feeds lines and compares the answers whole.
func TestLines(t *testing.T) {
	login := frame(1, "abc")
	fix := frame(2, "\x01\x02")
	fix3 := frame(2, "\x01\x03")
	bad := fix[:len(fix)-2] + "00"
	ok := func(device, events, replies string) string {
		return fmt.Sprintf(`{"device":%s,"events":[%s],"replies":[%s],"error":null}`, device, events, replies)
	}
	fail := func(err string) string {
		return fmt.Sprintf(`{"device":null,"events":[],"replies":[],"error":%q}`, err)
	}
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"a login, then its device", `{"session":"1","kind":"hex","input":"` + login + `"}` + "\n" + `{"session":"1","kind":"hex","input":"` + fix + `"}` + "\n",
			ok(`"abc"`, "", `"7e0181"`) + "\n" + ok(`"abc"`, position("abc", 2), `"7e0182"`)},
		{"a fix before any login", `{"session":"1","kind":"hex","input":"` + fix + `"}`, ok("null", position("", 2), `"7e0182"`)},
		{"sessions do not teach each other", `{"session":"1","kind":"hex","input":"` + login + `"}` + "\n" + `{"session":"2","kind":"hex","input":"` + fix + `"}`,
			ok(`"abc"`, "", `"7e0181"`) + "\n" + ok("null", position("", 2), `"7e0182"`)},
		{"several frames in one line", `{"session":"1","kind":"hex","input":"` + login + fix + fix3 + `"}`,
			ok(`"abc"`, position("abc", 2)+","+position("abc", 3), `"7e0181","7e0182","7e0182"`)},
		{"only the checksum is wrong", `{"session":"1","kind":"hex","input":"` + bad + `"}`,
			`{"device":null,"events":[` + position("", 2) + `],"replies":["7e0182"],"error":"checksum"}`},
		{"a wrong checksum teaches nothing", `{"session":"1","kind":"hex","input":"` + login[:len(login)-2] + `00"}` + "\n" +
			`{"session":"1","kind":"hex","input":"` + fix + `"}`,
			`{"device":null,"events":[],"replies":["7e0181"],"error":"checksum"}` + "\n" + ok("null", position("", 2), `"7e0182"`)},
		{"what is worse than a checksum is told", `{"session":"1","kind":"hex","input":"` + bad + frame(3, "") + `"}`,
			`{"device":null,"events":[` + position("", 2) + `],"replies":["7e0182"],"error":"acme: message of 1 bytes: malformed frame"}`},
		{"a datagram by its bytes", `{"session":"1","kind":"hex","input":"7d616263020102"}` + "\n" + `{"session":"1","kind":"hex","input":"` + fix + `"}`,
			ok(`"abc"`, position("abc", 2), `"7e0182"`) + "\n" + ok(`"abc"`, position("abc", 2), `"7e0182"`)},
		{"a cut-off end", `{"session":"1","kind":"hex","input":"` + fix[:len(fix)-2] + `"}`, ok("null", position("", 2), `"7e0182"`)},
		{"half a frame", `{"session":"1","kind":"hex","input":"7e05"}`, fail("these bytes are too few to tell their protocol: name one")},
		{"half a frame of a named protocol", `{"kind":"hex","protocol":"acme","input":"7e05"}`, fail("acme: frame is cut off: malformed frame")},
		{"capitals, spaces and a line end", `{"session":"1","kind":"hex","input":"0x` + strings.ToUpper(fix) + ` 0D 0A"}`, ok("null", position("", 2), `"7e0182"`)},
		{"a panic", `{"kind":"hex","input":"` + frame(9, "") + `"}`, fail("acme: decoder panic: nine")},
		{"text, its end cut off, letters beyond ISO-8859-1", `{"session":"t","kind":"text","input":"*a\u00e9\u20ac"}`,
			`{"device":null,"events":[{"id":null,"device":null,"protocol":"text","kind":"status","time":"2026-06-01T12:00:00.000Z",` +
				`"received":"2026-06-01T12:00:00.000Z","late":false,"attrs":{"driver_id":"a` + "\ufffd€" + `"}}],"replies":["6f6b3b"],"error":null}`},
		{"not JSON", "hello\n[]\n{\"kind\":\n\n", strings.Join([]string{fail("the line is not a JSON object"), fail("the line is not a JSON object"),
			fail("the line is not valid: unexpected end of JSON input"), fail("the line is not a JSON object")}, "\n")},
		{"unknown protocol", `{"kind":"hex","protocol":"nope","input":"00"}`, fail(`unknown protocol "nope"`)},
		{"unknown kind", `{"kind":"octal","input":"00"}`, fail(`kind "octal" is neither hex nor text`)},
		{"no kind", `{"input":"00"}`, fail(`kind "" is neither hex nor text`)},
		{"odd hex", `{"kind":"hex","input":"7e0"}`, fail("input: 3 hex digits: the last byte is half")},
		{"no hex", `{"kind":"hex","input":"7g"}`, fail("input: character 2 is 'g': not a hex digit")},
		{"empty input", `{"kind":"hex","input":""}`, fail("input is empty")},
		{"unrecognised", `{"kind":"hex","input":"0102030405"}`, fail("no protocol recognises these bytes: name one")},
		{"a long session name", `{"session":"` + strings.Repeat("s", MaxSessionName+1) + `","kind":"hex","input":"00"}`, fail("session name of more than 1024 bytes")},
		{"notes beside the members", `{"session":"1","kind":"hex","input":"` + fix + `","expect":null,"setup":{"a":[1]}}`, ok("null", position("", 2), `"7e0182"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(run(t, newTestDecoder(), c.in), "\n"); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestLinesSticky: what was recognised once, or named once, stays for the session.
func TestLinesSticky(t *testing.T) {
	got := run(t, newTestDecoder(), `{"session":"1","kind":"hex","protocol":"acme","input":"`+frame(1, "abc")+`"}
{"session":"1","kind":"hex","input":"3b"}
{"session":"2","kind":"hex","input":"3b"}`)
	for i, want := range []string{`"error":null`, `"error":"acme: 1 bytes before a frame: bytes outside any frame"`, `"error":"no protocol recognises`} {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d: got %s, want %s", i+1, got[i], want)
		}
	}
}

// TestLinesDefault: --protocol is for lines that name none.
func TestLinesDefault(t *testing.T) {
	d := newTestDecoder()
	d.Default = &text
	got := run(t, d, `{"session":"1","kind":"text","input":"*x"}
{"session":"1","kind":"hex","protocol":"acme","input":"`+frame(1, "abc")+`"}
{"session":"1","kind":"hex","input":"`+frame(1, "abc")+`"}`)
	for i, want := range []string{`"protocol":"text"`, `"device":"abc"`, `"error":"text: no star`} {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d: got %s, want %s", i+1, got[i], want)
		}
	}
}

// TestLinesOversized: a line beyond the limit costs its own answer only, and no more memory than the limit.
func TestLinesOversized(t *testing.T) {
	long := `{"kind":"hex","input":"` + strings.Repeat("0", 2*MaxLine) + `"}`
	got := run(t, newTestDecoder(), long+"\n"+`{"kind":"hex","input":"`+frame(1, "abc")+`"}`+"\n"+long)
	if len(got) != 3 || !strings.Contains(got[0], "line of more than") || !strings.Contains(got[1], `"device":"abc"`) || !strings.Contains(got[2], "line of more than") {
		t.Errorf("got %.200q", got)
	}
}

// TestLinesBounded: the session that was silent for longest is forgotten, and only that one.
func TestLinesBounded(t *testing.T) {
	d := newTestDecoder()
	b, _ := FromHex(frame(1, "abc"))
	for i := range MaxSessions + 1 {
		d.Decode(fmt.Sprint(i), &acme, b)
		if i > 0 {
			d.session("1") // heard of again and again
		}
	}
	if len(d.sessions) != MaxSessions || d.recent.Len() != MaxSessions {
		t.Errorf("%d sessions, %d in the list, want %d", len(d.sessions), d.recent.Len(), MaxSessions)
	}
	if d.sessions["0"] != nil || d.sessions["1"] == nil {
		t.Error("the wrong session was forgotten")
	}
}

// TestLinesConverse: each line is answered before the next one is written.
func TestLinesConverse(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- newTestDecoder().Lines(inR, outW)
		outW.Close()
	}()
	answers := bufio.NewScanner(outR)
	for _, input := range []string{frame(1, "abc"), frame(2, "\x01\x02")} {
		fmt.Fprintf(inW, `{"session":"1","kind":"hex","input":%q}`+"\n"+`{"session":`, input) // and the start of the next
		if !answers.Scan() || !strings.Contains(answers.Text(), `"device":"abc"`) {
			t.Fatalf("got %s", answers.Text())
		}
		fmt.Fprint(inW, `"x"}`+"\n")
		if !answers.Scan() {
			t.Fatal("no answer")
		}
	}
	inW.Close()
	if answers.Scan() {
		t.Errorf("an answer to nothing: %s", answers.Text())
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// FuzzLines: one line in, one valid line out, whatever it is.
func FuzzLines(f *testing.F) {
	f.Add(`{"session":"1","kind":"hex","input":"` + frame(1, "abc") + `"}`)
	f.Add(`{"session":"1","kind":"text","input":"*x;"}`)
	f.Add("{}")
	f.Fuzz(func(t *testing.T, in string) {
		want := strings.Count(in, "\n")
		if !strings.HasSuffix(in, "\n") && in != "" {
			want++
		}
		if got := run(t, newTestDecoder(), in); len(got) != want {
			t.Errorf("%d lines in, %d out", want, len(got))
		}
	})
}
