package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// database is a session of the test's own with the server under siege.
func database(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func perform(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestChaosPostgres takes the database away in every way. Devices are answered all the time, and what they were answered for waits in the journal.
func TestChaosPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.NewPostgres(t)
	url := server.Database(t)
	s := besiege(t, "database", "PostgreSQL", append(plainPostgres(url), "TRACKGATE_GATEWAY_STORE_BATCH=100", "TRACKGATE_STORE_WRITE_TIMEOUT=5s")...)
	b := s.node()
	s.load()
	outage := func(fault string, begin, end func()) {
		t.Helper()
		s.fault = fault
		m := b.weigh()
		failed := b.metric(`trackgate_sink_errors_total{sink="store"}`)
		begin()
		s.until("the store fails", func() bool { return b.metric(`trackgate_sink_errors_total{sink="store"}`) > failed })
		s.until("the journal holds more than a batch", func() bool { return b.metric(`trackgate_sink_lag_records{sink="store"}`) > 300 })
		s.rest(time.Duration(rounds()-1) * 10 * time.Second)
		s.more("devices are answered during the outage")
		if status, why := b.readiness(); status != 200 {
			t.Errorf("%s: not ready: %s", fault, why)
		}
		held := b.metric(`trackgate_sink_lag_records{sink="store"}`)
		r := s.over(b)
		end()
		r.caughtUp()
		s.say("%.0f records in the journal; %v; %v", held, r, m.flat())
	}
	up := func() {
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	outage("database stopped", server.Stop, up)
	outage("database paused", func() {
		if err := server.Pause(); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatalf("a paused server takes connections: %v", err)
		}
		conn.Close()
	}, func() {
		if err := server.Resume(); err != nil {
			t.Fatal(err)
		}
	})
	outage("database restarted during COPY", func() {
		lock, look := database(t, url), database(t, url)
		perform(t, lock, "BEGIN; LOCK TABLE location_events IN EXCLUSIVE MODE")
		s.until("a COPY is under way", func() bool {
			n := 0
			err := look.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY location_events%' AND wait_event_type = 'Lock'`).Scan(&n)
			return err == nil && n > 0
		})
		server.Stop()
	}, up)
	outage("database read-only", func() {
		conn := database(t, url)
		perform(t, conn, "ALTER SYSTEM SET default_transaction_read_only = on")
		perform(t, conn, "SELECT pg_reload_conf()")
	}, func() {
		conn := database(t, url+"&default_transaction_read_only=off")
		perform(t, conn, "ALTER SYSTEM RESET default_transaction_read_only")
		perform(t, conn, "SELECT pg_reload_conf()")
	})
	s.fault = "database outages"
	r := s.judge()
	if n := dead(t, url); n != 0 {
		t.Errorf("%d records were taken for bad ones", n)
	}
	s.say("%d records acknowledged, each stored once", r.Acked)
}

// dead counts the dead letters.
func dead(t *testing.T, url string) (n int) {
	t.Helper()
	if err := database(t, url).QueryRow(t.Context(), "SELECT count(*) FROM dead_letter").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestChaosPostgresDiskFull lets other files take the room that the database needs.
func TestChaosPostgresDiskFull(t *testing.T) {
	t.Parallel()
	onSmallDisk(t, 512<<20, func(t *testing.T, disk string) {
		server := pgtest.NewPostgresIn(t, disk)
		url := server.Database(t)
		s := besiege(t, "database out of disk", "PostgreSQL", plainPostgres(url)...)
		b := s.node()
		s.load()
		m := b.weigh()
		failed := b.metric(`trackgate_sink_errors_total{sink="store"}`)
		free := fillDisk(t, disk)
		s.until("the store fails", func() bool { return b.metric(`trackgate_sink_errors_total{sink="store"}`) > failed })
		s.rest(time.Duration(2*rounds()) * time.Second)
		s.more("devices are answered during the outage")
		if server.Running() && !strings.Contains(b.said(), "53100") {
			t.Error("the database has room yet")
		}
		held := b.metric(`trackgate_sink_lag_records{sink="store"}`)
		r := s.over(b)
		free()
		if !server.Running() { // without room for its own log it ends; its operator starts it again
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
		}
		r.caughtUp()
		s.say("%.0f records in the journal; %v; %v", held, r, m.flat())
		s.judge()
		if n := dead(t, url); n != 0 {
			t.Errorf("%d records were taken for bad ones", n)
		}
	})
}
