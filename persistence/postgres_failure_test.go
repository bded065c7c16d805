package persistence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
	"go.uber.org/zap"
)

// Failures of a server, on one that has locks, cancels and several sessions: plain PostgreSQL.

func plain(url string) Config { return Config{URL: url, Timescale: "off"} }

func fixes(device string, from, n int) (events []protocols.Event) {
	for i := from; i < from+n; i++ {
		events = append(events, fix(device, now+protocols.Millis(i)*1000, 1, 1, float64(i)))
	}
	return events
}

// noHarm says that a failure was no reason to give up a record.
func noHarm(t *testing.T, s Store, source string, stored uint64) {
	t.Helper()
	if next, _, err := s.Offset(t.Context(), source); err != nil || next != stored {
		t.Errorf("offset %d, %v, want %d", next, err, stored)
	}
	if dead, err := s.DeadLetters(t.Context(), 0, 10); err != nil || len(dead) != 0 {
		t.Errorf("dead letters: %v, %v", dead, err)
	}
}

func TestPausedServer(t *testing.T) {
	p, url := through(t, pgtest.Postgres(t))
	cfg := plain(url)
	cfg.WriteTimeout, cfg.QueryTimeout = 2*time.Second, 20*time.Second
	s := openTestPostgres(t, cfg)
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	p.pause()
	begun := time.Now()
	_, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...))
	if err == nil || time.Since(begun) > 15*time.Second {
		t.Errorf("write to a paused server: %v after %v", err, time.Since(begun))
	}
	p.resume()
	retry(t, s, batchOf("j", 5, fixes("1", 5, 5)...), Result{Stored: 5})
	noHarm(t, s, "j", 10)
}

// Close does not wait for a server that answers nothing.
func TestCloseOfPausedServer(t *testing.T) {
	p, url := through(t, pgtest.Postgres(t))
	s := openTestPostgres(t, plain(url))
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	p.pause()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Write(ctx, batchOf("j", 5, fixes("1", 5, 5)...))
		ended <- err
	}()
	cancel()
	<-ended
	begun := time.Now()
	if err := s.Close(); err != nil || time.Since(begun) > 8*time.Second {
		t.Errorf("closed with %v after %v", err, time.Since(begun))
	}
}

// retry writes a batch as its caller would, for a server that comes back.
func retry(t *testing.T, s Store, b protocols.Batch, want Result) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		got, err := s.Write(t.Context(), b)
		var wrong *ErrOffset
		switch {
		case err == nil && got == want:
			return
		case errors.As(err, &wrong):
			t.Fatalf("retry: %v", err)
		case err == nil:
			t.Fatalf("retry: got %+v, want %+v", got, want)
		}
		<-tick.C
	}
	t.Fatal("the store does not recover")
}

func TestCommitWithoutAnswer(t *testing.T) {
	p, url := through(t, pgtest.Postgres(t))
	s := openTestPostgres(t, plain(url+"&default_query_exec_mode=simple_protocol"))
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	lost := p.cutAfter("COMMIT\x00")
	b := batchOf("j", 5, fixes("1", 5, 5)...)
	if _, err := s.Write(t.Context(), b); err == nil {
		t.Fatal("no error although the answer was lost")
	}
	<-lost
	var wrong *ErrOffset
	if _, err := s.Write(t.Context(), b); !errors.As(err, &wrong) || wrong.Have != 10 {
		t.Errorf("second write: %v, want ErrOffset with 10", err)
	}
	noHarm(t, s, "j", 10)
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1"})); n != 10 {
		t.Errorf("got %d rows, want 10", n)
	}
}

func TestConnectionLostInCopy(t *testing.T) {
	p, url := through(t, pgtest.Postgres(t))
	s := openTestPostgres(t, plain(url))
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	lost := p.cutAfter("COPY location_events")
	b := batchOf("j", 5, fixes("1", 5, 500)...)
	if _, err := s.Write(t.Context(), b); err == nil {
		t.Fatal("no error although the connection was lost")
	}
	<-lost
	retry(t, s, b, Result{Stored: 500})
	noHarm(t, s, "j", 505)
}

