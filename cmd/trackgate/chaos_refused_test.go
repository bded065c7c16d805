package main

import (
	"bufio"
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// TestChaosRefusedRows has a database that refuses some rows for what they are: they end in dead_letter, with their bytes, and all others are stored.
func TestChaosRefusedRows(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Postgres(t)
		refuseRows(t, besiege(t, "rows refused", "PostgreSQL", plainPostgres(url)...), url)
	})
	t.Run("TimescaleDB", func(t *testing.T) {
		t.Parallel()
		url := pgtest.Timescale(t)
		refuseRows(t, besiege(t, "rows refused", "TimescaleDB (WebAssembly)", "DATABASE_URL="+url), url, "--devices", "20")
	})
}

func refuseRows(t *testing.T, s *siege, url string, args ...string) {
	b := s.node()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	perform(t, conn, "ALTER TABLE location_events ADD CONSTRAINT no_sevens CHECK (odometer_m::bigint % 97 <> 7)")
	s.load(args...)
	s.until("rows are refused", func() bool {
		return b.metric(`trackgate_sink_dead_letters_total`)+b.metric(`trackgate_db_rows_total{kind="dead"}`) > 5
	})
	for range 3 * rounds() {
		s.more("devices are answered")
	}
	r := s.over(b).caughtUp()
	s.leave()
	s.until("everything is tried", func() bool { return b.metric(`trackgate_sink_lag_records{sink="store"}`) == 0 })
	report, out, _ := s.compare("0")

	wrong := make(map[uint32]bool) // acknowledged, and refused
	f, err := os.Open(s.acked)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		field := strings.Split(lines.Text(), ",")
		if record, err := strconv.ParseUint(field[2], 10, 32); err == nil && record%97 == 7 {
			wrong[uint32(record)] = true
			n++
		}
	}
	if n == 0 || report.Lost != n || report.Altered+report.Duplicates > 0 || report.Matching+n != report.Acked {
		t.Errorf("%d records are refused; verify: %s", n, out)
	}
	rows, err := conn.Query(t.Context(), "SELECT bytes, error FROM dead_letter")
	if err != nil {
		t.Fatal(err)
	}
	letters := 0
	for rows.Next() {
		var raw []byte
		var why string
		if err := rows.Scan(&raw, &why); err != nil {
			t.Fatal(err)
		}
		letters++
		if !strings.Contains(why, "no_sevens") {
			t.Errorf("a dead letter because of %s", why)
		}
		for i := 0; i+4 <= len(raw); i++ {
			delete(wrong, binary.BigEndian.Uint32(raw[i:]))
		}
	}
	if rows.Err() != nil || letters < n || len(wrong) > 0 {
		t.Errorf("%d dead letters, %v; the bytes of %d of %d refused records are missing", letters, rows.Err(), len(wrong), n)
	}
	s.inOrder(false)
	s.say("%d of %d records refused, %d dead letters; %v; %v", n, report.Acked, letters, r, b.usual)
}
