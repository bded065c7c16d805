package gateway

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
	tracking "github.com/trackgate/trackgate/protocols/http"
	"github.com/trackgate/trackgate/protocols/osmand"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		serveIdle(kind)
		return
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"), // gnet's pool, for the life of the process
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"))
}

// memory is a sink that remembers, and can be told to fail.
type memory struct {
	mu     sync.Mutex
	events []protocols.Event
	dead   []protocols.DeadLetter
	upTo   uint64
	found  bool
	fail   error
	news   chan struct{}
	seen   func(*protocols.Event) // told of each event as it comes; may be nil
}

func newMemory() *memory { return &memory{news: make(chan struct{}, 1)} }

func (m *memory) Write(_ context.Context, b protocols.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, e := range b.Events {
		e.Attrs = append(protocols.Attrs(nil), e.Attrs...)
		e.Raw = append([]byte(nil), e.Raw...)
		if m.seen != nil {
			m.seen(&e)
		}
		m.events = append(m.events, e)
	}
	for _, d := range b.Dead {
		d.Raw = append([]byte(nil), d.Raw...)
		m.dead = append(m.dead, d)
	}
	m.upTo, m.found = b.UpTo, true
	select {
	case m.news <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) offset(context.Context, string) (uint64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.upTo, m.found, nil
}

func (m *memory) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// wait returns the events once there are n.
func (m *memory) wait(t *testing.T, n int) []protocols.Event {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		m.mu.Lock()
		got := append([]protocols.Event(nil), m.events...)
		m.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-m.news:
		case <-deadline:
			t.Fatalf("got %d events, want %d", len(got), n)
		}
	}
}

// devices is a registry store in memory.
type devices struct {
	mu   sync.Mutex
	list []protocols.Device
	rev  uint64
}

func (d *devices) DevicesChanged(_ context.Context, since uint64, _ int) ([]protocols.Device, uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if since == d.rev {
		return nil, since, nil
	}
	return append([]protocols.Device(nil), d.list...), d.rev, nil
}

func (d *devices) PutDevices(_ context.Context, list []protocols.Device) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, list...)
	d.rev++
	return nil
}

// phone is the protocol of reports, known on the HTTP port alone: the tests of the any-protocol port have HTTP for a stranger.
var phone = func() protocols.Protocol {
	p := osmand.Protocol
	p.Detect = nil
	return p
}()

// rig is a running gateway with what is around it.
type rig struct {
	*Gateway
	t        *testing.T
	cfg      Config
	dir      string
	addr     string
	replay   string
	store    *memory
	live     *memory
	registry *devices
	metrics  *prometheus.Registry
	stop     func() error
}

func testConfig(any, replay string) Config {
	return Config{Any: any, Replay: replay, Ack: "durable", Unknown: "accept", FirstByte: time.Minute, Login: time.Minute, Frame: time.Minute, Idle: time.Hour,
		ConnectionsPerAddress: 1000, AcceptRate: 1_000_000, LoginsPerAddress: 1000, RefusalsPerAddress: 5, FramesPerSecond: 1_000_000, BytesPerSecond: 1 << 30, MemoryMiB: 64, Takeover: "newest", TakeoverSilence: time.Minute, ConnectionsPerDevice: 4, UDPPeers: 1000, Outbound: 1 << 16, Faults: 3, Garbage: 1024, RefusedFile: 1, StoreBatch: 1000, StoreDelay: 5 * time.Millisecond,
		RegistryRefresh: 20 * time.Millisecond, Drain: 8 * time.Second}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a gateway in a folder; change may be nil.
func start(t *testing.T, change func(*Config, *journal.Config)) *rig {
	t.Helper()
	return startIn(t, t.TempDir(), newMemory(), change)
}

func startIn(t *testing.T, dir string, store *memory, change func(*Config, *journal.Config)) *rig {
	t.Helper()
	return startServing(t, []*protocols.Protocol{&wire, &vague, &tracking.Protocol, &phone}, dir, store, change)
}

func startServing(t *testing.T, list []*protocols.Protocol, dir string, store *memory, change func(*Config, *journal.Config)) *rig {
	t.Helper()
	return startPrepared(t, nil, list, dir, store, change)
}

// startWith runs a gateway that prepare has had a hand on.
func startWith(t *testing.T, prepare func(*Gateway), change func(*Config, *journal.Config)) *rig {
	t.Helper()
	return startPrepared(t, prepare, []*protocols.Protocol{&wire, &vague, &tracking.Protocol}, t.TempDir(), newMemory(), change)
}

func startPrepared(t *testing.T, prepare func(*Gateway), list []*protocols.Protocol, dir string, store *memory, change func(*Config, *journal.Config)) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, addr: freePort(t), replay: freePort(t), store: store, live: newMemory(), registry: &devices{}, metrics: prometheus.NewRegistry()}
	r.cfg = testConfig(r.addr, r.replay)
	jc := journal.Config{Dir: filepath.Join(dir, "journal"), SegmentBytes: 4 << 20, MaxBytes: 64 << 20}
	if change != nil {
		change(&r.cfg, &jc)
	}
	if err := r.cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(jc)
	if err != nil {
		t.Fatal(err)
	}
	zl := zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	registry := NewRegistry(r.registry, protocols.Policy(r.cfg.Unknown), zl)
	r.Gateway = New(Options{Config: r.cfg, Data: dir, Protocols: list, Journal: log, Registry: registry, Store: store, Offset: store.offset,
		Live: r.live, Metrics: r.metrics, Log: zl, Authorize: func(req *http.Request, vehicle string) error {
			if strings.HasPrefix(vehicle, "mine") {
				return nil
			}
			return &Denied{http.StatusForbidden}
		}})
	if prepare != nil {
		prepare(r.Gateway)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	r.stop = func() (err error) {
		once.Do(func() {
			cancel()
			err = <-done
			log.Close()
		})
		return err
	}
	t.Cleanup(func() { r.stop() })
	r.until("ready", func() bool { return r.Ready() == nil })
	return r
}

// until waits for a condition that another goroutine brings about.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(15 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("never: %s", what)
		}
	}
}

// counter sums a metric over the label values given, "name{label=value}" style pairs.
func (r *rig) counter(name string, labels ...string) float64 {
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "trackgate_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if matches(m, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func matches(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		ok := false
		for _, l := range m.GetLabel() {
			ok = ok || (l.GetName() == labels[i] && l.GetValue() == labels[i+1])
		}
		if !ok {
			return false
		}
	}
	return true
}

// peer is a device's end of a connection.
type peer struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (r *rig) dial(network, addr string) *peer {
	r.t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{c, r.t, bufio.NewReader(c)}
}

func (p *peer) say(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.Conn, format, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) hear(want string) {
	p.t.Helper()
	got, err := p.r.ReadString('\n')
	if err != nil || got != want+"\n" {
		p.t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

// gone waits until the gateway has closed the connection, without another word.
func (p *peer) gone() {
	p.t.Helper()
	if b, err := p.r.ReadByte(); err == nil {
		p.t.Fatalf("heard %q, want the end", b)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		p.t.Fatal("still connected")
	}
}

func (r *rig) refused() string {
	raw, _ := os.ReadFile(filepath.Join(r.dir, "refused.jsonl"))
	return string(raw)
}

// clockAt is a time in ms after some moment.
func clockAt(ms int) protocols.Millis { return protocols.CaptureTime + protocols.Millis(ms) }
