package fanout

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

func TestSocketIOFaults(t *testing.T) {
	n := startNode(t, nodeOptions{config: Config{Origins: []string{"https://map.example.org"}}})
	f := func(method, query, origin string, status int, body string) {
		t.Helper()
		req, _ := http.NewRequest(method, n.http.URL+"/socket.io/"+query, nil)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := n.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if got := strings.TrimSpace(string(b)); resp.StatusCode != status || body != "" && got != body {
			t.Errorf("%s %s: %d %s", method, query, resp.StatusCode, got)
		}
		allowed := resp.Header.Get("Access-Control-Allow-Origin")
		if (origin == "https://map.example.org") != (allowed == origin && origin != "") {
			t.Errorf("%s: allowed %q", origin, allowed)
		}
	}
	f("GET", "", "", 400, `{"code":5,"message":"Unsupported protocol version"}`)
	f("GET", "?EIO=3&transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`)
	f("GET", "?EIO=4", "", 400, `{"code":0,"message":"Transport unknown"}`)
	f("GET", "?EIO=4&transport=webtransport", "", 400, `{"code":0,"message":"Transport unknown"}`)
	f("GET", "?EIO=4&transport=websocket", "", 400, `{"code":3,"message":"Bad request"}`)
	f("GET", "?EIO=4&transport=polling&j=0", "", 400, `{"code":3,"message":"Bad request"}`)
	f("POST", "?EIO=4&transport=polling", "", 400, `{"code":2,"message":"Bad handshake method"}`)
	f("GET", "?EIO=4&transport=polling&sid=ABCDEF-ABCDEFGHIJKLMNOPQRST", "", 400, `{"code":1,"message":"Session ID unknown"}`)
	f("GET", "?EIO=4&transport=polling", "https://evil.example.org", 403, `{"code":4,"message":"Forbidden"}`)
	f("GET", "?EIO=4&transport=polling", "https://map.example.org", 200, "")
	f("PUT", "?EIO=4&transport=polling", "", 200, "console") // not ours
	req, _ := http.NewRequest("OPTIONS", n.http.URL+ioPath+"polling", nil)
	req.Header.Set("Origin", "https://map.example.org")
	req.Header.Set("Access-Control-Request-Method", "POST")
	resp, err := n.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestSocketIOMalformed is what no client sends: each of these ends the session, and nothing else.
func TestSocketIOMalformed(t *testing.T) {
	n := startNode(t, nodeOptions{config: Config{Limits: Limits{Frame: 1000}}})
	hello := `40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`
	long := strings.Repeat("9", 2000)
	for packet, code := range map[string]int{
		"9": codeProtocol, "4": codeProtocol, "49": codeProtocol, "42": codeProtocol, "42{}": codeProtocol, "42[": codeProtocol, "42[1]": codeProtocol,
		`42[""]`: codeProtocol, "4299999999999999999999[]": codeProtocol, "40{": codeProtocol, "40": codeProtocol, "42/" + long[:300] + ",[]": codeProtocol,
		`451-["x",{"_placeholder":true,"num":0}]`: codeUnsupported, "461-[]": codeUnsupported, "bAAAA": codeUnsupported, "4" + long: codeTooBig, "": codeProtocol,
		`42["x"]` + "\xff": codeInvalid,
	} {
		v := n.dialIO(t)
		v.send(hello)
		v.next()
		v.send(packet)
		if got := v.code(); got != code {
			t.Errorf("%.40q over WebSocket: closed with %d, want %d", packet, got, code)
		}
		if code == codeInvalid {
			continue
		}
		p := n.pollIO(t)
		p.send(hello)
		p.next()
		want := http.StatusBadRequest
		if code == codeTooBig {
			want = http.StatusRequestEntityTooLarge
		}
		if got, body := p.post(packet); got != want {
			t.Errorf("%.40q over polling: %d %s", packet, got, body)
		}
		if !p.over() {
			t.Errorf("%.40q over polling: goes on", packet)
		}
	}
	// Harmless ones.
	v := n.dialIO(t)
	v.send(hello)
	v.next()
	for _, packet := range []string{"6", "3", `43["x"]`, "42/none,[]", "41/none,", "40/none,{}", `42["track:vehicle"]`, `42["track:vehicle",{}]`, `42["authenticate"]`} {
		v.send(packet)
	}
	v.send("2")
	want := []string{`44/none,{"message":"Invalid namespace"}`, `42["error","a vehicle is needed"]`, `42["error","a vehicle is a text or a number"]`,
		`42["error","a token is needed"]`, "3"}
	for _, w := range want {
		if got := v.next(); got != w {
			t.Errorf("got %s, want %s", got, w)
		}
	}
	v.conn.Close()
	until(t, "all sessions are gone", func() bool { return n.idle() })
}

// idle says that nothing is held for any client.
func (n *node) idle() bool {
	n.gate.mu.Lock()
	defer n.gate.mu.Unlock()
	n.engines.mu.Lock()
	defer n.engines.mu.Unlock()
	return n.gate.all == 0 && len(n.gate.users) == 0 && len(n.engines.bySID) == 0 && len(n.engines.byPID) == 0 && n.counters.Clients.Load() == 0
}

func TestSocketIOLimits(t *testing.T) {
	n := startNode(t, nodeOptions{config: Config{Limits: Limits{PerUser: 2, Connections: 4, AuthTimeout: 300 * time.Millisecond}}})
	hello := `40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`
	var open []*ioSocket
	for range 2 {
		v := n.dialIO(t)
		v.send(hello)
		if p := v.next(); !strings.HasPrefix(p, "40") {
			t.Fatal(p)
		}
		open = append(open, v)
	}
	third := n.pollIO(t)
	third.send(hello)
	if p := third.next(); p != `44{"message":"too many connections"}` {
		t.Errorf("got %s", p)
	}
	fourth := n.dialIO(t)
	resp, err := n.http.Client().Get(n.http.URL + ioPath + "polling")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a fifth session: %d", resp.StatusCode)
	}
	// Sessions without CONNECT end by themselves.
	if !third.over() || !fourth.over() {
		t.Error("a session without a client goes on")
	}
	for _, v := range open {
		v.conn.Close()
	}
	until(t, "all sessions are gone", n.idle)
}

// TestPollingRequests are requests that a session has one of at a time.
func TestPollingRequests(t *testing.T) {
	n := startNode(t, nodeOptions{})
	p := n.pollIO(t)
	p.send(`40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`)
	p.next()
	type result struct {
		status int
		body   string
	}
	first := make(chan result, 1)
	go func() {
		status, body := p.get()
		first <- result{status, body}
	}()
	e := n.engineOf("u")
	until(t, "a GET hangs", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.getting
	})
	if status, _ := p.get(); status != http.StatusBadRequest {
		t.Errorf("the second GET: %d", status)
	}
	if r := <-first; r.status != http.StatusOK || r.body != "1" {
		t.Errorf("the first GET: %+v", r)
	}
	until(t, "all sessions are gone", n.idle)

	// A GET that its client gives up loses nothing.
	p = n.pollIO(t)
	p.send(`40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`)
	p.next()
	e = n.engineOf("u")
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", p.url, nil)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := n.http.Client().Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	hanging := func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.getting
	}
	until(t, "a GET hangs", hanging)
	cancel()
	<-gone
	until(t, "none hangs", func() bool { return !hanging() })
	p.send(`42["track:vehicle",["a","b"]]` + "\x1e" + `421["track:vehicle","c"]`)
	n.publish(fix("a", 1), fix("b", 2))
	for seen := ""; !strings.Contains(seen, `"vehicle":"a"`) || !strings.Contains(seen, `"vehicle":"b"`) || !strings.Contains(seen, "431"); {
		seen += p.next()
	}
}

