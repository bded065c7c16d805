package persistence

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
	"go.uber.org/zap"
)

const (
	killTotal   = 12_000
	killDevices = 40
)

// killEvent is the record at a place of the journal; every fifth is one that the device sent before.
func killEvent(index uint64) protocols.Event {
	n := index - index%5/4*3
	e := fix(fmt.Sprint(n%killDevices), now-protocols.Millis(killTotal-n)*100, 1, 1, float64(n))
	e.Session = 1
	e.Index = index
	return e
}

// A writer that is killed with its process, at any moment and again and again, stores each record once.
func TestKilledWriter(t *testing.T) {
	if url := os.Getenv("TRACKGATE_TEST_WRITER"); url != "" {
		writeUntilKilled(t, Config{URL: url, Timescale: "off"})
		return
	}
	for name, url := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "killed.db") },
		"PostgreSQL": func(t *testing.T) string { return pgtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { testKilledWriter(t, url(t)) })
	}
}

func testKilledWriter(t *testing.T, url string) {
	kills := 0
	for alive := false; !alive; {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "TRACKGATE_TEST_WRITER="+url)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		bufio.NewReader(out).ReadString('\n') // it writes
		if kills < 12 {
			time.AfterFunc(time.Duration(rand.IntN(120_000))*time.Microsecond, func() { cmd.Process.Kill() })
		}
		if err := cmd.Wait(); err == nil {
			alive = true
		} else if kills++; kills > 13 {
			t.Fatalf("the last writer failed: %v", err)
		}
	}
	s, err := Open(t.Context(), Config{URL: url, Timescale: "off"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := map[string]bool{}
	for i := range uint64(killTotal) {
		e := killEvent(i)
		want[e.ID()] = true
	}
	rows, hours := 0, int64(0)
	for d := range killDevices {
		vehicle := fmt.Sprintf("v-%d", d)
		for _, e := range allHistory(t, s, HistoryQuery{Vehicle: vehicle, Limit: MaxLimit}) {
			rows++
			if !want[e.ID()] {
				t.Fatalf("%s was never written, or is stored twice", e.ID())
			}
			delete(want, e.ID())
		}
		sums, err := s.Hourly(t.Context(), vehicle, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range sums {
			hours += h.Events
		}
	}
	if len(want) > 0 || int(hours) != rows {
		t.Errorf("%d records are missing of %d stored; the hours count %d", len(want), rows, hours)
	}
	t.Logf("%d rows after %d kills", rows, kills)
}

func writeUntilKilled(t *testing.T, cfg Config) {
	s, err := Open(t.Context(), cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	next, _, err := s.Offset(t.Context(), "journal")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("writing")
	for next < killTotal {
		end := min(next+1+uint64(rand.IntN(200)), killTotal)
		b := protocols.Batch{Source: "journal", From: next, UpTo: end}
		for i := next; i < end; i++ {
			b.Events = append(b.Events, killEvent(i))
		}
		_, err := s.Write(t.Context(), b)
		var wrong *ErrOffset
		switch {
		case errors.As(err, &wrong): // the server finished what a killed writer had begun
			next = wrong.Have
		case err != nil:
			t.Fatal(err)
		default:
			next = end
		}
	}
}
