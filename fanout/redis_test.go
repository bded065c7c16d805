package fanout

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/protocols"
)

func openRedis(t testing.TB, url string) *Redis {
	t.Helper()
	r, err := OpenRedis(url, new(Counters), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.timing.backoffMax = 100 * time.Millisecond
	t.Cleanup(func() { r.Close() })
	return r
}

// until waits for a condition that another process brings about.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func redisNode(t testing.TB, url string, o nodeOptions) *node {
	t.Helper()
	bus := openRedis(t, url)
	o.bus = bus
	n := startNode(t, o)
	until(t, "Redis is connected", bus.Connected)
	return n
}

func TestTwoNodes(t *testing.T) {
	url := redistest.Start(t)
	a, b := redisNode(t, url, nodeOptions{}), redisNode(t, url, nodeOptions{})
	a.publish(fix("x", 1))
	v := b.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["x"]}`)
	if s := v.expect("snapshot"); len(s.Events) != 1 || s.Events[0].Speed != 1 {
		t.Fatalf("snapshot %+v", s)
	}
	fleet := b.dial(token(t, "w", auth.Scopes(auth.Read), "*"))
	fleet.send(`{"track":["*"]}`)
	if s := fleet.expect("snapshot"); len(s.Events) != 1 {
		t.Fatalf("snapshot %+v", s)
	}
	// With the pattern and the channel subscribed, each event still arrives once.
	a.publish(fix("x", 2), alarm("x", 3), fix("x", 4))
	for _, v := range []*viewer{v, fleet} {
		for _, want := range []string{"location:update", "event", "location:update"} {
			v.expect(want)
		}
		v.send(`{"ping":1}`)
		v.expect("pong")
	}
	// So does one without a seq to know a repetition by.
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	for i := range 2 {
		if err := c.Publish(context.Background(), "tracking:events:x", fmt.Sprintf(`{"kind":"status","speed":%d}`, i)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []*viewer{v, fleet} {
		for i := range 2 {
			if m := v.expect("event"); m.Speed != float64(i) {
				t.Errorf("got %+v", m)
			}
		}
	}
}

func TestThirdPartyPublish(t *testing.T) {
	url := redistest.Start(t)
	n := redisNode(t, url, nodeOptions{})
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	ctx := context.Background()
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "123", "9"))
	v.send(`{"track":["123"]}`)
	v.expect("snapshot")
	for i, payload := range []string{
		`{"lat":52.1,"lng":13.2,"speed":40,"time":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`,
		fmt.Sprintf(`{"lat":52.1,"lng":13.2,"speed":41,"time":%d}`, time.Now().UnixMilli()+1000),
		`{"lat":52.1,"lng":13.2,"speed":42,"vehicle":"9","type":"snapshot","time":` + fmt.Sprint(time.Now().UnixMilli()+2000) + `}`,
	} {
		if err := c.Publish(ctx, "tracking:vehicle:123", payload).Err(); err != nil {
			t.Fatal(err)
		}
		if m := v.expect("location:update"); m.Vehicle != "123" || m.Speed != float64(40+i) {
			t.Errorf("%s: got %+v", payload, m)
		}
	}
	for _, bad := range []string{``, `{`, `[1]`, `nonsense`, `{"time":"yesterday","lat":1,"lng":2}`} {
		c.Publish(ctx, "tracking:vehicle:123", bad)
	}
	// The future is no position.
	c.Publish(ctx, "tracking:vehicle:123", `{"lat":1,"lng":2,"time":"2099-01-01T00:00:00Z"}`)
	v.expect("event")
	if got := n.bus.(*Redis).counters.ReceivedBad.Load(); got != 5 {
		t.Errorf("%d bad messages, want 5", got)
	}
}

func TestLastKnownInRedis(t *testing.T) {
	url := redistest.Start(t)
	r := openRedis(t, url)
	o, _ := redis.ParseURL(url)
	c := redis.NewClient(o)
	defer c.Close()
	ctx := context.Background()
	stored := func() (speed float64, ttl time.Duration) {
		t.Helper()
		raw, err := c.Get(ctx, "location:current:vehicle:x").Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		return m.Speed, c.PTTL(ctx, "location:current:vehicle:x").Val()
	}
	put := func(n int, age time.Duration) {
		t.Helper()
		e := fix("x", n)
		e.Time = protocols.At(time.Now().Add(-age))
		if err := r.Publish(ctx, []*Message{NewMessage(&e)}); err != nil {
			t.Fatal(err)
		}
	}
	put(1, 60*time.Second)
	if speed, ttl := stored(); speed != 1 || ttl > 240*time.Second || ttl < 235*time.Second {
		t.Errorf("speed %v, ttl %v; want 1, about 240 s", speed, ttl)
	}
	put(2, 90*time.Second) // an older device time
	if speed, _ := stored(); speed != 1 {
		t.Errorf("an older position was stored: %v", speed)
	}
	put(3, 0)
	if speed, ttl := stored(); speed != 3 || ttl < 295*time.Second || ttl > 300*time.Second {
		t.Errorf("speed %v, ttl %v; want 3, about 300 s", speed, ttl)
	}
	c.ScriptFlush(ctx)
	put(4, -time.Second)
	if speed, _ := stored(); speed != 4 {
		t.Errorf("after the scripts were lost: %v, want 4", speed)
	}
	c.Set(ctx, "location:current:vehicle:x", `{"lat":1,"lng":2,"time":17}`, 0) // somebody else's form
	put(5, 0)
	if speed, _ := stored(); speed != 5 {
		t.Errorf("over a foreign value: %v, want 5", speed)
	}
}

func TestRedisRestart(t *testing.T) {
	server := redistest.New(t)
	n := redisNode(t, server.URL, nodeOptions{})
	r := n.bus.(*Redis)
	n.store.add(fix("x", 1))
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["x","y"],"max_hz":0}`)
	v.expect("snapshot")
	n.publish(fix("x", 2))
	v.expect("location:update")

	server.Down()
	until(t, "the loss is noticed", func() bool { return !r.Connected() })
	if err := n.publisher.Write(context.Background(), protocols.Batch{Events: []protocols.Event{fix("x", 3)}}); err == nil {
		t.Error("publishing without Redis succeeded")
	}
	if got := n.lastKnown(context.Background(), []string{"x"})["x"]; got == nil || got.Seq != NewMessage(ptr(fix("x", 3))).Seq {
		t.Errorf("without Redis the node forgot what it knew: %+v", got)
	}
	w := n.dial(token(t, "u", auth.Scopes(auth.Read), "*")) // a client that comes now gets what there is
	w.send(`{"track":["x","z"]}`)
	if s := w.expect("snapshot"); len(s.Events) != 1 || s.Events[0].Speed != 3 {
		t.Errorf("snapshot %+v", s)
	}

	server.Up()
	// Somebody stores while this node is not subscribed yet, or is: either way its clients end on the newest.
	other := openRedis(t, server.URL)
	until(t, "another node can publish", func() bool {
		return other.Publish(context.Background(), []*Message{NewMessage(ptr(fix("x", 9))), NewMessage(ptr(fix("z", 8)))}) == nil
	})
	newest := map[string]float64{}
	for newest["x"] != 9 {
		if m := v.next(); m.Vehicle != "" {
			newest[m.Vehicle] = m.Speed
		}
	}
	for newest["z"] != 8 {
		if m := w.next(); m.Vehicle != "" {
			newest[m.Vehicle] = m.Speed
		}
	}
	until(t, "Redis is connected again", r.Connected)
	if r.counters.Gaps.Load() == 0 {
		t.Error("no gap was counted")
	}
	n.publish(fix("x", 10))
	for v.next().Speed != 10 {
	}
}

func ptr[T any](v T) *T { return &v }