// TestSocketIOSlow is a poller that never comes again: newest positions replace older ones, and the connection ends with its stall.
func TestSocketIOSlow(t *testing.T) {
	n := startNode(t, nodeOptions{config: Config{Limits: Limits{Stall: time.Second}}})
	p := n.pollIO(t)
	p.send(`40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`)
	p.next()
	p.send(`42["track:vehicle","a"]`)
	for i := range 5000 {
		n.publish(fix("a", i))
	}
	e := n.engineOf("u")
	e.mu.Lock()
	if len(e.chunk) > 1<<20 {
		t.Errorf("%d bytes wait", len(e.chunk))
	}
	e.mu.Unlock()
	until(t, "the session has ended", n.idle)
	if n.counters.SlowDisconnects.Load() != 1 {
		t.Errorf("%d slow disconnects", n.counters.SlowDisconnects.Load())
	}
	if status, body := p.get(); status != http.StatusBadRequest || !strings.Contains(body, `"code":1`) {
		t.Error(status, body)
	}
	if n.counters.Conflated.Load() == 0 {
		t.Error("nothing was conflated")
	}
}

// TestSocketIOUpgradeKeeps moves a session to a WebSocket while much is on its way, by hand.
func TestSocketIOUpgradeKeeps(t *testing.T) {
	n := startNode(t, nodeOptions{})
	p := n.pollIO(t)
	p.send(`40{"token":"` + token(t, "u", auth.Scopes(auth.Read), "*") + `"}`)
	p.next()
	p.send(`42["track:vehicle","a"]`)
	_, sid, _ := strings.Cut(p.url, "&sid=")
	v := n.dialEngine(t, "websocket&sid="+sid)
	v.send("2probe")
	if got := v.next(); got != "3probe" {
		t.Fatalf("got %s", got)
	}
	if got := p.next(); got != "6" {
		t.Errorf("the hanging GET got %s", got)
	}
	for i := range 20 {
		n.publish(alarm("a", i+1))
	}
	v.send("5")
	v.send(`429["no:such"]`)
	alarms := 0
	for alarms < 20 {
		got := v.next()
		if !strings.HasPrefix(got, `42["event",`) {
			continue
		}
		alarms++
		if want := fmt.Sprintf(`"seq":"%s"`, alarmSeq(alarms)); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if status, body := p.get(); status != http.StatusBadRequest {
		t.Errorf("polling after the upgrade: %d %s", status, body)
	}
}

func alarmSeq(i int) string {
	a := alarm("a", i)
	return a.Seq()
}
