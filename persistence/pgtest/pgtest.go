// Package pgtest starts database servers for tests: PostgreSQL as Debian installs it, and TimescaleDB as WebAssembly in node. Each
// runs once per test binary and ends with it, however the binary ends: a server watches a pipe that only the binary holds open.
//
// Where a server's program is missing the test is skipped; with TRACKGATE_TEST_ALL=1, as in `make test`, it fails.
package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout is ample: a server starts in two seconds, or in ten on a machine with much else to do.
const startTimeout = 90 * time.Second

// missing ends a test whose server can not be had.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}

var timescale struct {
	sync.Mutex
	url string
	err error
}

// Timescale returns the URL of a TimescaleDB server without tables; the caller has it to itself until the test ends.
//
// The server has one session, which all connections share: advisory locks do not exclude, a query can not be cancelled, background
// jobs run only by CALL run_job. The URL asks for a mode in which statements have no names, since these would be shared, too.
func Timescale(tb testing.TB) string {
	tb.Helper()
	folder := here()
	if _, err := exec.LookPath("node"); err != nil {
		missing(tb, "TimescaleDB for tests: node is not installed")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "@unni-craftsman")); err != nil {
		missing(tb, "TimescaleDB for tests: run npm ci --legacy-peer-deps --prefix persistence/pgtest")
	}
	timescale.Lock()
	tb.Cleanup(timescale.Unlock)
	if timescale.url == "" && timescale.err == nil {
		timescale.url, timescale.err = startTimescale(folder)
	}
	if timescale.err != nil {
		tb.Fatal(timescale.err)
	}
	if err := run(timescale.url, "CREATE EXTENSION IF NOT EXISTS timescaledb", dropAll); err != nil {
		tb.Fatalf("empty the test server: %v", err)
	}
	return timescale.url
}

// dropAll leaves nothing but the extension, which a session can not drop and make again. Temporary tables go too: the session is
// everybody's.
const dropAll = `DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT format('%I.%I', view_schema, view_name) FROM timescaledb_information.continuous_aggregates LOOP
    EXECUTE 'DROP MATERIALIZED VIEW IF EXISTS ' || name || ' CASCADE';
  END LOOP;
  FOR name IN
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND (c.relnamespace = 'public'::regnamespace OR c.relpersistence = 't')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE 'DROP TABLE IF EXISTS ' || name || ' CASCADE';
  END LOOP;
END $$`

func startTimescale(folder string) (string, error) {
	cmd := exec.Command("node", filepath.Join(folder, "timescale.mjs"))
	line, err := start(cmd, "READY ")
	if err != nil {
		return "", fmt.Errorf("TimescaleDB for tests: %w", err)
	}
	address := strings.TrimPrefix(line, "READY ")
	return "postgres://postgres@" + address + "/postgres?sslmode=disable&default_query_exec_mode=cache_describe", nil
}

// here is the folder of this file: it holds the server's program.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// start starts a server that ends when its standard input is closed, which the death of this process does, and waits for the line
// that contains ready.
func start(cmd *exec.Cmd, ready string) (string, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	held = append(held, in)
	return startWith(cmd, ready)
}

// held keeps pipes from being collected, and so closed, before this process ends.
var held []io.Closer

// startWith is start for a command whose standard input the caller has.
func startWith(cmd *exec.Cmd, ready string) (string, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return "", err
	}
	in.Close()
	found := make(chan string, 1)
	var log tail
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if text := lines.Text(); strings.Contains(text, ready) {
				select {
				case found <- text:
				default:
				}
			} else {
				log.add(text)
			}
		}
		close(found)
		io.Copy(io.Discard, out)
	}()
	select {
	case line, ok := <-found:
		if !ok {
			cmd.Wait()
			return "", fmt.Errorf("%s ended: %s", cmd.Path, log.text())
		}
		return line, nil
	case <-time.After(startTimeout):
		cmd.Process.Kill()
		return "", fmt.Errorf("%s was not ready after %v: %s", cmd.Path, startTimeout, log.text())
	}
}

// tail keeps the last lines that a server wrote.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines = append(t.lines, line); len(t.lines) > 20 {
		t.lines = t.lines[1:]
	}
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// run runs statements one after the other.
func run(url string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.PgConn().Exec(ctx, s).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

var databases atomic.Int64

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Postgres returns the URL of a new, empty database on a plain PostgreSQL server.
func Postgres(tb testing.TB) string {
	tb.Helper()
	if _, err := programs(); err != nil {
		missing(tb, "PostgreSQL for tests: "+err.Error())
	}
	shared.once.Do(func() { shared.server, shared.err = startServer("") })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.server.Database(tb)
}
