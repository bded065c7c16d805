package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The chaos suite. Each test puts simulated devices on gateways of their own processes, causes a fault, ends it, and says how long recovery took. Then it
// judges, by what the devices were acknowledged:
//
//   - every acknowledged record is stored once, as it was sent (trackgate verify)
//   - the rows of a device were taken in the order in which it made its records
//   - the gateway needs no more memory than before
//
// `make test` runs the short form, `make chaos` the long one: TRACKGATE_TEST_CHAOS is how many times as long or as often. What happens at random
// follows TRACKGATE_TEST_SEED, which each test prints. What TRACKGATE_TEST_REPORT names is a file to which each line of the report is added.

// rounds is the length of the suite.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("TRACKGATE_TEST_CHAOS")); err == nil && n > 0 {
		return n
	}
	return 1
}

// siege is gateways under load.
type siege struct {
	t      *testing.T
	fault  string
	where  string   // the store
	env    []string // of the gateways, and of verify
	host   string   // address of the gateways: no port of theirs is taken meanwhile by a connection that goes out
	random *rand.Rand
	acked  string
	dialed string // what devices dial; empty: the nodes
	nodes  []*besieged
	fleet  *process
}

// besieged is a gateway that can be ended and started again on the same folder and ports.
type besieged struct {
	*alone
	siege *siege
	env   []string // beside that of the siege
	most  int64    // bytes of memory, as seen while something was waited for
	usual *memory  // since the first load
}

var hosts atomic.Int32

// besiege prepares a siege; env says where the store is, none is SQLite.
func besiege(t *testing.T, fault, where string, env ...string) *siege {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("TRACKGATE_TEST_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("TRACKGATE_TEST_SEED=%d", seed)
	return &siege{t: t, fault: fault, where: where, env: env, host: fmt.Sprintf("127.0.0.%d", 2+(os.Getpid()+int(hosts.Add(1)))%250),
		random: rand.New(rand.NewPCG(seed, 0)), acked: filepath.Join(t.TempDir(), "acked.csv")}
}

// plainPostgres is the environment of a gateway that stores in a server without TimescaleDB.
func plainPostgres(url string) []string {
	return []string{"DATABASE_URL=" + url, "TRACKGATE_STORE_TIMESCALE=off"}
}

// port is a free one of the siege's address.
func (s *siege) port() string {
	s.t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", s.host+":0")
		if err != nil {
			s.t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		if u, err := net.ListenPacket("udp", addr); err == nil {
			u.Close()
			return addr
		}
	}
	s.t.Fatal("no free port")
	return ""
}

// node starts a gateway with a folder of its own.
func (s *siege) node(env ...string) *besieged {
	s.t.Helper()
	return s.nodeIn(s.t.TempDir(), env...)
}

func (s *siege) nodeIn(data string, env ...string) *besieged {
	s.t.Helper()
	b := &besieged{siege: s, env: env, alone: &alone{data: data, any: s.port(), replay: s.port(), web: s.port()}}
	s.nodes = append(s.nodes, b)
	b.begin()
	return b
}

// begin starts the gateway, again where it ran before, and waits until it is ready.
func (b *besieged) begin() {
	s := b.siege
	s.t.Helper()
	env := append(append([]string{"TRACKGATE_GATEWAY_REPLAY=" + b.replay}, s.env...), b.env...)
	b.process = start(s.t, env, "serve", "--data", b.data, "--http", b.web, "--any", b.any)
	b.green()
}

// kill ends it without a word.
func (b *besieged) kill() {
	b.siege.t.Helper()
	b.cmd.Process.Kill()
	<-b.done
}

// load puts devices on all gateways that run; args change what they do.
func (s *siege) load(args ...string) {
	s.t.Helper()
	var to []string
	for _, b := range s.nodes {
		to = append(to, b.any)
	}
	if s.dialed != "" {
		to = []string{s.dialed}
	}
	s.fleet = start(s.t, nil, append([]string{"simulate", "--to", strings.Join(to, ","), "--devices", "60", "--interval", "200ms", "--jitter", "50ms", "--backlog", "20",
		"--duration", "0", "--grace", "3m", "--acked", s.acked, "--patience", "5s", "--backoff", "100ms", "--seed", strconv.Itoa(s.random.IntN(1 << 30))}, args...)...)
	before := s.acks()
	s.until("devices are answered", func() bool { return s.acks() > before+2000 })
	for _, b := range s.nodes {
		if b.usual == nil {
			b.usual = b.weigh()
		}
	}
}

// acks is the size of the file of acknowledged records.
func (s *siege) acks() int64 {
	st, err := os.Stat(s.acked)
	if err != nil {
		return 0
	}
	return st.Size()
}

// count is how many records are acknowledged.
func (s *siege) count() int {
	raw, err := os.ReadFile(s.acked)
	if err != nil {
		return 0
	}
	return bytes.Count(raw, []byte("\n")) - 1
}

// until is until with all the time that a loaded machine needs; the fleet must go on meanwhile.
func (s *siege) until(what string, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Minute)
	var ended chan error
	if s.fleet != nil {
		ended = s.fleet.done
	}
	for !ok() {
		for _, b := range s.nodes {
			b.most = max(b.most, b.memory())
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("never: %s", what)
		case err := <-ended:
			s.t.Fatalf("the fleet ended: %v\n%s", err, s.fleet.said())
		}
	}
}

