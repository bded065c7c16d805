package fanout

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
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

// needNode skips a test where Node or its packages are missing, unless nothing may be.
func needNode(t testing.TB) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat("siotest/node_modules/socket.io-client"); err != nil {
		missing = "npm ci has not run in fanout/siotest"
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
	needNode(t)
	cmd := exec.Command("node", append([]string{"siotest/" + script}, args...)...)
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
			n := startNode(t, nodeOptions{config: Config{PingInterval: time.Second, PingTimeout: time.Second}})
			n.store.add(fix("123", 1))
			c := startIO(t, "client.mjs")
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
