package persistence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
)

// postgresStore stores in TimescaleDB, or in plain PostgreSQL.
type postgresStore struct {
	cfg   Config
	log   *zap.Logger
	pool  *pgxpool.Pool
	cache *deviceCache
	begin string // starts a transaction of Write

	oneTable bool // the other table is not asked for duplicates: what that costs is measured so

	// staging is the number of batches that still go by way of a staging table, because one met a stored record.
	staging atomic.Int32

	mu       sync.Mutex // held while the schema is brought up to date
	migrated atomic.Bool
}

func openPostgres(ctx context.Context, cfg Config, log *zap.Logger) (Store, error) {
	pool, err := newPool(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &postgresStore{cfg: cfg, log: log, pool: pool, cache: newDeviceCache(cfg.DeviceCache), begin: beginStatement(cfg)}
	try, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	switch err := s.ready(try); {
	case err == nil:
	case ctx.Err() != nil, errors.Is(err, ErrSchema):
		pool.Close()
		return nil, err
	default:
		log.Error("store is out of reach; records wait in the journal", zap.String("store", cfg.String()), zap.Error(err))
	}
	return s, nil
}

// firstTry is how long Open waits for a server.
const firstTry = 10 * time.Second

func newPool(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("store: url: %w", hidePassword(err))
	}
	if !strings.Contains(cfg.URL, "pool_max_conns") {
		pc.MaxConns = int32(cfg.Writers) + 6 // and readers: pages of history, the registry's polls
	}
	pc.ConnConfig.ConnectTimeout = min(cfg.WriteTimeout, 10*time.Second)
	if _, set := pc.ConnConfig.RuntimeParams["application_name"]; !set {
		pc.ConnConfig.RuntimeParams["application_name"] = "trackgate"
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return pool, nil
}

// hidePassword leaves out the URL that a parse error quotes.
func hidePassword(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return parse // it redacts
	}
	return errors.New("not a connection string")
}

// beginStatement starts a transaction and sets what holds for it alone: through a pooler, a session is not ours to keep.
func beginStatement(cfg Config) string {
	ms := cfg.WriteTimeout.Milliseconds()
	set := fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = %d; SET LOCAL idle_in_transaction_session_timeout = %d; SET LOCAL jit = off",
		ms, ms)
	if cfg.SynchronousCommit == "off" {
		set += "; SET LOCAL synchronous_commit = off"
	}
	if cfg.Timescale == "on" {
		// Late records in compressed partitions make the server unpack their neighbours. The limit is meant for statements that do
		// so by accident; a batch refused for it would be refused for ever.
		set += "; SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0"
	}
	return set
}

// ready brings the schema up to date before the first use.
func (s *postgresStore) ready(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.migrated.Load() {
		return nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer conn.Release()
	steps, err := migratePostgres(ctx, conn.Conn(), s.cfg)
	for _, step := range steps {
		s.log.Info("schema step applied", zap.String("store", s.cfg.String()), zap.String("step", step))
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.migrated.Store(true)
	return nil
}

// closeTimeout is how long Close waits for a server that answers nothing. pgx gives each of its connections 15 s to take leave, which is
// longer than a stop may take.
const closeTimeout = time.Second

func (s *postgresStore) Close() error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
		s.log.Warn("store does not take leave", zap.String("store", s.cfg.String()))
	}
	return nil
}

// read runs a query of the store with a time limit, on a schema that is up to date.
func (s *postgresStore) read(ctx context.Context, what string, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	err := s.ready(ctx)
	if err == nil {
		err = do(ctx)
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, scan pgx.RowToFunc[T], query string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// code is the SQLSTATE of a server's error; empty for all others.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

const uniqueViolation = "23505"

// badData says that the server refuses a row for what is in it: classes 22 (data exception), 23 (integrity constraint violation), and
// 54000 (an index entry too long). Everything else, and above all a lost connection, a full disk, a server that stops or only reads,
// says nothing about rows.
func badData(err error) bool {
	c := code(err)
	return strings.HasPrefix(c, "22") || (strings.HasPrefix(c, "23") && c != uniqueViolation) || c == "54000"
}
