package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trackgate/trackgate/fanout/redistest"
)

// balancer spreads TCP connections over the nodes that answer, one after the other, and knows nothing else.
type balancer struct {
	addr  string
	nodes []string
	next  atomic.Uint32
}

func balance(t *testing.T, nodes ...string) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{addr: l.Addr().String(), nodes: nodes}
	var open sync.WaitGroup
	var conns sync.Map
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer in.Close()
				out := b.dial()
				if out == nil {
					return
				}
				defer out.Close()
				conns.Store(in, nil)
				defer conns.Delete(in)
				open.Go(func() {
					io.Copy(out, in)
					out.Close()
				})
				io.Copy(in, out)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(k, _ any) bool { k.(net.Conn).Close(); return true })
		open.Wait()
	})
	return b
}

// dial connects to the next node that is there; nil if none is.
func (b *balancer) dial() net.Conn {
	for range b.nodes {
		node := b.nodes[int(b.next.Add(1))%len(b.nodes)]
		if c, err := net.DialTimeout("tcp", node, time.Second); err == nil {
			return c
		}
	}
	return nil
}

// member is a fanout node that is killed and started again.
type member struct {
	*process
	env        []string
	addr, data string
}

func (m *member) start(t *testing.T) {
	m.process = start(t, m.env, "serve", "--roles", "fanout", "--data", m.data, "--http", m.addr)
	m.ready(m.addr)
}

func (m *member) kill() {
	m.cmd.Process.Kill()
	<-m.done
}

// dot is an event as these tests number it.
type dot struct {
	Type    string
	Vehicle string
	Seq     string
	Attrs   struct {
		N int `json:"odometer_m"`
	}
	Events []dot
	Error  string
}

// tally checks that each event of each vehicle comes once and in order.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
	err  error
}

func (c *tally) take(d dot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if want := c.seen[d.Vehicle] + 1; d.Attrs.N != want && c.err == nil {
		c.err = fmt.Errorf("%s: got %d, want %d", d.Vehicle, d.Attrs.N, want)
	}
	c.seen[d.Vehicle] = d.Attrs.N
}

func (c *tally) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// reached says whether all vehicles have come as far, or something went wrong.
func (c *tally) reached(n int, vehicles []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range vehicles {
		if c.seen[v] < n {
			return c.err != nil
		}
	}
	return true
}

// scale is some fanout nodes behind a balancer, an ingest node, and their clients.
type scale struct {
	t        *testing.T
	balancer *balancer
	members  []*member
	ingest   string
	token    string
	vehicles []string
	n        int // number of the last event published of each vehicle
	stop     chan struct{}
	clients  sync.WaitGroup
}

func scaleOut(t *testing.T, redis string, nodes int, more ...string) *scale {
	t.Helper()
	dir := t.TempDir()
	env := []string{"REDIS_URL=" + redis, "JWT_SECRET=" + testSecret, "TRACKGATE_FANOUT_CONNECTIONS_PER_USER=1000", "TRACKGATE_GATEWAY_REPLAY=" + freePort(t)}
	env = append(env, more...)
	s := &scale{t: t, ingest: freePort(t), stop: make(chan struct{})}
	for i := range 6 {
		s.vehicles = append(s.vehicles, fmt.Sprint("v", i))
	}
	ingest := start(t, env, "serve", "--roles", "ingest", "--data", filepath.Join(dir, "ingest"), "--http", s.ingest, "--any", freePort(t))
	var addresses []string
	for i := range nodes {
		m := &member{env: env, addr: freePort(t), data: filepath.Join(dir, "fanout"+strconv.Itoa(i))}
		m.start(t)
		s.members = append(s.members, m)
		addresses = append(addresses, m.addr)
	}
	ingest.ready(s.ingest)
	s.balancer = balance(t, addresses...)
	out, err := run(t, env, "token", "--vehicles", "*", "--scope", "read,ingest")
	if err != nil {
		t.Fatal(out, err)
	}
	s.token = strings.TrimSpace(out)
	t.Cleanup(func() {
		close(s.stop)
		s.clients.Wait()
	})
	return s
}

