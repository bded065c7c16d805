package persistence

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
	"go.uber.org/zap"
)

// What only TimescaleDB has: partitions, compression, policies, the continuous aggregate.

func one[T any](t *testing.T, s *postgresStore, query string, args ...any) (v T) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestMigrateTimescale(t *testing.T) {
	cfg := Config{URL: pgtest.Timescale(t)}
	if err := Check(t.Context(), cfg); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "trackgate migrate") {
		t.Errorf("empty database: %v", err)
	}
	steps, err := Migrate(t.Context(), cfg, zap.NewNop())
	if err != nil || !slices.Equal(steps, []string{"0001_tables", "0002_hours.timescale"}) {
		t.Fatalf("steps %q, %v", steps, err)
	}
	if steps, err := Migrate(t.Context(), cfg, zap.NewNop()); err != nil || len(steps) != 0 {
		t.Fatalf("again: %q, %v", steps, err)
	}
	if err := Check(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	other := cfg
	other.Timescale = "off"
	if _, err := Open(t.Context(), other, zap.NewNop()); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "store.timescale") {
		t.Errorf("opened as plain PostgreSQL: %v", err)
	}
}

// Policies are those of the configuration, also when it changes.
func TestPolicies(t *testing.T) {
	cfg := Config{URL: pgtest.Timescale(t)}
	jobs := func(want ...string) {
		t.Helper()
		s := openTestPostgres(t, cfg)
		defer s.Close()
		got, err := collect(t.Context(), s.pool, pgx.RowTo[string], `SELECT proc_name || ' ' || coalesce(config->>'compress_after', config->>'drop_after', config->>'start_offset')
			FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy%' AND hypertable_name IS NOT NULL ORDER BY 1`)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("jobs %q, %v, want %q", got, err, want)
		}
	}
	jobs("policy_compression 168:00:00", "policy_refresh_continuous_aggregate 696:00:00", "policy_retention 720:00:00", "policy_retention 8760:00:00")
	cfg.CompressAfter, cfg.Retention, cfg.RetentionHourly = 2*day, 10*day, 100*day
	jobs("policy_compression 48:00:00", "policy_refresh_continuous_aggregate 216:00:00", "policy_retention 2400:00:00", "policy_retention 240:00:00")
}

// Uploads of records that are older than the compression: new ones are stored, known ones recognised, the hours follow.
func TestCompressedPartitions(t *testing.T) {
	s := openTestPostgres(t, Config{URL: pgtest.Timescale(t)})
	start := now - 14*24*hourMillis
	var old []protocols.Event
	for i := range 240 {
		e := fix("1", start+protocols.Millis(i)*hourMillis/2, 1, 1, float64(i))
		e.Received = now
		old = append(old, e)
	}
	mustWrite(t, s, batchOf("j", 0, slices.Clone(old)...), Result{Stored: 240})
	refreshHours(t, s)
	runJobs(t, s, "policy_compression")
	if n := one[int](t, s, `SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed`); n < 4 {
		t.Fatalf("%d compressed partitions", n)
	}
	// History reads compressed partitions in the same order.
	wantJSON(t, allHistory(t, s, HistoryQuery{Vehicle: "v-1", Limit: 33}), old)

	late := fix("1", start+60_000, 1, 1, 250)
	differs := old[7]
	differs.SetSpeed(222)
	again := append(slices.Clone(old[:50]), late, differs)
	for i := range again {
		again[i].Received, again[i].Late = now+1, true
	}
	mustWrite(t, s, batchOf("j", 240, again...), Result{Stored: 2, Duplicates: 50, Differing: 1})
	mustWrite(t, s, batchOf("j", 292, late, differs, old[239]), Result{Duplicates: 3})
	apart := old[9] // the device's memory gives it again when it would be kept apart
	apart.Received = now + 16*24*hourMillis
	mustWrite(t, s, batchOf("j", 295, apart), Result{Duplicates: 1})
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1", Limit: 100})); n != 242 {
		t.Errorf("got %d rows, want 242", n)
	}
	refreshHours(t, s)
	hours, err := s.Hourly(t.Context(), "v-1", start, start+hourMillis)
	if err != nil || len(hours) != 1 || hours[0].Events != 3 || *hours[0].MaxSpeed != 250 {
		t.Errorf("hour with late data: %+v, %v", hours, err)
	}
}

// The database deletes raw events by itself; the hours stay.
func TestRetentionPolicy(t *testing.T) {
	s := openTestPostgres(t, Config{URL: pgtest.Timescale(t)})
	var events []protocols.Event
	for i := range 8 {
		e := fix("1", now-protocols.Millis(i)*4*24*hourMillis, 1, 1, float64(i))
		e.Received = e.Time + 1 // of its time: not wild
		events = append(events, e)
	}
	mustWrite(t, s, batchOf("j", 0, events[:7]...), Result{Stored: 7})
	refreshHours(t, s)
	s.Close()
	s = openTestPostgres(t, Config{URL: s.cfg.URL, Retention: 10 * day})
	runJobs(t, s, "policy_retention")
	refreshHours(t, s)
	if hours, err := s.Hourly(t.Context(), "v-1", now-100*24*hourMillis, 0); err != nil || len(hours) != 7 {
		t.Errorf("%d hours are left, %v, want 7", len(hours), err)
	}
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1"})); n != 3 {
		t.Errorf("%d raw events are left, want 3", n)
	}
	if last, err := s.Last(t.Context(), []string{"v-1"}); err != nil || len(last) != 1 {
		t.Errorf("last known: %v, %v", last, err)
	}
}