// rest lets the load go on for a while.
func (s *siege) rest(d time.Duration) {
	s.t.Helper()
	over := time.Now().Add(d)
	s.until("rested", func() bool { return time.Now().After(over) })
}

// more waits for further acknowledgements.
func (s *siege) more(what string) {
	s.t.Helper()
	before := s.acks()
	s.until(what, func() bool { return s.acks() > before+1000 })
}

// recovery is how long things took after the end of a fault.
type recovery struct {
	siege           *siege
	node            *besieged
	ended           time.Time
	answers, stored time.Duration
}

// over begins to measure: the fault has just ended.
func (s *siege) over(b *besieged) *recovery {
	return &recovery{siege: s, node: b, ended: time.Now()}
}

// wait measures the time until devices are answered and until the store has what the journal held when they were.
func (r *recovery) wait() *recovery {
	r.siege.t.Helper()
	r.siege.more("devices are answered again")
	r.answers = time.Since(r.ended)
	return r.caughtUp()
}

// caughtUp measures the time until the store has what the journal holds now.
func (r *recovery) caughtUp() *recovery {
	r.siege.t.Helper()
	want := r.node.metric("trackgate_wal_next")
	r.siege.until("the store has caught up", func() bool {
		m := r.node.metrics()
		return m != nil && m["trackgate_wal_next"]-m[`trackgate_sink_lag_records{sink="store"}`] >= want
	})
	r.stored = time.Since(r.ended)
	return r
}

// slower makes r the slower of both.
func (r *recovery) slower(o *recovery) {
	r.answers, r.stored = max(r.answers, o.answers), max(r.stored, o.stored)
}

// String says it.
func (r *recovery) String() string {
	if r.answers == 0 {
		return fmt.Sprintf("answers never stopped, store caught up after %v", round(r.stored))
	}
	return fmt.Sprintf("answers again after %v, store caught up after %v", round(r.answers), round(r.stored))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// say prints a line of the suite's report.
func (s *siege) say(format string, args ...any) {
	s.t.Helper()
	line := fmt.Sprintf("%s | %s | %s", s.fault, s.where, fmt.Sprintf(format, args...))
	s.t.Logf("chaos: %s", line)
	name := os.Getenv("TRACKGATE_TEST_REPORT")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

// metrics are the gateway's, by name and labels as they are written; nil while it does not answer.
func (b *besieged) metrics() map[string]float64 {
	resp, err := http.Get("http://" + b.web + "/metrics")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	m := make(map[string]float64)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if v, err := strconv.ParseFloat(line[i+1:], 64); i > 0 && err == nil {
			m[line[:i]] = v
		}
	}
	return m
}

// metric waits for an answer and returns the sum of what begins with this name.
func (b *besieged) metric(name string) (sum float64) {
	b.siege.t.Helper()
	b.siege.until(name, func() bool {
		m := b.metrics()
		sum = 0
		for k, v := range m {
			if strings.HasPrefix(k, name) {
				sum += v
			}
		}
		return m != nil
	})
	return sum
}

// readiness is what /readyz says: the status and why.
func (b *besieged) readiness() (int, string) {
	resp, err := http.Get("http://" + b.web + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var text strings.Builder
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		text.WriteString(lines.Text())
	}
	return resp.StatusCode, text.String()
}

// memory is what the process holds now, in bytes.
func (b *besieged) memory() int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(raw), "VmRSS:")
	if f := strings.Fields(after); len(f) > 0 {
		kib, _ := strconv.ParseInt(f[0], 10, 64)
		return kib << 10
	}
	return 0
}

// memory is what a gateway held before a fault, at most, and after.
type memory struct {
	node          *besieged
	before, after int64
}

// weigh begins to compare; it is called under load, before the fault.
func (b *besieged) weigh() *memory {
	b.most = b.memory()
	return &memory{node: b, before: b.most}
}

// flat checks that the fault left nothing behind. The race detector's own memory, and what the collector has not given back yet, make it generous: what it
// finds is memory that grows with what arrived.
func (m *memory) flat() *memory {
	s := m.node.siege
	s.t.Helper()
	limit := 2*m.before + 128<<20
	s.until("memory is given back", func() bool { m.after = m.node.memory(); return m.after < limit })
	if m.node.most > m.before+512<<20 {
		s.t.Errorf("%d MiB before the fault, %d MiB at most", m.before>>20, m.node.most>>20)
	}
	return m
}

func (m *memory) String() string {
	return fmt.Sprintf("memory %d MiB before, %d at most, %d after", m.before>>20, m.node.most>>20, m.after>>20)
}
