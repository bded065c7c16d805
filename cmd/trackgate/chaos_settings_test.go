package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChaosSettings starts the gateway, after kills and stops, with the settings of other times: other sizes, other moments of the answer, a file of a later
// version whose keys this one does not have. The journal is the same all the time.
func TestChaosSettings(t *testing.T) {
	t.Parallel()
	s := besiege(t, "restarted with other settings", "SQLite")
	b := s.node(smallJournal...)
	s.load()
	lives := [][]string{
		{"TRACKGATE_JOURNAL_SEGMENT_MIB=16", "TRACKGATE_JOURNAL_MAX_MIB=64", "TRACKGATE_JOURNAL_FREE_MIB=1", "TRACKGATE_GATEWAY_COMMIT_WINDOW=0s"},
		{"TRACKGATE_JOURNAL_SEGMENT_MIB=4", "TRACKGATE_JOURNAL_MAX_MIB=12", "TRACKGATE_JOURNAL_FREE_MIB=0", "TRACKGATE_GATEWAY_ACK=stored", "TRACKGATE_GATEWAY_STORE_BATCH=50"},
		{"TRACKGATE_JOURNAL_KEEP_MIB=64", "TRACKGATE_GATEWAY_COMMIT_WINDOW=40ms", "TRACKGATE_GATEWAY_TAKEOVER=both", "TRACKGATE_GATEWAY_STORE_DELAY=2s"},
		{"TRACKGATE_JOURNAL_SEGMENT_MIB=64", "TRACKGATE_GATEWAY_LOOPS=3", "TRACKGATE_GATEWAY_FRAMES_PER_SECOND=20"},
	}
	later := filepath.Join(t.TempDir(), "later.yaml")
	if err := os.WriteFile(later, []byte("gateway:\n  telepathy: on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var worst recovery
	for range rounds() {
		for i, env := range lives {
			s.rest(time.Duration(s.random.IntN(500)) * time.Millisecond)
			if i%2 == 0 {
				b.kill()
			} else {
				b.stop()
			}
			r := s.over(b)
			if i == 0 {
				out, err := run(t, s.env, "serve", "--config", later, "--data", b.data, "--http", b.web, "--any", b.any)
				if err == nil || !strings.Contains(out, "telepathy") {
					t.Errorf("a key of a later version: %v\n%s", err, out)
				}
			}
			b.env = env
			b.begin()
			r.wait()
			worst.slower(r)
		}
	}
	r := s.judge()
	s.say("%d times, the slowest: %v; %v; %d records acknowledged, each stored once", rounds()*len(lives), &worst, b.usual, r.Acked)
}
