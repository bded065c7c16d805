package fanout

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
)

func TestSnapshotRaceOverRedis(t *testing.T) {
	url := redistest.Start(t)
	a, b := redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{})
	testSnapshotRace(t, a, b)
}

// frozen is a proxy that can stop to forward what Redis says, with the connections left open, as after some fail-overs.
type frozen struct {
	l     net.Listener
	stuck atomic.Bool
	wg    sync.WaitGroup
}

func freezer(t *testing.T, target string) *frozen {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &frozen{l: l}
	var conns sync.Map
	f.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				in.Close()
				continue
			}
			conns.Store(in, nil)
			conns.Store(out, nil)
			born := f.stuck.Load()
			f.wg.Go(func() { io.Copy(out, in); out.Close() })
			f.wg.Go(func() {
				defer in.Close()
				b := make([]byte, 4096)
				for {
					n, err := out.Read(b)
					if err != nil {
						return
					}
					if f.stuck.Load() && !born {
						continue // connections made later work
					}
					if _, err := in.Write(b[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(k, _ any) bool { k.(net.Conn).Close(); return true })
		f.wg.Wait()
	})
	return f
}

func TestSilentRedis(t *testing.T) {
	server := redistest.New(t)
	f := freezer(t, strings.TrimPrefix(server.URL, "redis://"))
	bus := openRedis(t, "redis://"+f.l.Addr().String()+"?read_timeout=200ms&pool_size=4")
	bus.timing.probe, bus.timing.silence = 50*time.Millisecond, 300*time.Millisecond
	n := startNode(t, nodeOptions{bus: bus})
	until(t, "Redis is connected", bus.Connected)
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["x"]}`)
	v.expect("snapshot")
	f.stuck.Store(true)
	other := openRedis(t, server.URL)
	if err := other.Publish(context.Background(), []*Message{NewMessage(ptr(fix("x", 5)))}); err != nil {
		t.Fatal(err)
	}
	v.expect("resync")
	m := v.next()
	for m.Type == "resync" { // the other connections were dead too, and it takes some to find one that works
		m = v.next()
	}
	if m.Type != "location:update" || m.Speed != 5 {
		t.Errorf("got %+v", m)
	}
	if bus.counters.Gaps.Load() == 0 {
		t.Error("no gap was counted")
	}
}

// TestCloseOfPausedRedis: a stop does not wait for the answers of a server that gives none.
func TestCloseOfPausedRedis(t *testing.T) {
	server := redistest.New(t)
	bus := openRedis(t, server.URL+"?read_timeout=30s")
	bus.timing.probe, bus.timing.silence = 10*time.Millisecond, 100*time.Millisecond
	n := startNode(t, nodeOptions{bus: bus})
	until(t, "Redis is connected", bus.Connected)
	server.Pause()
	defer server.Resume()
	until(t, "the silence is noticed", func() bool { return !bus.Connected() })
	n.cancel()
	<-n.ran
	begun := time.Now()
	bus.Close()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestKilledSubscription(t *testing.T) {
	url := redistest.Start(t)
	n := redisNode(t, url, nodeOptions{})
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	named, fleet := n.dial(who), n.dial(who)
	named.send(`{"track":["v0"],"max_hz":0}`)
	fleet.send(`{"track":["*"],"max_hz":0}`)
	named.expect("snapshot")
	fleet.expect("snapshot")
	n.publish(fix("v0", 1))
	named.expect("location:update")
	fleet.expect("location:update")
	for round := range 5 {
		if err := c.ClientKillByFilter(context.Background(), "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		// Right behind the cut, the last that these vehicles will ever say.
		last := 10 * (round + 1)
		for i := range 20 {
			n.publish(fix(fmt.Sprint("v", i), last))
		}
		for _, v := range []*viewer{named, fleet} {
			want := map[string]bool{"v0": true}
			if v == fleet {
				for i := range 20 {
					want[fmt.Sprint("v", i)] = true
				}
			}
			for len(want) > 0 {
				if m := v.next(); int(m.Speed) == last {
					delete(want, m.Vehicle)
				}
			}
		}
	}
}

func TestFollowMany(t *testing.T) {
	url := redistest.Start(t)
	a, b := redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{config: Config{Limits: Limits{Leave: 50 * time.Millisecond}}})
	v := b.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	for call := range 3 {
		var names []string
		for i := range 1000 {
			names = append(names, fmt.Sprintf("%q", fmt.Sprint(call*1000+i)))
		}
		v.send(`{"track":[` + strings.Join(names, ",") + `],"max_hz":0}`)
		v.expect("snapshot")
	}
	a.publish(fix("2999", 1), fix("0", 1), fix("3000", 1))
	for range 2 {
		if m := v.expect("location:update"); m.Vehicle == "3000" {
			t.Error("not tracked")
		}
	}
	v.conn.Close()
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	until(t, "the vehicles are left", func() bool {
		channels, err := c.PubSubChannels(context.Background(), "tracking:vehicle:*").Result()
		return err == nil && len(channels) == 0
	})
}

func TestTicketsInRedis(t *testing.T) {
	r := openRedis(t, redistest.Start(t))
	store := r.Tickets()
	ctx := context.Background()
	if err := store.Put(ctx, "k", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Take(ctx, "k"); err != nil || string(got) != "v" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := store.Take(ctx, "k"); err != auth.ErrTicket {
		t.Errorf("taken twice: %v", err)
	}
}

func TestRedisURL(t *testing.T) {
	for url, want := range map[string]bool{"redis://localhost:6379": true, "rediss://u:p@h:1/0": true, "redis://a:1?addr=b:2&addr=c:3": true, "redis://u:secret@a:1,b:2,c:3?read_timeout=1s": true, "redis://a:1,b:2": true,
		"http://x": false, "redis://u:secret@h:port": false, "": false} {
		r, err := OpenRedis(url, new(Counters), nil)
		if (err == nil) != want {
			t.Errorf("%s: %v", url, err)
		}
		if err == nil {
			r.Close()
			r.Close()
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
}