func TestServerStops(t *testing.T) {
	server := pgtest.NewPostgres(t)
	url := server.Database(t)
	s := openTestPostgres(t, plain(url))
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	// Somebody holds the source's row, so that the write is under way when the server stops.
	release := block(t, url)
	failed := make(chan error)
	go func() {
		_, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...))
		failed <- err
	}()
	waitBlocked(t, url, "")
	server.Stop()
	release()
	if err := <-failed; err == nil {
		t.Error("no error although the server stopped")
	}
	if _, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...)); err == nil {
		t.Error("no error although there is no server")
	}

	// A node that starts now waits for the server, too.
	waiting, err := Open(t.Context(), plain(url), zap.NewNop())
	if err != nil {
		t.Fatalf("open without a server: %v", err)
	}
	defer waiting.Close()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	retry(t, waiting, batchOf("j", 5, fixes("1", 5, 5)...), Result{Stored: 5})
	retry(t, s, batchOf("j", 10, fixes("1", 10, 5)...), Result{Stored: 5})
	noHarm(t, s, "j", 15)
}

// block takes the lock that the next Write needs; the function gives it back.
func block(t *testing.T, url string) func() {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT * FROM ingest_offset FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Close(t.Context()) }
}

// waitBlocked returns when a Write waits for a lock, of a kind or if that is empty of any, with its process.
func waitBlocked(t *testing.T, url, kind string) (pid int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		err := conn.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
			AND application_name = 'trackgate' AND wait_event = coalesce(nullif($1, ''), wait_event)`, kind).Scan(&pid)
		if err == nil {
			return pid
		}
		<-tick.C
	}
	t.Fatalf("no write waits for a lock %s", kind)
	return 0
}

func TestBackendEnds(t *testing.T) {
	for _, how := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		t.Run(how, func(t *testing.T) {
			url := pgtest.Postgres(t)
			s := openTestPostgres(t, plain(url))
			mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
			release := block(t, url)
			failed := make(chan error)
			go func() {
				_, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...))
				failed <- err
			}()
			execTest(t, s, fmt.Sprintf(`SELECT %s(%d)`, how, waitBlocked(t, url, "")))
			if err := <-failed; !strings.HasPrefix(code(err), "57") {
				t.Errorf("got %v, want class 57", err)
			}
			release()
			retry(t, s, batchOf("j", 5, fixes("1", 5, 5)...), Result{Stored: 5})
			noHarm(t, s, "j", 10)
		})
	}
}

// A lock that nobody releases ends by the server's own limit, or by ours.
func TestLockedForEver(t *testing.T) {
	url := pgtest.Postgres(t)
	cfg := plain(url)
	cfg.WriteTimeout = time.Second
	s := openTestPostgres(t, cfg)
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	release := block(t, url)
	if _, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...)); err == nil {
		t.Error("no error")
	}
	release()
	retry(t, s, batchOf("j", 5, fixes("1", 5, 5)...), Result{Stored: 5})
}

func TestReadOnlyServer(t *testing.T) {
	url := pgtest.Postgres(t)
	s := openTestPostgres(t, plain(url))
	mustWrite(t, s, batchOf("j", 0, fixes("1", 0, 5)...), Result{Stored: 5})
	execTest(t, s, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	s.pool.Reset()
	if _, err := s.Write(t.Context(), batchOf("j", 5, fixes("1", 5, 5)...)); code(err) != "25006" {
		t.Errorf("got %v, want 25006", err)
	}
	noHarm(t, s, "j", 5)
	if n := len(allHistory(t, s, HistoryQuery{Vehicle: "v-1"})); n != 5 {
		t.Errorf("history: %d rows, want 5", n)
	}
	admin := openTestPostgres(t, plain(url+"&default_transaction_read_only=off"))
	execTest(t, admin, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$`)
	s.pool.Reset()
	retry(t, s, batchOf("j", 5, fixes("1", 5, 5)...), Result{Stored: 5})
}

func TestNoExtension(t *testing.T) {
	cfg := Config{URL: pgtest.Postgres(t)}
	_, err := Open(t.Context(), cfg, zap.NewNop())
	if !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "no TimescaleDB extension") || !strings.Contains(err.Error(), "store.timescale to off") {
		t.Errorf("got %v", err)
	}
	if err := Check(t.Context(), cfg); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "trackgate migrate") {
		t.Errorf("check: %v", err)
	}
}