// publish reports the next event of every vehicle, an alarm now and then.
func (s *scale) publish() {
	s.t.Helper()
	s.n++
	var updates []string
	for _, v := range s.vehicles {
		what := fmt.Sprintf(`"lat":50,"lng":%f`, 10+float64(s.n)/1e4)
		if s.n%5 == 0 {
			what = `"kind":"alarm","alarm":"sos"`
		}
		updates = append(updates, fmt.Sprintf(`{"vehicleId":%q,%s,"time":%d,"attrs":{"odometer_m":%d}}`, v, what, time.Now().UnixMilli(), s.n))
	}
	req, _ := http.NewRequest("POST", "http://"+s.ingest+"/api/tracking/batch", strings.NewReader(`{"updates":[`+strings.Join(updates, ",")+`]}`))
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw, _ := io.ReadAll(resp.Body); resp.StatusCode != 202 || bytes.Contains(raw, []byte("index")) {
		s.t.Fatalf("%d %s", resp.StatusCode, raw)
	}
}

// follow is a WebSocket client that connects again wherever it is let, and says what it saw last.
func (s *scale) follow(c *tally) {
	last := make(map[string]string)
	s.clients.Go(func() {
		for life := 0; ; life++ {
			conn := s.dial("/ws", http.Header{"Authorization": {"Bearer " + s.token}})
			if conn == nil {
				return
			}
			request := map[string]any{"max_hz": 0, "track": s.vehicles}
			if life > 0 {
				request = map[string]any{"max_hz": 0, "resume": last}
			}
			conn.WriteJSON(request)
			for {
				_, raw, err := conn.ReadMessage()
				if err != nil {
					break
				}
				if raw[0] != '[' {
					raw = append(append([]byte("["), raw...), ']')
				}
				var dots []dot
				if err := json.Unmarshal(raw, &dots); err != nil {
					c.fail(err)
				}
				for _, d := range dots {
					switch d.Type {
					case "location:update", "event":
						c.take(d)
						last[d.Vehicle] = d.Seq
					case "snapshot":
						if life == 0 {
							for _, v := range s.vehicles {
								last[v] = ""
							}
						}
					default:
						c.fail(fmt.Errorf("life %d: %+v", life, d))
					}
				}
			}
			conn.Close()
		}
	})
}

// dial connects through the balancer, as often as it takes; nil when the test is over. The end of the test closes the connection.
func (s *scale) dial(path string, h http.Header) *websocket.Conn {
	for {
		conn, _, err := (&websocket.Dialer{HandshakeTimeout: 5 * time.Second}).Dial("ws://"+s.balancer.addr+path, h)
		if err == nil {
			s.clients.Go(func() {
				<-s.stop
				conn.Close()
			})
		}
		select {
		case <-s.stop:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
		if err == nil {
			return conn
		}
	}
}

// followSocketIO is a Socket.IO client, which tracks once and never again.
func (s *scale) followSocketIO(c *tally, recovered *atomic.Int32) {
	s.clients.Go(func() {
		pid := ""
		for life := 0; ; life++ {
			conn := s.dial("/socket.io/?EIO=4&transport=websocket", nil)
			if conn == nil {
				return
			}
			hello, _ := json.Marshal(map[string]string{"token": s.token, "pid": pid})
			conn.WriteMessage(websocket.TextMessage, append([]byte("40"), hello...))
			for {
				_, raw, err := conn.ReadMessage()
				if err != nil {
					break
				}
				packet := string(raw)
				switch {
				case packet == "2":
					conn.WriteMessage(websocket.TextMessage, []byte("3"))
				case strings.HasPrefix(packet, "40"):
					var answer struct{ PID string }
					json.Unmarshal(raw[2:], &answer)
					if life == 0 {
						vehicles, _ := json.Marshal([]any{"track:vehicle", s.vehicles})
						conn.WriteMessage(websocket.TextMessage, append([]byte("42"), vehicles...))
					} else if answer.PID == pid {
						recovered.Add(1)
					}
					pid = answer.PID
				case strings.HasPrefix(packet, "42"):
					var call []json.RawMessage
					var name string
					var d dot
					if json.Unmarshal(raw[2:], &call) != nil || len(call) != 2 {
						c.fail(errors.New(packet))
						continue
					}
					json.Unmarshal(call[0], &name)
					json.Unmarshal(call[1], &d)
					if name == "location:update" || name == "event" {
						c.mu.Lock()
						c.seen[d.Vehicle] = max(c.seen[d.Vehicle], d.Attrs.N)
						c.mu.Unlock()
					}
				}
			}
			conn.Close()
		}
	})
}

// followJavaScript is the client of clients/js.
func (s *scale) followJavaScript(c *tally) {
	node, err := exec.LookPath("node")
	script := "../../clients/js/test/drive.mjs"
	if _, missing := os.Stat("../../clients/js/node_modules"); err != nil || missing != nil {
		if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
			s.t.Fatal("node, or the packages of clients/js, are not installed")
		}
		c.fail(errors.New("no node"))
		return
	}
	cmd := exec.Command(node, script)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	say := func(command ...any) {
		line, _ := json.Marshal(command)
		fmt.Fprintf(in, "%s\n", line)
	}
	say("connect", "http://"+s.balancer.addr, s.token)
	for _, v := range s.vehicles {
		say("track", v)
	}
	s.clients.Go(func() {
		<-s.stop
		in.Close()
	})
	s.clients.Go(func() {
		defer cmd.Wait()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var said []json.RawMessage
			var name string
			var d dot
			if json.Unmarshal(lines.Bytes(), &said) != nil || len(said) == 0 {
				continue
			}
			json.Unmarshal(said[0], &name)
			switch name {
			case "location", "event":
				json.Unmarshal(said[1], &d)
				c.take(d)
			case "resync", "error":
				c.fail(errors.New(lines.Text()))
			}
		}
	})
}

