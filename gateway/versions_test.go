package gateway

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// TestRecordsOfOtherVersions starts on a journal in which a later version, and one with other protocols and decoders, have written. What this one can not
// read becomes a dead letter with all its bytes; what it can, an event; and nothing stands still.
func TestRecordsOfOtherVersions(t *testing.T) {
	dir := t.TempDir()
	log, err := journal.Open(journal.Config{Dir: filepath.Join(dir, "journal"), SegmentBytes: 4 << 20, MaxBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	now := protocols.At(time.Now())
	single := func(raw string) []byte { // as the first layout was
		r := record{received: now}
		c := connection{protocol: "wire", version: 1, start: now, number: 2, vehicle: "B", session: protocols.Session{Device: "B"}}
		b := append(c.append(r.appendFixed(nil)), raw...)
		b[0] = recordSingle
		return b
	}
	record := func(protocol string, decoder uint8, raw string) []byte {
		r := record{received: now}
		c := connection{protocol: protocol, version: decoder, start: now, number: 1, vehicle: "A", session: protocols.Session{Device: "A"}}
		w := newWorker(-1)
		w.keep(&r, string(c.append(nil)), []byte(raw), 1)
		return w.stage
	}
	later := record("wire", 1, "beat\n")
	later[0] = recordVersion + 1
	batch := log.NewBatch()
	for _, b := range [][]byte{
		record("wire", 0, "beat\n"),   // an earlier decoder
		later,                         // a later layout
		record("gone", 1, "beat\n"),   // a protocol that there is no more
		record("wire", 9, "panic\n"),  // a frame that a later decoder accepted
		record("wire", 1, "beat\n"),   // ours
		[]byte("a record of nothing"), // never valid
		single("beat\n"),              // ours, some time ago
	} {
		if err := batch.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(batch); err != nil {
		t.Fatal(err)
	}
	log.Close()

	store := newMemory()
	r := startIn(t, dir, store, nil)
	r.until("the store has it all", func() bool { return r.Lag() == 0 })
	if got := store.wait(t, 3); len(got) != 3 {
		t.Errorf("%d events, want 3", len(got))
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	want := []struct {
		index uint64
		raw   []byte
	}{{1, later}, {2, []byte("beat\n")}, {3, []byte("panic\n")}, {5, []byte("a record of nothing")}}
	if len(store.dead) != len(want) {
		t.Fatalf("%d dead letters, want %d: %+v", len(store.dead), len(want), store.dead)
	}
	for i, w := range want {
		if d := store.dead[i]; d.Index != w.index || !bytes.Equal(d.Raw, w.raw) || d.Error == "" {
			t.Errorf("dead letter %d: record %d, %q, %s; want record %d, %q", i, d.Index, d.Raw, d.Error, w.index, w.raw)
		}
	}
}
