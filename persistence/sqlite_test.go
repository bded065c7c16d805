package persistence

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
	"go.uber.org/zap"
)

func openTestSQLite(t testing.TB, cfg Config) *sqliteStore {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "a b?#%.db")
	}
	s, err := Open(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*sqliteStore)
}

func TestSQLite(t *testing.T) {
	suite{
		open: func(t *testing.T, cfg Config) Store { return openTestSQLite(t, cfg) },
		poison: func(t *testing.T, s Store) {
			if _, err := s.(*sqliteStore).writer.Exec(`CREATE TRIGGER poison BEFORE INSERT ON location_events WHEN NEW.speed = 666
				BEGIN SELECT RAISE(ABORT, 'poison'); END`); err != nil {
				t.Fatal(err)
			}
		},
		refresh: func(*testing.T, Store) {},
		timed:   true,
	}.run(t)
}

// The file is where the configuration says, survives a restart, and its schema is checked.
func TestSQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub.db")
	cfg := Config{URL: "sqlite:" + path, SynchronousCommit: "off"}
	if err := Check(t.Context(), cfg); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "trackgate migrate") {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a check made a file")
	}
	if steps, err := Migrate(t.Context(), cfg, zap.NewNop()); err != nil || len(steps) != 1 {
		t.Fatalf("migrate: %v, %v", steps, err)
	}
	if steps, err := Migrate(t.Context(), cfg, zap.NewNop()); err != nil || len(steps) != 0 {
		t.Fatalf("migrate again: %v, %v", steps, err)
	}
	s := openTestSQLite(t, cfg)
	mustWrite(t, s, batchOf("j", 0, fix("1", now, 1, 1, 1)), Result{Stored: 1})
	s.Close()
	s = openTestSQLite(t, cfg)
	mustWrite(t, s, batchOf("j", 1, fix("1", now, 1, 1, 1), fix("1", now+1, 1, 1, 1)), Result{Stored: 1, Duplicates: 1})

	edit := func(sql string) {
		t.Helper()
		if _, err := s.writer.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	edit(`UPDATE schema_migrations SET checksum = 'x'`)
	if err := s.Check(t.Context()); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("edited step: %v", err)
	}
	edit(`INSERT INTO schema_migrations SELECT '9999_future', 'y', 0`)
	if _, err := Open(t.Context(), cfg, zap.NewNop()); !errors.Is(err, ErrSchema) {
		t.Errorf("open of an edited database: %v", err)
	}
	edit(`DELETE FROM schema_migrations`)
	if err := Check(t.Context(), cfg); !errors.Is(err, ErrSchema) {
		t.Errorf("missing steps: %v", err)
	}
}

func TestSQLiteHistoryUsesTheKey(t *testing.T) {
	s := openTestSQLite(t, Config{})
	for _, apart := range []bool{false, true} {
		rows, err := s.reader.Query("EXPLAIN QUERY PLAN "+historySQLite(apart), 1, 2, 3, 4, "v", 10)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var a, b, c int
			var line string
			if err := rows.Scan(&a, &b, &c, &line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		rows.Close()
		if got := strings.Join(plan, "; "); strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") ||
			!strings.Contains(got, "device_id=? AND") {
			t.Errorf("plan: %s", got)
		}
	}
}

func TestConfig(t *testing.T) {
	bad := []Config{
		{},
		{URL: "mysql://x"},
		{Path: "x", Timescale: "maybe"},
		{Path: "x", SynchronousCommit: "maybe"},
		{Path: "x", Retention: 1},
		{Path: "x", RetentionHourly: 10 * day},
		{Path: "x", Writers: 1000},
		{Path: "x", WriteTimeout: -1},
	}
	for _, c := range bad {
		if _, err := c.complete(); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	c, err := Config{URL: "postgres://u:secret@db.example/t?sslmode=disable"}.complete()
	if err != nil || c.String() != "postgres://db.example/t" {
		t.Errorf("%s, %v", c, err)
	}
	if c.Unknown != protocols.Accept || c.Retention != 30*day || c.Timescale != "on" {
		t.Errorf("defaults: %+v", c)
	}
}
