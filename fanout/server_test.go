package fanout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSecret = []byte("a secret that only the tests of this package know")

// memory is a Store over a slice.
type memory struct {
	mu     sync.Mutex
	last   map[string]protocols.Event
	events map[string][]protocols.Event
	hours  [][]byte
	err    error
}

func newMemory() *memory {
	return &memory{last: make(map[string]protocols.Event), events: make(map[string][]protocols.Event)}
}

func (m *memory) add(e protocols.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events[e.Vehicle] = append(m.events[e.Vehicle], e)
	if old, ok := m.last[e.Vehicle]; e.Live() && (!ok || e.Time > old.Time) {
		m.last[e.Vehicle] = e
	}
}

func (m *memory) Known(_ context.Context, vehicle string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.events[vehicle]) > 0, m.err
}

func (m *memory) Last(_ context.Context, vehicles []string, visit func(*protocols.Event) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range vehicles {
		if e, ok := m.last[v]; ok {
			if err := visit(&e); err != nil {
				return err
			}
		}
	}
	return m.err
}

func (m *memory) LastAll(ctx context.Context, visit func(*protocols.Event) error) error {
	m.mu.Lock()
	var all []string
	for v := range m.last {
		all = append(all, v)
	}
	m.mu.Unlock()
	slices.Sort(all)
	return m.Last(ctx, all, visit)
}

func (m *memory) History(_ context.Context, q HistoryQuery, visit func(*protocols.Event) error) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return "", m.err
	}
	skip, n := 0, 0
	if q.Cursor != "" {
		if _, err := fmt.Sscanf(q.Cursor, "c%d", &skip); err != nil {
			return "", ErrCursor
		}
	}
	for i := range m.events[q.Vehicle] {
		e := &m.events[q.Vehicle][i]
		if e.Time < q.From || e.Time >= q.To || e.Wild() != q.Quarantined {
			continue
		}
		if skip > 0 {
			skip--
			n++
			continue
		}
		if q.Limit == 0 {
			return fmt.Sprintf("c%d", n), nil
		}
		q.Limit--
		n++
		if err := visit(e); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (m *memory) Hourly(_ context.Context, _ string, _, _ protocols.Millis, visit func([]byte) error) error {
	for _, h := range m.hours {
		if err := visit(h); err != nil {
			return err
		}
	}
	return m.err
}

// node is a server under test, with all that it needs.
type node struct {
	*Server
	t         testing.TB
	store     *memory
	publisher *Publisher
	http      *httptest.Server
	cancel    context.CancelFunc
	ran       chan struct{}
}

type nodeOptions struct {
	config Config
	bus    Bus
	store  *memory
	lookup auth.Lookup
	groups auth.Groups
	ttl    time.Duration
	tls    bool
	stream bool // every connection has a goroutine
}

func startNode(t testing.TB, o nodeOptions) *node {
	t.Helper()
	counters := new(Counters)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := auth.New(ctx, auth.Config{Secret: testSecret, GrantsTTL: o.ttl}, auth.Options{Lookup: o.lookup, Groups: o.groups})
	if err != nil {
		t.Fatal(err)
	}
	if o.bus == nil {
		o.bus = NewLocal(counters)
	}
	if o.store == nil {
		o.store = newMemory()
	}
	s, err := New(o.config, Parts{Bus: o.bus, Store: o.store, Authority: a, Counters: counters,
		Decode:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("decoded")) }),
		Console: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("console")) })})
	if err != nil {
		t.Fatal(err)
	}
	s.streams = o.stream
	n := &node{Server: s, t: t, store: o.store, publisher: NewPublisher(o.bus, counters), cancel: cancel, ran: make(chan struct{})}
	go func() {
		defer close(n.ran)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	<-s.running
	n.http = httptest.NewUnstartedServer(s.Handler())
	if o.tls {
		n.http.StartTLS()
	} else {
		n.http.Start()
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	n.cancel()
	<-n.ran
	n.http.Close()
	n.bus.Close()
}

func token(t testing.TB, sub string, scope auth.Scope, vehicles ...string) string {
	t.Helper()
	g, err := auth.NewGrants(vehicles, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.Sign(testSecret, auth.Claims{Subject: sub, Expires: time.Now().Add(time.Hour), Scope: scope, Grants: g})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	baseTime = protocols.At(time.Now().Truncate(time.Second))
	session1 = baseTime - 1000
)

// fix is the n-th live fix of a vehicle, 100 ms apart so that many fit into the present.
func fix(vehicle string, n int) protocols.Event {
	e := protocols.Event{Vehicle: vehicle, Device: "dev-" + vehicle, Protocol: "test", Session: session1, Counter: uint32(n),
		Time: baseTime + protocols.Millis(n), Received: protocols.At(time.Now())}
	e.SetFix(50+float64(n)/1e5, 10, true)
	e.SetSpeed(float64(n))
	return e
}

func alarm(vehicle string, n int) protocols.Event {
	e := protocols.Event{Vehicle: vehicle, Device: "dev-" + vehicle, Protocol: "test", Kind: protocols.Alarm, Alarm: "sos",
		Session: session1, Counter: uint32(n), Time: baseTime + protocols.Millis(n), Received: protocols.At(time.Now())}
	return e
}

func (n *node) publish(events ...protocols.Event) {
	n.t.Helper()
	if err := n.publisher.Write(context.Background(), protocols.Batch{Events: events}); err != nil {
		n.t.Fatal(err)
	}
}

// settle waits until hardly anything waits for the clients, the stalled ones excepted: tests that count must not outrun them.
func (n *node) settle(except ...*session) {
	for full := true; full; {
		full = false
		for _, s := range n.hub.shards {
			s.do(func() {
				for c := range s.clients {
					if len(c.queue)-c.head > 50 && !slices.ContainsFunc(except, func(e *session) bool { return e.client == c }) {
						full = true
					}
				}
			})
		}
		if full {
			<-time.After(time.Millisecond)
		}
	}
}

// sessionOf is the session of a subject that has one connection.
func (n *node) sessionOf(sub string) *session {
	for _, s := range n.sessions.those(everySession) {
		if s.user == sub {
			return s
		}
	}
	return nil
}

// message is what a client is sent, as far as the tests look at it.
type message struct {
	Type    string
	Seq     string
	Vehicle string
	Time    any
	Speed   float64
	Alarm   string
	Error   string
	Key     string
	Count   int
	More    bool
	Pong    any
	Events  []message
	Lat     *float64
}

// viewer is a WebSocket client.
type viewer struct {
	t    testing.TB
	conn *websocket.Conn
	due  []message
}

func (n *node) dial(token string) *viewer {
	n.t.Helper()
	v, _, err := n.tryDial(http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		n.t.Fatal(err)
	}
	return v
}

func (n *node) tryDial(h http.Header) (*viewer, *http.Response, error) {
	d := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	if n.http.TLS != nil {
		d.TLSClientConfig = n.http.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		d.TLSClientConfig.NextProtos = nil
	}
	c, resp, err := d.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+"/ws", h)
	if err != nil {
		return nil, resp, err
	}
	n.t.Cleanup(func() { c.Close() })
	return &viewer{t: n.t, conn: c}, resp, nil
}

func (v *viewer) send(text string) {
	v.t.Helper()
	if err := v.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		v.t.Fatal(err)
	}
}

