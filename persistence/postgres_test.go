package persistence

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/persistence/pgtest"
	"go.uber.org/zap"
)

func openTestPostgres(t testing.TB, cfg Config) *postgresStore {
	t.Helper()
	s, err := Open(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*postgresStore)
}

func execTest(t testing.TB, s Store, sql string) {
	t.Helper()
	if _, err := s.(*postgresStore).pool.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func poisonPostgres(t *testing.T, s Store) {
	execTest(t, s, `ALTER TABLE location_events ADD CONSTRAINT poison CHECK (speed <> 666)`)
}

func TestTimescale(t *testing.T) {
	suite{
		open: func(t *testing.T, cfg Config) Store {
			cfg.URL = pgtest.Timescale(t)
			return openTestPostgres(t, cfg)
		},
		poison:  poisonPostgres,
		refresh: refreshHours,
	}.run(t)
}

// refreshHours does what the background job of a server with a scheduler does every 15 minutes.
func refreshHours(t *testing.T, s Store) {
	t.Helper()
	runJobs(t, s, "policy_refresh_continuous_aggregate")
}

func runJobs(t *testing.T, s Store, proc string) {
	t.Helper()
	pool := s.(*postgresStore).pool
	ids, err := collect(t.Context(), pool, pgx.RowTo[int32], `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = $1`, proc)
	if err != nil || len(ids) == 0 {
		t.Fatalf("jobs %s: %v, %v", proc, ids, err)
	}
	for _, id := range ids {
		if _, err := pool.Exec(t.Context(), `CALL run_job($1)`, id); err != nil {
			t.Fatalf("job %s: %v", proc, err)
		}
	}
}

func TestPostgres(t *testing.T) {
	suite{
		open: func(t *testing.T, cfg Config) Store {
			cfg.URL, cfg.Timescale = pgtest.Postgres(t), "off"
			return openTestPostgres(t, cfg)
		},
		poison:  poisonPostgres,
		refresh: func(*testing.T, Store) {},
	}.run(t)
}
