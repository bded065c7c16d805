package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/persistence/pgtest"
)

// TestChaosKill kills the gateway at random moments under load. Beside the devices that behave, others do not; what they were acknowledged is judged, too,
// but for its order, which they do not keep.
func TestChaosKill(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killing(besiege(t, "gateway killed", "SQLite"), 5*rounds())
	})
	t.Run("PostgreSQL, answered once stored", func(t *testing.T) {
		t.Parallel()
		killing(besiege(t, "gateway killed, ack: stored", "PostgreSQL", append(plainPostgres(pgtest.Postgres(t)), "TRACKGATE_GATEWAY_ACK=stored")...), 2*rounds(),
			"--devices", "30", "--patience", "30s") // as patient as the store is slow: what is sent again makes it slower
	})
	t.Run("TimescaleDB", func(t *testing.T) {
		t.Parallel()
		killing(besiege(t, "gateway killed", "TimescaleDB (WebAssembly)", "DATABASE_URL="+pgtest.Timescale(t)), 2*rounds(), "--devices", "20")
	})
}

func killing(s *siege, kills int, args ...string) {
	t := s.t
	b := s.node()
	hooligans := filepath.Join(t.TempDir(), "acked.csv")
	bad := start(t, nil, "simulate", "--acked", hooligans, "--to", b.any, "--devices", "30", "--interval", "300ms", "--misbehave", "1", "--duration", "0", "--grace", "1s",
		"--first-imei", "990000000000000", "--patience", "3s", "--backoff", "200ms")
	s.load(args...)
	var worst recovery
	for range kills {
		s.rest(time.Duration(s.random.IntN(800)) * time.Millisecond)
		b.kill()
		r := s.over(b)
		b.begin()
		r.wait()
		worst.slower(r)
	}
	bad.cmd.Process.Signal(os.Interrupt)
	<-bad.done
	r := s.judge()
	s.acked = hooligans
	h := s.verified()
	s.say("%d kills, the slowest: %v; %v; %d records acknowledged, %d of them to devices that misbehave, each stored once", kills, &worst, b.usual, r.Acked+h.Acked, h.Acked)
}

// TestChaosStop asks the gateway to end under load, time and again; also while the database and Redis take its calls and answer none.
func TestChaosStop(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		s := besiege(t, "SIGTERM", "SQLite")
		b := s.node()
		s.load()
		var worst recovery
		slowest := time.Duration(0)
		for range 2 * rounds() {
			s.rest(time.Duration(s.random.IntN(500)) * time.Millisecond)
			slowest = max(slowest, b.end())
			r := s.over(b)
			b.begin()
			r.wait()
			worst.slower(r)
		}
		r := s.judge()
		s.say("%d stops, the slowest took %v; then %v; %v; %d records acknowledged, each stored once", 2*rounds(), round(slowest), &worst, b.usual, r.Acked)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		server, bus := pgtest.NewPostgres(t), redistest.New(t)
		s := besiege(t, "SIGTERM, database and Redis paused", "PostgreSQL", append(plainPostgres(server.Database(t)), "REDIS_URL="+bus.URL, "JWT_SECRET="+testSecret)...)
		b := s.node()
		s.load()
		if err := server.Pause(); err != nil {
			t.Fatal(err)
		}
		bus.Pause()
		s.rest(time.Second)
		took := b.end()
		if err := server.Resume(); err != nil {
			t.Fatal(err)
		}
		bus.Resume()
		r := s.over(b)
		b.begin()
		r.wait()
		report := s.judge()
		s.say("took %v; then %v; %v; %d records acknowledged, each stored once", round(took), r, b.usual, report.Acked)
	})
}

// end asks the gateway to end and checks that it does so in time and in order.
func (b *besieged) end() time.Duration {
	t := b.siege.t
	t.Helper()
	begun := time.Now()
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-b.done:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("does not end")
	}
	took := time.Since(begun)
	if took > 10*time.Second {
		t.Errorf("took %v to end", took)
	}
	return took
}