// read returns the next message, taking arrays apart.
func (v *viewer) read() (message, error) {
	for len(v.due) == 0 {
		v.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, raw, err := v.conn.ReadMessage()
		if err != nil {
			return message{}, err
		}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &v.due); err != nil {
				return message{}, fmt.Errorf("%w: %s", err, raw)
			}
			continue
		}
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			return message{}, fmt.Errorf("%w: %s", err, raw)
		}
		v.due = append(v.due, m)
	}
	m := v.due[0]
	v.due = v.due[1:]
	return m, nil
}

func (v *viewer) next() message {
	v.t.Helper()
	m, err := v.read()
	if err != nil {
		v.t.Fatal(err)
	}
	return m
}

// expect reads the next message, which must be of that type.
func (v *viewer) expect(kind string) message {
	v.t.Helper()
	m := v.next()
	if m.Type != kind {
		v.t.Fatalf("got %+v, want a %s", m, kind)
	}
	return m
}

// closed reads until the connection ends, and returns the code.
func (v *viewer) closed() int {
	v.t.Helper()
	for {
		if _, err := v.read(); err != nil {
			if c, ok := err.(*websocket.CloseError); ok {
				return c.Code
			}
			v.t.Fatal(err)
		}
	}
}

func TestSnapshotThenLive(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.store.add(fix("a", 1))
	n.publish(fix("b", 5))
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["a","b","c"]}`)
	s := v.expect("snapshot")
	if len(s.Events) != 2 || s.Events[0].Vehicle != "a" || s.Events[1].Vehicle != "b" || s.Events[1].Speed != 5 {
		t.Fatalf("snapshot %+v", s)
	}
	n.publish(fix("a", 2), fix("c", 1), alarm("b", 6))
	got := map[string]string{}
	for range 3 {
		m := v.next()
		got[m.Vehicle] = m.Type + m.Alarm
	}
	if got["a"] != "location:update" || got["c"] != "location:update" || got["b"] != "eventsos" {
		t.Errorf("got %v", got)
	}
	n.publish(fix("b", 4)) // older than what was shown
	v.send(`{"ping":7}`)
	if m := v.expect("pong"); m.Pong != 7.0 {
		t.Errorf("pong %v", m.Pong)
	}
}
