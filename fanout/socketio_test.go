package fanout

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// ioClient is an unmodified socket.io-client, under Node.
type ioClient struct {
	t     testing.TB
	in    io.WriteCloser
	lines chan []json.RawMessage
	seen  []string
}

// needNode skips a test where Node or the packages of a folder are missing, unless nothing may be.
func needNode(t testing.TB, folder string) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(folder + "/node_modules"); err != nil {
		missing = "npm ci has not run in " + folder
	}
	if missing == "" {
		return
	}
	if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

func startIO(t testing.TB, script string, args ...string) *ioClient {
	t.Helper()
	folder := filepath.Dir(script)
	if filepath.Base(folder) == "test" {
		folder = filepath.Dir(folder)
	}
	needNode(t, folder)
	cmd := exec.Command("node", append([]string{script}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &ioClient{t: t, in: in, lines: make(chan []json.RawMessage, 10_000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var line []json.RawMessage
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				t.Errorf("%v: %s", err, scan.Text())
			}
			c.lines <- line
		}
	}()
	t.Cleanup(func() {
		in.Close()
		late := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		<-done
		cmd.Wait()
		late.Stop()
	})
	return c
}

// do has the client carry out a command.
func (c *ioClient) do(command ...any) {
	c.t.Helper()
	b, _ := json.Marshal(command)
	if _, err := c.in.Write(append(b, '\n')); err != nil {
		c.t.Fatal(err)
	}
}

// wait returns the arguments of the next event of that name; the others before it are passed over.
func (c *ioClient) wait(name string) []json.RawMessage {
	c.t.Helper()
	late := time.After(15 * time.Second)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the client ended before %s; it saw %v", name, c.seen)
			}
			text, _ := json.Marshal(line)
			c.seen = append(c.seen, string(text))
			if string(line[0]) == `"`+name+`"` {
				return line[1:]
			}
		case <-late:
			c.t.Fatalf("no %s; the client saw %v", name, c.seen)
		}
	}
}

// any is wait for an event that may have been passed over already.
func (c *ioClient) any(name string) {
	c.t.Helper()
	for _, line := range c.seen {
		if strings.HasPrefix(line, `["`+name+`"`) {
			return
		}
	}
	c.wait(name)
}

// engineOf is the session of a subject that has one connection.
func (n *node) engineOf(sub string) *engine {
	return n.sessionOf(sub).client.link.(*engine)
}

// fix waits for the next position of a vehicle.
func (c *ioClient) fix(vehicle string) message {
	c.t.Helper()
	for {
		var m message
		if err := json.Unmarshal(c.wait("location:update")[0], &m); err != nil {
			c.t.Fatal(err)
		}
		if m.Vehicle == vehicle {
			return m
		}
	}
}

func (c *ioClient) said(name, want string) {
	c.t.Helper()
	args, _ := json.Marshal(c.wait(name))
	if string(args) != want {
		c.t.Errorf("%s: got %s, want %s", name, args, want)
	}
}

func options(token string, transports ...string) map[string]any {
	o := map[string]any{"auth": map[string]any{"token": token}, "reconnectionDelay": 100, "reconnectionDelayMax": 200}
	if len(transports) > 0 {
		o["transports"] = transports
	}
	return o
}

