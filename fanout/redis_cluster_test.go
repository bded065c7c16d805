package fanout

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/protocols"
)

func TestSlotOf(t *testing.T) {
	c := redistest.NewCluster(t, 1)
	o, err := redis.ParseURL(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	for _, key := range []string{"", "tracking:vehicle:123", "tracking:events:Ü-{1}", "a{b}c", "{}a", "a{}b{c}", "{a", "a}b{c}{d}"} {
		if want := client.ClusterKeySlot(context.Background(), key).Val(); int64(slotOf(key)) != want {
			t.Errorf("%q: %d, want %d", key, slotOf(key), want)
		}
	}
}

func clusterNode(t testing.TB, c *redistest.Cluster) *node {
	t.Helper()
	return redisNode(t, c.URL, nodeOptions{})
}

func TestCluster(t *testing.T) {
	c := redistest.NewCluster(t, 3)
	a, b := clusterNode(t, c), clusterNode(t, c)
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	// Vehicles enough for every node, and both channels of each.
	const vehicles = 30
	named, fleet := b.dial(who), b.dial(who)
	fleet.send(`{"track":["*"],"max_hz":0}`)
	fleet.expect("snapshot")
	for i := range vehicles {
		a.publish(fix(fmt.Sprint("v", i), 1))
	}
	for range vehicles {
		fleet.expect("location:update")
	}
	for i := range vehicles {
		named.send(fmt.Sprintf(`{"track":["v%d"],"max_hz":0}`, i))
		if s := named.expect("snapshot"); len(s.Events) != 1 || s.Events[0].Speed != 1 {
			t.Fatalf("snapshot %+v", s)
		}
	}
	for i := range vehicles {
		v := fmt.Sprint("v", i)
		a.publish(fix(v, 2), alarm(v, 3), fix(v, 4))
	}
	for _, v := range []*viewer{named, fleet} { // each event once and in order, though b has it by several channels
		got := make(map[string]int)
		for range 3 * vehicles {
			m := v.next()
			got[m.Vehicle] = got[m.Vehicle]*10 + int(counterOf(m))
		}
		for vehicle, order := range got {
			if order != 234 {
				t.Errorf("%s: %d", vehicle, order)
			}
		}
		v.send(`{"ping":1}`)
		v.expect("pong")
	}
	whole := c.Nodes[1].URL + "?read_timeout=1s"
	one, err := OpenRedisCluster(whole, new(Counters), nil) // one of the nodes is enough to find the others
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	all, err := one.LastKnown(context.Background(), nil)
	if err != nil || len(all) != vehicles {
		t.Errorf("%d last known, want %d; %v", len(all), vehicles, err)
	}

	// A third party publishes as it would on a single server, and subscribes by SSUBSCRIBE.
	third := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.Nodes[2].URL[len("redis://"):]}})
	defer third.Close()
	ctx := context.Background()
	sub := third.SSubscribe(ctx, "tracking:vehicle:v0")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	third.Publish(ctx, "tracking:vehicle:v0", fmt.Sprintf(`{"lat":1,"lng":2,"speed":99,"time":%d}`, baseTime+100))
	for _, v := range []*viewer{named, fleet} {
		if m := v.expect("location:update"); m.Speed != 99 || m.Vehicle != "v0" {
			t.Errorf("got %+v", m)
		}
	}
	a.publish(fix("v0", 200))
	if m, err := sub.Receive(ctx); err != nil || m.(*redis.Message).Channel != "tracking:vehicle:v0" {
		t.Errorf("%v, %v", m, err)
	}
	b.publish(fix("v1", 5)) // left again
	named.send(`{"untrack":["v1"]}`)
	fleet.send(`{"untrack":["*"]}`)
	testResume(t, a, b)
}

func TestClusterRaces(t *testing.T) {
	c := redistest.NewCluster(t, 3)
	a, b := clusterNode(t, c), clusterNode(t, c)
	testSnapshotRace(t, a, b)
	testResumeRace(t, a, b, clusterNode(t, c))
}

func TestClusterNodeRestart(t *testing.T) {
	c := redistest.NewCluster(t, 3)
	a, b := clusterNode(t, c), clusterNode(t, c)
	who := token(t, "u", auth.Scopes(auth.Read), "*")
	named, fleet := b.dial(who), b.dial(who)
	const vehicles = 12
	request := ""
	for i := range vehicles {
		request += fmt.Sprintf(`,"v%d"`, i)
	}
	named.send(`{"track":[` + request[1:] + `],"max_hz":0}`)
	fleet.send(`{"track":["*"],"max_hz":0}`)
	named.expect("snapshot")
	fleet.expect("snapshot")
	for round := range 2 {
		c.Nodes[round].Down()
		until(t, "the loss is noticed", func() bool { return !b.bus.Connected() })
		c.Nodes[round].Up()
		c.Whole()
		until(t, "the cluster is whole again", func() bool { return a.bus.Connected() && b.bus.Connected() })
		last := 100 * (round + 1)
		for i := range vehicles {
			e := fix(fmt.Sprint("v", i), last)
			until(t, "publishing works again", func() bool {
				return a.publisher.Write(context.Background(), protocols.Batch{Events: []protocols.Event{e}}) == nil
			})
		}
		for _, v := range []*viewer{named, fleet} {
			for left := vehicles; left > 0; {
				if m := v.next(); m.Type == "location:update" && int(m.Speed) == last {
					left--
				}
			}
		}
	}
	if b.bus.(*Redis).counters.Gaps.Load() < 2 {
		t.Error("the gaps were not counted")
	}
}

// A slot that moves to another node takes its subscriptions along.
func TestClusterSlotMoves(t *testing.T) {
	c := redistest.NewCluster(t, 3)
	a, b := clusterNode(t, c), clusterNode(t, c)
	v := b.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["x"],"max_hz":0}`)
	v.expect("snapshot")
	a.publish(fix("x", 1))
	v.expect("location:update")
	ctx := context.Background()
	clients := make([]*redis.Client, len(c.Nodes))
	var ids []string
	for i, n := range c.Nodes {
		o, _ := redis.ParseURL(n.URL)
		clients[i] = redis.NewClient(o)
		defer clients[i].Close()
		ids = append(ids, clients[i].ClusterMyID(ctx).Val())
	}
	slot := slotOf("tracking:vehicle:x")
	from := min(slot*3/16384, 2)
	to := (from + 1) % 3
	for _, i := range []int{to, from, 3 - from - to} { // no key is in it: only the channel is
		if err := clients[i].Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", ids[to]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	last := 2
	publish := func() bool { // as a sink does: what a node refuses because the slot has moved comes again
		return a.publisher.Write(ctx, protocols.Batch{Events: []protocols.Event{fix("x", last)}}) == nil
	}
	until(t, "the vehicle is followed at its new place", func() bool {
		last++
		if !publish() {
			return false
		}
		n, err := clients[to].PubSubShardNumSub(ctx, "tracking:vehicle:x").Result()
		return err == nil && n["tracking:vehicle:x"] == 1
	})
	last++
	until(t, "publishing works again", publish)
	for m := v.next(); int(m.Speed) != last; m = v.next() {
	}
}
