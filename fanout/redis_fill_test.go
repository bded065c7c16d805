package fanout

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
)

// cable is a way to a Redis that can be pulled out.
type cable struct {
	l     net.Listener
	mu    sync.Mutex
	out   bool
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

func lay(t *testing.T, target string) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l, conns: make(map[net.Conn]struct{})}
	c.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil || !c.keep(in, out) {
				in.Close()
				if out != nil {
					out.Close()
				}
				continue
			}
			c.wg.Go(func() { io.Copy(out, in); out.Close() })
			c.wg.Go(func() { io.Copy(in, out); in.Close() })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.pull(true)
		c.wg.Wait()
	})
	return c
}

func (c *cable) keep(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range conns {
		c.conns[k] = struct{}{}
	}
	return !c.out
}

// pull cuts every connection, and refuses others while it is out.
func (c *cable) pull(out bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
	for k := range c.conns {
		k.Close()
	}
	clear(c.conns)
}

// A node that was cut from Redis while others went on publishing fills the gap from the windows: its clients get everything, once and in order.
func TestCutIsFilled(t *testing.T) {
	server := redistest.New(t)
	c := lay(t, strings.TrimPrefix(server.URL, "redis://"))
	bus := openRedis(t, "redis://"+c.l.Addr().String())
	n := startNode(t, nodeOptions{bus: bus})
	until(t, "Redis is connected", bus.Connected)
	other := redisNode(t, server.URL, nodeOptions{})
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	v := n.dial(who)
	v.send(`{"track":["x","y"],"max_hz":0}`)
	v.expect("snapshot")
	other.publish(fix("x", 1), fix("y", 1))
	at := map[string]uint32{"x": 0, "y": 0}
	upTo := func(last uint32) {
		t.Helper()
		for at["x"] < last || at["y"] < last {
			m := v.next()
			if m.Type != "location:update" && m.Type != "event" || counterOf(m) != at[m.Vehicle]+1 {
				t.Fatalf("got %+v behind %v", m, at)
			}
			at[m.Vehicle]++
		}
	}
	publish := func(from, to int) {
		for i := from; i <= to; i++ {
			if i%3 == 0 {
				other.publish(alarm("x", i), alarm("y", i))
			} else {
				other.publish(fix("x", i), fix("y", i))
			}
		}
	}
	upTo(1)
	last := 1
	for range 4 {
		c.pull(true)
		publish(last+1, last+20)
		until(t, "the loss is noticed", func() bool { return !bus.Connected() })
		c.pull(false)
		publish(last+21, last+40) // while it comes back
		last += 40
		upTo(uint32(last))
	}
	if filled, told := bus.counters.GapsFilled.Load(), bus.counters.GapsTold.Load(); filled < 8 || told != 0 {
		t.Errorf("%d gaps filled, %d told; want 8, 0", filled, told)
	}

	// One that is longer than the window is told, and every pair of client and vehicle ends on the newest all the same.
	fleet := n.dial(who)
	fleet.send(`{"track":["*"],"max_hz":0}`)
	fleet.expect("snapshot")
	c.pull(true)
	until(t, "the loss is noticed", func() bool { return !bus.Connected() })
	publish(last+1, last+3*DefaultWindow)
	last += 3*DefaultWindow + 1
	for i := range 10 {
		other.publish(fix(fmt.Sprint("late", i), 7)) // of which the fleet's client knows nothing yet
	}
	other.publish(fix("x", last), fix("y", last))
	c.pull(false)
	for _, k := range []*viewer{v, fleet} {
		want := map[string]int{"x": last, "y": last}
		for i := range 10 {
			if k == fleet {
				want[fmt.Sprint("late", i)] = 7
			}
		}
		for told := false; !told || len(want) > 0; {
			m := k.next()
			if told = told || m.Type == "resync"; m.Type == "location:update" && int(m.Speed) == want[m.Vehicle] {
				delete(want, m.Vehicle)
			}
		}
	}
}

// A subscriber that Redis drops because it does not read fast enough notices it.
func TestSlowSubscriberIsDropped(t *testing.T) {
	url := redistest.Start(t)
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	ctx := context.Background()
	n := redisNode(t, url, nodeOptions{})
	bus := n.bus.(*Redis)
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["x"],"max_hz":0}`)
	v.expect("snapshot")
	n.publish(fix("x", 1))
	v.expect("location:update")
	if err := c.ConfigSet(ctx, "client-output-buffer-limit", "pubsub 64kb 64kb 1").Err(); err != nil {
		t.Fatal(err)
	}
	// The receiving goroutine stands still while more comes than the sockets and Redis hold.
	bus.delivery.Lock()
	filler := strings.Repeat("x", 60<<10)
	until(t, "Redis drops the subscriber", func() bool {
		for range 50 {
			c.Publish(ctx, "tracking:events:x", `{"kind":"status","note":"`+filler+`"}`)
		}
		subscribers, err := c.PubSubNumSub(ctx, "tracking:events:x").Result()
		return err == nil && subscribers["tracking:events:x"] == 0
	})
	n.publish(fix("x", 2), alarm("x", 3), fix("x", 4))
	bus.delivery.Unlock()
	for _, want := range []uint32{2, 3, 4} {
		m := v.next()
		for m.Type == "event" && m.Alarm == "" || m.Type == "skipped" {
			m = v.next()
		}
		if counterOf(m) != want {
			t.Fatalf("got %+v, want %d", m, want)
		}
	}
	if bus.counters.Gaps.Load() == 0 {
		t.Error("no gap was counted")
	}
}
