package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// smallJournal has segments as small as they may be.
var smallJournal = []string{"TRACKGATE_JOURNAL_SEGMENT_MIB=4", "TRACKGATE_JOURNAL_FREE_MIB=0"}

// silent checks that no device is answered now.
func (s *siege) silent() {
	s.t.Helper()
	s.rest(300 * time.Millisecond) // the file of acknowledgements is written every 100 ms
	before := s.acks()
	s.rest(time.Second)
	if after := s.acks(); after != before {
		s.t.Errorf("devices are answered: %d bytes of acknowledgements", after-before)
	}
}

// red waits until the node is not ready, and checks the reason.
func (b *besieged) red(reason string) {
	b.siege.t.Helper()
	var why string
	b.siege.until("not ready", func() bool {
		status, text := b.readiness()
		why = text
		return status == 503
	})
	if !strings.Contains(why, reason) {
		b.siege.t.Errorf("not ready because of %q, want %q", why, reason)
	}
}

func (b *besieged) green() {
	b.siege.t.Helper()
	b.siege.until("ready", func() bool { status, _ := b.readiness(); return status == 200 })
}

// TestChaosJournalDiskFull fills the journal's disk while the database is away: answers stop, the devices keep their data. They resume when there is room,
// and the database gets all when it is back.
func TestChaosJournalDiskFull(t *testing.T) {
	t.Parallel()
	onSmallDisk(t, 24<<20, func(t *testing.T, disk string) {
		server := pgtest.NewPostgres(t)
		s := besiege(t, "journal's disk full", "PostgreSQL", plainPostgres(server.Database(t))...)
		b := s.nodeIn(filepath.Join(disk, "data"), smallJournal...)
		s.load("--protocol", "gt06", "--interval", "1s")
		server.Stop()
		free := fillDisk(t, disk)
		m := b.weigh()
		// What room the journal has already is used up by devices with much to tell.
		more := filepath.Join(t.TempDir(), "acked.csv")
		flood := start(t, nil, "simulate", "--to", b.any, "--protocol", "gt06", "--devices", "150", "--interval", "1s", "--backlog", "500", "--duration", "0", "--grace", "3m",
			"--acked", more, "--patience", "5s", "--backoff", "100ms", "--first-imei", "860000000000000")
		b.red("journal") // as soon as the next file does not fit
		s.until("the last file is full", func() bool { return b.metric("trackgate_stalled") == 1 })
		s.silent()
		connected := b.metric("trackgate_connections{")
		s.rest(time.Duration(rounds()-1) * 5 * time.Second)
		for _, reason := range []string{"first_byte", "login", "frame", "idle"} {
			if n := b.metric(`trackgate_closes_total{reason="` + reason + `"}`); n > 0 {
				t.Errorf("%.0f devices were disconnected by the deadline %s, which they could not meet", n, reason)
			}
		}
		r := s.over(b)
		free()
		s.more("devices are answered again")
		r.answers = time.Since(r.ended)
		b.green()
		held := b.metric(`trackgate_sink_lag_records{sink="store"}`)
		s.say("%.0f devices connected and silent meanwhile; answers again after %v, with %.0f records in the journal; %v", connected, round(r.answers), held, m.flat())
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		r = s.over(b).caughtUp()
		flood.cmd.Process.Signal(os.Interrupt)
		if err := <-flood.done; err != nil {
			t.Errorf("the flood: %v\n%s", err, flood.said())
		}
		rep := s.judge()
		s.acked = more
		both := s.verified()
		s.inOrder(false)
		s.fault = "database back after it"
		s.say("%v; %v; %d records acknowledged, each stored once", r, b.usual, rep.Acked+both.Acked)
	})
}

// TestChaosSync has a disk whose syncs are slow, and then fail and lose what they should have written. Nothing is acknowledged by grace of a second sync
// that says yes: after a kill everything that was acknowledged is there.
func TestChaosSync(t *testing.T) {
	t.Parallel()
	s := besiege(t, "fsync", "SQLite")
	order := filepath.Join(t.TempDir(), "disk")
	b := s.node(append(smallJournal, "TRACKGATE_TEST_DISK="+order)...)
	give := func(text string) {
		t.Helper()
		if err := os.WriteFile(order+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(order+".new", order); err != nil {
			t.Fatal(err)
		}
	}
	s.load()
	m := b.weigh()
	var slow, failed recovery
	for range rounds() {
		give("slow 300ms")
		s.more("devices are answered, slowly")
		s.more("and again")
		if status, why := b.readiness(); status != 200 {
			t.Errorf("slow is not broken: %s", why)
		}
		r := s.over(b)
		give("")
		slow.slower(r.wait())
		m.flat()

		give("fail")
		b.red("write failed")
		s.silent()
		r = s.over(b)
		give("")
		r.wait()
		b.green()
		if n := b.metric("trackgate_wal_write_failures"); n == 0 {
			t.Error("no failure is counted")
		}
		failed.slower(r)
		m.flat()
		b.kill()
		b.begin()
		s.more("devices are answered after the kill")
	}
	report := s.judge()
	s.fault = "fsync takes 300 ms"
	s.say("%d times, the slowest: %v; %v", rounds(), &slow, m)
	s.fault = "fsync fails, then a kill"
	s.say("%d times, the slowest: %v; %v; %d records acknowledged, each stored once", rounds(), &failed, m, report.Acked)
}

// TestChaosSQLiteDiskFull takes the room that the store's own file needs; the journal is on another disk.
func TestChaosSQLiteDiskFull(t *testing.T) {
	t.Parallel()
	onSmallDisk(t, 48<<20, func(t *testing.T, disk string) {
		store := filepath.Join(disk, "trackgate.db")
		s := besiege(t, "store's disk full", "SQLite", "TRACKGATE_STORE_PATH="+store)
		b := s.node()
		s.load()
		m := b.weigh()
		failed := b.metric(`trackgate_sink_errors_total{sink="store"}`)
		free := fillDisk(t, disk)
		s.until("the store fails", func() bool { return b.metric(`trackgate_sink_errors_total{sink="store"}`) > failed })
		s.rest(time.Duration(rounds()) * time.Second)
		s.more("devices are answered during the outage")
		held := b.metric(`trackgate_sink_lag_records{sink="store"}`)
		r := s.over(b)
		free()
		r.caughtUp()
		if n := b.metric(`trackgate_db_rows_total{kind="dead"}`); n != 0 {
			t.Errorf("%.0f records were taken for bad ones", n)
		}
		s.judge()
		s.say("%.0f records in the journal; %v; %v", held, r, m.flat())
	})
}