// clientsOf is how many clients a node says that it has.
func clientsOf(m *member) int {
	resp, err := http.Get("http://" + m.addr + "/health/realtime")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var health struct{ Connections int }
	json.NewDecoder(resp.Body).Decode(&health)
	return health.Connections
}

// TestScaleOut kills fanout nodes behind a plain balancer, one after the other and under load. Every WebSocket client sees every event once
// and in order, on whichever node it is; every Socket.IO client has its tracks again and ends on the newest position. SCALEOUT_ROUNDS
// makes it longer.
func TestScaleOut(t *testing.T) {
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("SCALEOUT_ROUNDS")); err == nil {
		rounds = n
	}
	testScaleOut(t, scaleOut(t, redistest.Start(t), 3), rounds)
}

// TestScaleOutOverCluster does so on a Redis Cluster.
func TestScaleOutOverCluster(t *testing.T) {
	testScaleOut(t, scaleOut(t, redistest.NewCluster(t, 3).URL, 2), 1)
}

func testScaleOut(t *testing.T, s *scale, rounds int) {
	const sockets, socketIOs = 12, 4
	tallies := make([]*tally, sockets+1)
	for i := range tallies {
		tallies[i] = &tally{seen: make(map[string]int)}
	}
	for _, c := range tallies[:sockets] {
		s.follow(c)
	}
	s.followJavaScript(tallies[sockets])
	loose := make([]*tally, socketIOs)
	var recovered atomic.Int32
	for i := range loose {
		loose[i] = &tally{seen: make(map[string]int)}
		s.followSocketIO(loose[i], &recovered)
	}
	total := func() (n int) {
		for _, m := range s.members {
			n += clientsOf(m)
		}
		return n
	}
	until(t, "all clients are connected", func() bool { return total() == len(tallies)+socketIOs })
	s.publish()
	until(t, "all clients follow", func() bool {
		for _, c := range append(tallies[:len(tallies):len(tallies)], loose...) {
			if !c.reached(1, s.vehicles) {
				return false
			}
		}
		return true
	})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	load := func(what string, events int, ok func() bool) {
		t.Helper()
		deadline := time.Now().Add(60 * time.Second)
		for from := s.n; s.n < from+events || !ok(); {
			if time.Now().After(deadline) {
				t.Fatalf("never: %s", what)
			}
			<-tick.C
			s.publish()
		}
	}
	killed := 0
	for round := range rounds {
		m := s.members[round%len(s.members)]
		load("events flow", 5, func() bool { return true })
		killed += clientsOf(m)
		m.kill()
		load("the clients are elsewhere", 5, func() bool { return total() == len(tallies)+socketIOs })
		m.start(t) // nothing is published meanwhile, for the test's own sake: a window reaches so far and no further
	}
	load("events flow", 5, func() bool { return true })
	if s.n%5 == 0 {
		s.publish() // the last is a position
	}
	if killed == 0 {
		t.Error("the nodes killed had no clients")
	}
	until(t, "everybody has the newest", func() bool {
		for _, c := range append(tallies[:len(tallies):len(tallies)], loose...) {
			if !c.reached(s.n, s.vehicles) {
				return false
			}
		}
		return true
	})
	for i, c := range tallies {
		if c.err != nil {
			t.Errorf("client %d: %v", i, c.err)
		}
	}
	for i, c := range loose {
		if c.err != nil {
			t.Errorf("Socket.IO client %d: %v", i, c.err)
		}
	}
	t.Logf("%d events of each of %d vehicles; %d connections killed, %d Socket.IO sessions recovered", s.n, len(s.vehicles), killed, recovered.Load())
	if recovered.Load() == 0 {
		t.Error("no Socket.IO session was recovered")
	}
}
