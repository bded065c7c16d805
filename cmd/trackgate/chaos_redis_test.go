package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/persistence/pgtest"
)

// TestChaosRedis takes Redis away in every way from an ingest and a fanout node. The store has everything meanwhile; a dashboard, connected all the time, shows
// new positions when Redis is back, and in the end the newest of each vehicle.
func TestChaosRedis(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := besiege(t, "Redis", "PostgreSQL", append(plainPostgres(pgtest.Postgres(t)), "REDIS_URL="+server.URL, "JWT_SECRET="+testSecret)...)
	b := s.node("TRACKGATE_ROLES=ingest")
	web := s.port()
	start(t, s.env, "serve", "--roles", "fanout", "--data", t.TempDir(), "--http", web).ready(web)
	token, err := run(t, s.env, "token", "--vehicles", "*")
	if err != nil {
		t.Fatal(err)
	}
	w := s.watchAll(web, strings.TrimSpace(token))
	s.load()
	w.since(time.Time{})
	outage := func(fault string, begin, end func()) {
		t.Helper()
		s.fault = fault
		m := b.weigh()
		begin()
		s.more("devices are answered without Redis")
		s.over(b).caughtUp() // so is the store
		s.rest(time.Duration(rounds()) * time.Second)
		ended := time.Now()
		end()
		w.since(time.Now()) // what was made before may have been published before
		s.say("answers and the store never stopped, live again after %v; %v", round(time.Since(ended)), m.flat())
	}
	outage("Redis stopped", server.Down, server.Up)
	outage("Redis paused", server.Pause, server.Resume)
	outage("Redis restarted", func() {}, func() { server.Down(); server.Up() })
	options, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	outage("Redis evicting", func() {
		ctx := t.Context()
		client.ConfigSet(ctx, "maxmemory-policy", "allkeys-random")
		if err := client.ConfigSet(ctx, "maxmemory", "3mb").Err(); err != nil {
			t.Fatal(err)
		}
		evicted := func() bool {
			n := 0
			for _, line := range strings.Split(client.Info(ctx, "stats").Val(), "\r\n") {
				fmt.Sscanf(line, "evicted_keys:%d", &n)
			}
			return n > 1000
		}
		for i := 0; !evicted() && i < 1_000_000; i++ {
			client.Set(ctx, fmt.Sprint("other:", i), strings.Repeat("x", 1000), 0)
		}
		if !evicted() {
			t.Error("nothing was evicted")
		}
	}, func() { client.ConfigSet(t.Context(), "maxmemory", "0") })
	s.fault = "Redis outages"
	r := s.judge()
	w.upToDate()
	s.say("%d records acknowledged, each stored once; the dashboard shows the newest of each vehicle", r.Acked)
}
