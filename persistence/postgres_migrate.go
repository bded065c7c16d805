package persistence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

func migratePostgresURL(ctx context.Context, cfg Config, log *zap.Logger) ([]string, error) {
	conn, err := pgx.Connect(ctx, cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return migratePostgres(ctx, conn, cfg)
}

func checkPostgresURL(ctx context.Context, cfg Config) error {
	conn, err := pgx.Connect(ctx, cfg.URL)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return checkPostgres(ctx, conn, cfg)
}

func (s *postgresStore) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer conn.Release()
	return checkPostgres(ctx, conn.Conn(), s.cfg)
}

func (c Config) variant() string {
	if c.Timescale == "on" {
		return "timescale"
	}
	return "plain"
}

// migrationLock is the advisory lock under which all nodes change the schema: the text "trackgat".
const migrationLock = 0x747261636b676174

// migratePostgres takes the missing steps, each in a transaction that begins by taking the lock and ends by recording the step; so of
// several nodes that start at once each takes some, and none takes one twice.
func migratePostgres(ctx context.Context, conn *pgx.Conn, cfg Config) (done []string, err error) {
	want, err := migrations("postgres", cfg.variant())
	if err != nil {
		return nil, err
	}
	for {
		step, err := migrateOnce(ctx, conn, cfg, want)
		if err != nil || step == "" {
			return done, err
		}
		done = append(done, step)
	}
}

func locked(ctx context.Context, conn *pgx.Conn, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		return do(tx)
	})
}

// migrateOnce takes the next step and returns its name, or sets the policies when there is none.
func migrateOnce(ctx context.Context, conn *pgx.Conn, cfg Config, want []migration) (step string, err error) {
	if cfg.Timescale == "on" {
		if err := extension(ctx, conn); err != nil {
			return "", err
		}
	}
	err = locked(ctx, conn, func(tx pgx.Tx) error {
		have, err := appliedPostgres(ctx, tx)
		if err != nil {
			return err
		}
		steps, err := pending(want, have)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return policies(ctx, tx, cfg)
		}
		m := steps[0]
		if len(have) == 0 {
			if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
				name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`); err != nil {
				return err
			}
		}
		// All statements of a step in one message, which only the simple protocol takes.
		if _, err := tx.Conn().PgConn().Exec(ctx, m.sql).ReadAll(); err != nil {
			return fmt.Errorf("schema step %s: %w", m.name, err)
		}
		step = m.name
		_, err = tx.Exec(ctx, `INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)`, m.name, m.checksum)
		return err
	})
	return step, err
}

// extension makes sure of TimescaleDB in this database, or says what to do.
func extension(ctx context.Context, conn *pgx.Conn) error {
	var available, installed *string
	err := conn.QueryRow(ctx, `SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'timescaledb'`).Scan(&available, &installed)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%w: this PostgreSQL server has no TimescaleDB extension: install it (and add timescaledb to shared_preload_libraries), "+
			"or set store.timescale to off for plain tables", ErrSchema)
	}
	if err != nil || installed != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS timescaledb`); err != nil {
		switch c := code(err); {
		case c == uniqueViolation || c == "42710": // another node did it at the same moment
			return nil
		case c != "" && c[:2] != "08" && c[:2] != "53" && c[:2] != "57" && c != "25006":
			return fmt.Errorf("%w: CREATE EXTENSION timescaledb failed: let an administrator run it once in this database: %w", ErrSchema, err)
		}
		return err
	}
	return nil
}

func appliedPostgres(ctx context.Context, tx pgx.Tx) (have []applied, err error) {
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('schema_migrations') IS NOT NULL`).Scan(&exists); err != nil || !exists {
		return nil, err
	}
	return collect(ctx, tx, func(row pgx.CollectableRow) (a applied, err error) {
		return a, row.Scan(&a.name, &a.checksum)
	}, `SELECT name, checksum FROM schema_migrations`)
}

func checkPostgres(ctx context.Context, conn *pgx.Conn, cfg Config) error {
	want, err := migrations("postgres", cfg.variant())
	if err != nil {
		return err
	}
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		have, err := appliedPostgres(ctx, tx)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		return current(want, have)
	})
}

// policies sets the background jobs of TimescaleDB as the configuration wants them.
func policies(ctx context.Context, tx pgx.Tx, cfg Config) error {
	if cfg.Timescale != "on" {
		return nil
	}
	type job struct{ name, value, remove, add string }
	interval := func(d time.Duration) string { return fmt.Sprintf("INTERVAL '%d seconds'", int64(d.Seconds())) }
	// A refresh over deleted partitions would empty their hours: it looks back a day less than raw events are kept.
	back := cfg.Retention - day
	jobs := []job{
		{"compress_after", cfg.CompressAfter.String(), `SELECT remove_compression_policy('location_events', if_exists => true)`,
			`SELECT add_compression_policy('location_events', ` + interval(cfg.CompressAfter) + `)`},
		{"retention", cfg.Retention.String(), `SELECT remove_retention_policy('location_events', if_exists => true)`,
			`SELECT add_retention_policy('location_events', ` + interval(cfg.Retention) + `)`},
		{"refresh", back.String(), `SELECT remove_continuous_aggregate_policy('location_hourly', if_exists => true)`,
			`SELECT add_continuous_aggregate_policy('location_hourly', start_offset => ` + interval(back) +
				`, end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '15 minutes')`},
		{"retention_hourly", cfg.RetentionHourly.String(), `SELECT remove_retention_policy('location_hourly', if_exists => true)`,
			`SELECT add_retention_policy('location_hourly', ` + interval(cfg.RetentionHourly) + `)`},
	}
	for _, j := range jobs {
		var value string
		err := tx.QueryRow(ctx, `SELECT value FROM store_settings WHERE name = $1`, j.name).Scan(&value)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if value == j.value {
			continue
		}
		for _, sql := range []string{j.remove, j.add} {
			if _, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
				return fmt.Errorf("policy %s: %w", j.name, err)
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO store_settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			j.name, j.value); err != nil {
			return err
		}
	}
	return nil
}
