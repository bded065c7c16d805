package persistence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteStore keeps everything in one file: one connection writes, a few others read beside it (write-ahead log).
type sqliteStore struct {
	cfg    Config
	log    *zap.Logger
	writer *sql.DB // at most one connection
	reader *sql.DB
	cache  *deviceCache

	insertOne, insertMany [2]*sql.Stmt // into location_events, location_quarantine
	selectKey             [2]*sql.Stmt
	selectApart           *sql.Stmt
	upsertLast            [2]*sql.Stmt // one row, many rows
	upsertHour            [2]*sql.Stmt
	touchLast             *sql.Stmt

	oneTable bool // the other table is not asked for duplicates: what that costs is measured so
}

// checkpointPages is the length of the write-ahead log, in pages of 4 KiB, that is copied into the file. A full batch is longer than SQLite's standard of
// 1000, and writes the ends of the same index again as the one before: several batches are copied together.
const checkpointPages = 4000

func openSQLiteFile(cfg Config) (writer, reader *sql.DB, err error) {
	sync := "synchronous(FULL)"
	if cfg.SynchronousCommit == "off" {
		sync = "synchronous(NORMAL)"
	}
	pragmas := []string{"busy_timeout(10000)", "journal_mode(WAL)", sync, "journal_size_limit(67108864)", "wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
		"cache_size(-32768)", "temp_store(MEMORY)"}
	dsn, err := cfg.fileURL(pragmas...)
	if err != nil {
		return nil, nil, err
	}
	if writer, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	if dsn, err = cfg.fileURL(append(pragmas, "query_only(1)")...); err != nil {
		return nil, nil, err
	}
	if reader, err = sql.Open("sqlite", dsn); err != nil {
		return nil, nil, err
	}
	reader.SetMaxOpenConns(4)
	reader.SetConnMaxIdleTime(time.Minute)
	return writer, reader, nil
}

func openSQLite(ctx context.Context, cfg Config, log *zap.Logger) (_ *sqliteStore, err error) {
	s := &sqliteStore{cfg: cfg, log: log, cache: newDeviceCache(cfg.DeviceCache)}
	if s.writer, s.reader, err = openSQLiteFile(cfg); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	steps, err := migrateSQLite(ctx, s.writer)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", cfg, err)
	}
	for _, step := range steps {
		log.Info("schema step applied", zap.String("store", cfg.String()), zap.String("step", step))
	}
	if err := s.prepareStatements(ctx); err != nil {
		return nil, fmt.Errorf("store: %s: %w", cfg, err)
	}
	return s, nil
}

func (s *sqliteStore) Close() error {
	return errors.Join(s.writer.Close(), s.reader.Close())
}

func migrateSQLiteFile(ctx context.Context, cfg Config) ([]string, error) {
	writer, reader, err := openSQLiteFile(cfg)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	defer writer.Close()
	return migrateSQLite(ctx, writer)
}

// migrateSQLite takes the steps that are missing, each in a transaction that holds the file's write lock.
func migrateSQLite(ctx context.Context, db *sql.DB) ([]string, error) {
	want, err := migrations("sqlite", "")
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL)`); err != nil {
		return nil, err
	}
	have, err := appliedSQLite(ctx, tx)
	if err != nil {
		return nil, err
	}
	steps, err := pending(want, have)
	if err != nil {
		return nil, err
	}
	var done []string
	for _, m := range steps {
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return nil, fmt.Errorf("schema step %s: %w", m.name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations VALUES (?, ?, ?)`,
			m.name, m.checksum, time.Now().UnixMilli()); err != nil {
			return nil, err
		}
		done = append(done, m.name)
	}
	return done, tx.Commit()
}

func appliedSQLite(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}) (have []applied, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, checksum FROM schema_migrations`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a applied
		if err := rows.Scan(&a.name, &a.checksum); err != nil {
			return nil, err
		}
		have = append(have, a)
	}
	return have, rows.Err()
}

func (s *sqliteStore) Check(ctx context.Context) error { return checkSQLite(ctx, s.reader) }

func checkSQLite(ctx context.Context, db *sql.DB) error {
	want, err := migrations("sqlite", "")
	if err != nil {
		return err
	}
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'`).Scan(&n); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if n == 0 {
		return current(want, nil)
	}
	have, err := appliedSQLite(ctx, db)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return current(want, have)
}

func checkSQLiteFile(ctx context.Context, cfg Config) error {
	if _, err := os.Stat(cfg.Path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s does not exist: run `trackgate migrate`", ErrSchema, cfg.Path)
	}
	writer, reader, err := openSQLiteFile(cfg)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer writer.Close()
	return checkSQLite(ctx, reader)
}

// refused says that SQLite refuses a row for what is in it, as opposed to being unable to write at all.
func refused(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}

// taken says that the key of a row exists.
func taken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