func TestSocketIO(t *testing.T) {
	for name, transports := range map[string][]string{"websocket": {"websocket"}, "polling": {"polling"}, "upgrade": {"polling", "websocket"}} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, nodeOptions{config: Config{PingInterval: time.Second, PingTimeout: 10 * time.Second}})
			n.store.add(fix("123", 1))
			c := startIO(t, "siotest/client.mjs")
			c.do("connect", n.http.URL, options(token(t, "u", auth.Scopes(auth.Read), "123", "456", "7"), transports...))
			c.wait("connect")
			if name == "upgrade" { // goes on beside the CONNECT, and is sometimes the quicker of the two
				c.any("upgrade")
			}
			until(t, "the transport is the last", func() bool { return n.engineOf("u").polling() == (name == "polling") })
			c.do("emit", "track:vehicle", "123")
			if m := c.fix("123"); m.Speed != 1 || m.Seq == "" || m.Type != "" {
				t.Errorf("last known %+v", m)
			}
			c.do("ask", "track:vehicle", 456)
			c.said("ack", `[{"ok":true}]`)
			n.publish(fix("456", 2))
			if m := c.fix("456"); m.Speed != 2 {
				t.Errorf("%+v", m)
			}
			c.do("ask", "track:vehicle", []any{"7", "9"})
			c.said("error", `["Unauthorized"]`)
			c.said("ack", `[{"ok":false,"error":"Unauthorized","vehicles":["9"]}]`)
			n.publish(fix("9", 1), fix("7", 3), alarm("7", 4))
			if m := c.fix("7"); m.Speed != 3 {
				t.Errorf("%+v", m)
			}
			var m message
			if json.Unmarshal(c.wait("event")[0], &m); m.Alarm != "sos" || m.Vehicle != "7" {
				t.Errorf("event %+v", m)
			}
			c.do("ask", "untrack:vehicle", "7")
			c.said("ack", `[{"ok":true}]`)
			n.publish(fix("7", 10), fix("123", 11))
			c.fix("123")
			c.do("ask", "no:such")
			c.said("ack", `[{"ok":false,"error":"no such event"}]`)
			c.do("namespace", "/admin")
			c.said("namespace", `["Invalid namespace"]`)
			c.do("ask", "authenticate", token(t, "u", auth.Scopes(auth.Read), "456"))
			c.said("error", `["Unauthorized"]`) // 123 is no longer his
			c.said("ack", `[{"ok":true}]`)
			n.publish(fix("123", 20), fix("456", 21))
			c.fix("456")
			for range 2 {
				c.wait("ping")
			}
			n.publish(fix("456", 30))
			c.fix("456")
			c.do("disconnect")
			c.said("disconnect", `["io client disconnect"]`)
			until(t, "the session is gone", func() bool {
				return n.counters.Clients.Load() == 0 && len(n.engines.pids()) == 0
			})
			for _, line := range c.seen {
				if strings.Contains(line, `"vehicle":"9"`) || strings.Contains(line, `"vehicle":"7"`) && strings.Contains(line, `"speed":10`) {
					t.Errorf("the client saw %s", line)
				}
			}
		})
	}
}

func TestSocketIORefused(t *testing.T) {
	n := startNode(t, nodeOptions{})
	c := startIO(t, "siotest/client.mjs")
	c.do("connect", n.http.URL, options("garbage", "websocket"))
	c.said("connect_error", `["Unauthorized"]`)
	c.do("auth", token(t, "u", auth.Scopes(auth.Ingest), "*"))
	c.do("reopen")
	c.said("connect_error", `["Unauthorized"]`)
	c.do("auth", nil)
	c.do("reopen")
	c.said("connect_error", `["Unauthorized"]`)
	c.do("auth", token(t, "u", auth.Scopes(auth.Read), "*"))
	c.do("reopen")
	c.said("connect", `[{"recovered":false,"transport":"websocket"}]`)
	c.do("binary", "00ff")
	c.said("disconnect", `["transport close"]`)
	c.said("connect", `[{"recovered":false,"transport":"websocket"}]`)
	c.do("ask", "authenticate", "garbage")
	c.said("error", `["Unauthorized"]`)
	c.said("disconnect", `["transport close"]`)
	if got := n.counters.Refused[refusedToken].Load(); got != 4 {
		t.Errorf("%d tokens refused", got)
	}
}

// cut ends a subject's connection as a network does: nobody says goodbye.
func (n *node) cut(sub string) {
	n.t.Helper()
	e := n.engineOf(sub)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sock == nil {
		n.t.Fatal("no WebSocket")
	}
	go e.sock.drop()
}