func TestMigratePostgres(t *testing.T) {
	cfg := plain(pgtest.Postgres(t))
	// Several nodes start at once on an empty database.
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := map[string]int{}
	for range 4 {
		wg.Go(func() {
			steps, err := Migrate(t.Context(), cfg, zap.NewNop())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, s := range steps {
				taken[s]++
			}
		})
	}
	wg.Wait()
	if len(taken) != 2 || taken["0001_tables"] != 1 || taken["0002_hours.plain"] != 1 {
		t.Errorf("steps: %v", taken)
	}
	if err := Check(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	if steps, err := Migrate(t.Context(), cfg, zap.NewNop()); err != nil || len(steps) != 0 {
		t.Errorf("again: %v, %v", steps, err)
	}
	s := openTestPostgres(t, cfg)
	execTest(t, s, `UPDATE schema_migrations SET name = '0002_hours.timescale' WHERE name = '0002_hours.plain'`)
	if err := s.Check(t.Context()); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "store.timescale") {
		t.Errorf("database of the other kind: %v", err)
	}
	execTest(t, s, `DELETE FROM schema_migrations WHERE name LIKE '0002%'`)
	if err := s.Check(t.Context()); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "1 steps are missing") {
		t.Errorf("missing step: %v", err)
	}
}

// A change of the registry on one node is followed by the next batch of another.
func TestTwoNodes(t *testing.T) {
	url := pgtest.Postgres(t)
	a, b := openTestPostgres(t, plain(url)), openTestPostgres(t, plain(url))
	mustWrite(t, b, batchOf("b", 0, fixes("1", 0, 1)...), Result{Stored: 1})
	if err := a.PutDevices(t.Context(), []protocols.Device{{ID: "1", Policy: protocols.Quarantine}}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, batchOf("b", 1, fixes("1", 1, 1)...), Result{Quarantined: 1})
	// More changes than are followed one by one.
	var many []protocols.Device
	for i := range MaxLimit + 1 {
		many = append(many, protocols.Device{ID: fmt.Sprintf("m%05d", i), Policy: protocols.Quarantine})
	}
	if err := a.PutDevices(t.Context(), append(many, protocols.Device{ID: "1"})); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b, batchOf("b", 2, append(fixes("1", 2, 1), fixes("m00007", 2, 1)...)...), Result{Stored: 1, Quarantined: 1})
}

// After a stored record batches go by staging, and back to COPY when there are no more.
func TestWayBackToCopy(t *testing.T) {
	s := openTestPostgres(t, plain(pgtest.Postgres(t)))
	next := uint64(0)
	write := func(want Result, events ...protocols.Event) {
		t.Helper()
		mustWrite(t, s, batchOf("j", next, events...), want)
		next += uint64(len(events))
	}
	write(Result{Stored: 10}, fixes("1", 0, 10)...)
	if n := s.staging.Load(); n != 0 {
		t.Fatalf("staging %d at the start", n)
	}
	write(Result{Stored: 5, Duplicates: 5}, fixes("1", 5, 10)...)
	for i := range stagedBatches {
		if n := s.staging.Load(); n != int32(stagedBatches-i) {
			t.Fatalf("staging %d after %d clean batches", n, i)
		}
		write(Result{Stored: 1}, fixes("1", 20+i, 1)...)
	}
	if n := s.staging.Load(); n != 0 {
		t.Errorf("staging %d at the end", n)
	}
	write(Result{Stored: 1}, fixes("1", 100, 1)...)
}

// A page costs what it returns, however long the range: it is read in the order of the key, and ends at its limit.
func TestHistoryUsesTheKey(t *testing.T) {
	check := func(t *testing.T, s *postgresStore) {
		var events []protocols.Event
		for d := range 10 {
			events = append(events, fixes(fmt.Sprint(d), -1500, 1500)...)
		}
		mustWrite(t, s, batchOf("j", 0, events...), Result{Stored: len(events)})
		execTest(t, s, `ANALYZE location_events`)
		plan := func(from protocols.Millis) string {
			lines, err := collect(t.Context(), s.pool, pgx.RowTo[string], "EXPLAIN "+historyPostgres(false), int64(3), from.Time(), int32(0),
				now.Time(), "v-3", 101)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(lines, "\n")
		}
		long, short := plan(now-1_500_000), plan(now-20_000)
		if !strings.Contains(long, "Index Scan") || !strings.Contains(long, "device_id = ") || strings.Contains(long, "Sort") {
			t.Errorf("plan of a long range:\n%s", long)
		}
		if !strings.Contains(short, "location_events_key") || strings.Contains(short, "Seq Scan") {
			t.Errorf("plan of a short range:\n%s", short)
		}
	}
	t.Run("PostgreSQL", func(t *testing.T) { check(t, openTestPostgres(t, plain(pgtest.Postgres(t)))) })
	t.Run("TimescaleDB", func(t *testing.T) { check(t, openTestPostgres(t, Config{URL: pgtest.Timescale(t)})) })
}
