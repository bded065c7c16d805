package main

import (
	"strconv"
	"testing"
	"time"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// TestChaosStorm has a fleet come back all at once after an outage of the network, each device with 100 stored records.
func TestChaosStorm(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		storm(besiege(t, "reconnect storm", "SQLite"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		storm(besiege(t, "reconnect storm", "PostgreSQL", plainPostgres(pgtest.Postgres(t))...))
	})
}

func storm(s *siege) {
	t := s.t
	devices := min(100*rounds(), 2000)
	b := s.node()
	empty := b.memory()
	begun := time.Now()
	s.load("--devices", strconv.Itoa(devices), "--backlog", "100", "--interval", "1m", "--jitter", "0s", "--ramp", "100000")
	s.until("all is acknowledged", func() bool { return b.metric("trackgate_wal_next") > 0 && s.count() >= devices*100 })
	acked := time.Since(begun)
	held, lag := b.memory(), b.metric(`trackgate_sink_lag_records{sink="store"}`)
	s.until("all is stored", func() bool { return b.metric(`trackgate_sink_lag_records{sink="store"}`) == 0 })
	stored := time.Since(begun)
	if most := int64(512<<20 + devices*256<<10); b.most > most {
		t.Errorf("%d MiB at most for %d devices", b.most>>20, devices)
	}
	r := s.judge()
	s.say("%d devices, %d records acknowledged after %v (%.0f/s) with %.0f frames still to store, all stored after %v; memory %d MiB idle, %d then, %d at most",
		devices, r.Acked, round(acked), float64(r.Acked)/acked.Seconds(), lag, round(stored), empty>>20, held>>20, b.most>>20)
}