// TestSocketIORecovery is the founding document's dashboard, which tracks once and never again.
func TestSocketIORecovery(t *testing.T) {
	n := startNode(t, nodeOptions{lookup: tabled{}, groups: tabled{}})
	n.store.add(fix("mine", 1))
	c := startIO(t, "siotest/founding.mjs", n.http.URL, token(t, "u", auth.Scopes(auth.Read), "mine"), "mine")
	c.fix("mine")
	for round := range 2 {
		n.cut("u")
		c.wait("disconnect")
		n.publish(fix("mine", 10*round+2)) // while it is away
		if m := c.fix("mine"); m.Speed != float64(10*round+2) {
			t.Errorf("missed %+v", m)
		}
		n.publish(fix("mine", 10*round+3))
		if m := c.fix("mine"); m.Speed != float64(10*round+3) {
			t.Errorf("%+v", m)
		}
	}
	for _, line := range c.seen {
		if strings.HasPrefix(line, `["reconnect"`) {
			t.Error("the document's reconnect handler ran: the test proves nothing")
		}
	}
	if got := n.counters.Recovered.Load(); got != 2 {
		t.Errorf("recovered %d times", got)
	}
}

func TestSocketIORecoveryChecks(t *testing.T) {
	n := startNode(t, nodeOptions{})
	all := func(sub string, vehicles ...string) string {
		return token(t, sub, auth.Scopes(auth.Read), vehicles...)
	}
	connect := func(token, pid string) (*ioSocket, string) {
		t.Helper()
		v := n.dialIO(t)
		hello, _ := json.Marshal(map[string]any{"token": token, "pid": pid, "offset": "Unauthorized"})
		v.send("40" + string(hello))
		var answer struct{ PID string }
		if p := v.next(); !strings.HasPrefix(p, "40") || json.Unmarshal([]byte(p[2:]), &answer) != nil || answer.PID == "" {
			t.Fatalf("got %s", p)
		}
		return v, answer.PID
	}
	v, pid := connect(all("u", "a", "b"), "")
	v.send(`420["track:vehicle",["a","b"]]`)
	if p := v.next(); p != `430[{"ok":true}]` {
		t.Fatal(p)
	}

	// Another subject gets nothing, and takes nothing away.
	if _, other := connect(all("w", "*"), pid); other == pid {
		t.Error("another subject has the pid")
	}
	// The client itself, before its old connection was missed, and with less to see than before.
	v2, again := connect(all("u", "b"), pid)
	if again != pid {
		t.Error("not recovered")
	}
	if p := v2.next(); p != `42["error","Unauthorized"]` {
		t.Errorf("got %s", p)
	}
	if code := v.code(); code != codeGoingAway {
		t.Errorf("the old connection was closed with %d", code)
	}
	n.publish(fix("a", 1), fix("b", 2))
	if p := v2.next(); !strings.Contains(p, `"vehicle":"b"`) {
		t.Errorf("got %s", p)
	}

	// Who disconnects on purpose has nothing to recover.
	v2.send("41")
	v2.over()
	until(t, "the session is gone", func() bool { return n.engines.holder(pid) == nil })
	v3, fresh := connect(all("u", "b"), pid)
	if fresh == pid {
		t.Error("recovered after a disconnect")
	}

	// Two minutes, no longer.
	v3.send(`420["track:vehicle","b"]`)
	for p := v3.next(); p != `430[{"ok":true}]`; p = v3.next() {
	}
	v3.conn.Close()
	until(t, "the session is kept", func() bool { return n.held(fresh) })
	n.recoveries.mu.Lock()
	s := n.recoveries.held[fresh]
	if left := time.Until(s.until); left > recoveryFor || left < recoveryFor-time.Minute {
		t.Errorf("kept for %v", left)
	}
	s.until = time.Now()
	n.recoveries.held[fresh] = s
	n.recoveries.mu.Unlock()
	if _, late := connect(all("u", "b"), fresh); late == fresh {
		t.Error("recovered too late")
	}
	n.recoveries.mu.Lock()
	n.recoveries.sweep(time.Now())
	if len(n.recoveries.held) != 0 || n.recoveries.vehicles != 0 {
		t.Errorf("held: %v, %d vehicles", n.recoveries.held, n.recoveries.vehicles)
	}
	n.recoveries.mu.Unlock()
}

func (n *node) held(pid string) bool {
	n.recoveries.mu.Lock()
	defer n.recoveries.mu.Unlock()
	_, ok := n.recoveries.held[pid]
	return ok
}
