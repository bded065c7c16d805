package fanout

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// sink is a link that takes everything, so that a benchmark measures what comes before the system call.
type sink struct{ socket }

func (s *sink) write(b []byte) bool { io.Discard.Write(b); return true }

// BenchmarkDeliver is the cost of one event for one client, up to the system call: ns/op is per (event, client).
func BenchmarkDeliver(b *testing.B) {
	for _, c := range []struct{ clients, vehicles, batch int }{{1000, 1, 1}, {1000, 10, 10}, {100, 500, 500}} {
		b.Run(fmt.Sprintf("clients=%d/vehicles=%d/events=%d", c.clients, c.vehicles, c.batch), func(b *testing.B) {
			h := newHub(NewLocal(new(Counters)), Limits{Events: 1000, Subscriptions: 1000}, auth.NewPolicy(nil), new(Counters))
			s := h.shards[0]
			claims := &auth.Claims{Subject: "u", Expires: time.Now().Add(time.Hour), Scope: auth.Scopes(auth.Read), Grants: auth.Grants{All: true}}
			names := make([]string, c.vehicles)
			for i := range names {
				names[i] = strconv.Itoa(i)
			}
			for range c.clients {
				k := newClient(h, new(sink), claims, 0)
				k.shard = s
				s.add(k)
				s.track(k, names, 0)
				for _, id := range k.edges {
					s.release(s.edges.at(id), 0)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += c.clients * c.batch {
				b.StopTimer()
				messages := make([]*Message, c.batch)
				for j := range messages {
					e := fix(names[j%len(names)], i+j)
					messages[j] = NewMessage(&e)
				}
				b.StartTimer()
				for _, m := range messages {
					s.deliver(m, h.now())
				}
				for _, k := range s.dirty {
					k.dirty = false
					k.flush()
				}
				s.dirty = s.dirty[:0]
			}
		})
	}
}

// BenchmarkSockets is the cost of one event for one client over loopback, kernel and reading clients included.
func BenchmarkSockets(b *testing.B) {
	for _, batch := range []int{1, 20} {
		b.Run(fmt.Sprintf("clients=200/events=%d", batch), func(b *testing.B) {
			const clients = 200
			n := startNode(b, nodeOptions{})
			who := token(b, "u", auth.Scopes(auth.Read), "*")
			n.gate.limits.PerUser = clients
			var conns []net.Conn
			for range clients {
				v := n.dial(who)
				v.send(`{"track":["*"],"max_hz":0}`)
				v.expect("snapshot")
				conns = append(conns, v.conn.NetConn())
			}
			var wg sync.WaitGroup
			for _, c := range conns {
				wg.Go(func() { io.Copy(io.Discard, c) })
			}
			b.ResetTimer()
			for i := 0; i < b.N; i += clients * batch {
				for j := range batch {
					n.publish(fix(strconv.Itoa(j), i))
				}
				for n.counters.Sent.Load() < uint64(i+clients*batch) {
					runtime.Gosched()
				}
			}
			b.StopTimer()
			for _, c := range conns {
				c.Close()
			}
			wg.Wait()
		})
	}
}

// BenchmarkIdle reports the memory of a connection that follows one vehicle. The clients are bare sockets in this process, so
// it is an upper bound.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		openIdle(b)
	}
}

func openIdle(b *testing.B) {
	const clients = 2000
	n := startNode(b, nodeOptions{})
	n.gate.limits.PerUser = clients
	who := token(b, "u", auth.Scopes(auth.Read), "*")
	before := memoryNow()
	conns := make([]net.Conn, clients)
	request := clientFrame(0x81, `{"track":["1"]}`)
	head := []byte("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " + who + "\r\n\r\n")
	began := time.Now()
	for i := range conns {
		c, err := net.Dial("tcp", n.http.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		conns[i] = c
		c.Write(head)
		answer := ""
		buf := make([]byte, 512)
		for !strings.Contains(answer, "\r\n\r\n") {
			k, err := c.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			answer += string(buf[:k])
		}
		c.Write(request)
	}
	for n.counters.Subscriptions.Load() < clients {
		runtime.Gosched()
	}
	took := time.Since(began)
	heap, stacks, rss := memoryNow().less(before)
	b.ReportMetric(float64(heap)/clients, "heap-B/conn")
	b.ReportMetric(float64(stacks)/clients, "stack-B/conn")
	b.ReportMetric(float64(rss)/clients, "rss-B/conn")
	b.ReportMetric(clients/took.Seconds(), "conns/s")
	for _, c := range conns {
		c.Close()
	}
	n.stop()
}

type memoryUse struct{ heap, stacks, rss int64 }

func (m memoryUse) less(o memoryUse) (heap, stacks, rss int64) {
	return m.heap - o.heap, m.stacks - o.stacks, m.rss - o.rss
}

func memoryNow() memoryUse {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	raw, _ := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(raw) + " 0 0")
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return memoryUse{int64(m.HeapInuse), int64(m.StackInuse), pages * int64(os.Getpagesize())}
}
