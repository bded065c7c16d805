package gateway

import (
	"errors"
	"sync"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// tape is the newest stretch of the journal, decoded, in a few reels. All sinks share one, so that a record is decoded once: the pipe that comes to it
// first decodes it, the others find it here. The tape follows the foremost pipe. One that fell behind what the reels hold reads the journal with a tape of
// its own until it has caught up: it delays nobody, and nobody keeps anything for it.
//
// A pipe holds one reel at a time. There is one more than pipes, so that the foremost always finds a reel that nobody holds.
type tape struct {
	journal *journal.Log
	rows    int // events of a reel, with those of its last record

	mu     sync.Mutex
	reader *journal.Reader
	at     uint64 // where the reader stands
	last   *reel  // the one that grows
	reels  []*reel
	unreeler
}

// newTape makes a tape for so many pipes, 0 for one that is a pipe's own.
func newTape(log *journal.Log, rows, pipes int, byName map[string]*protocols.Protocol) *tape {
	t := &tape{journal: log, rows: rows, unreeler: unreeler{byName: byName}}
	for range pipes + 1 {
		t.reels = append(t.reels, new(reel))
	}
	return t
}

// hold gives a pipe the reel that its batch from `from` on will lie in; nil: the tape is ahead of that.
func (t *tape) hold(from uint64) *reel {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found *reel
	for _, r := range t.reels {
		if r.from <= from && from < r.upTo() {
			found = r
		}
	}
	switch {
	case found != nil:
	case t.last != nil && from < t.last.upTo():
		return nil
	case t.last != nil && from == t.last.upTo() && t.room(t.last):
		found = t.last
	default:
		for _, r := range t.reels {
			if r.users == 0 && (found == nil || r.from < found.from) {
				found = r
			}
		}
		found.rewind(from)
		t.last = found
	}
	found.users++
	return found
}

// release lets go of a reel.
func (t *tape) release(r *reel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.users--
}

// room tells whether more records may be added to the reel.
func (t *tape) room(r *reel) bool { return len(r.frame.Events) < t.rows && len(r.raw) < maxBatchRaw }

// stride is how many records are decoded at a time, while another pipe may wait.
const stride = 256

// grow adds records to a batch that lies in r until it has `rows` events, at most a stride of them that had to be decoded. ended says that the batch can
// not go on in this reel. Without that and without more, nothing more is committed now.
func (t *tape) grow(b *protocols.Batch, r *reel, rows int) (more, ended bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.UpTo < r.upTo() {
		b.UpTo = r.reach(b.From, b.UpTo, rows)
		r.cut(b)
		return true, false, nil
	}
	if r != t.last || !t.room(r) {
		return false, true, nil
	}
	if t.reader == nil {
		if t.reader, err = t.journal.NewReader(b.UpTo); err != nil {
			return false, false, err
		}
		t.at = b.UpTo
	}
	if t.at != b.UpTo {
		t.reader.Seek(b.UpTo)
		t.at = b.UpTo
	}
	base := r.before(b.From)
	for n := 0; n < stride && len(r.frame.Events)-base < rows && t.room(r); n++ {
		_, record, ok, readErr := t.reader.TryNext()
		if err = readErr; !ok {
			break
		}
		t.add(r, record)
		more = true
	}
	t.at, b.UpTo = r.upTo(), r.upTo()
	if gap := new(journal.GapError); errors.As(err, &gap) {
		t.at = gap.To
	}
	r.cut(b)
	return more, false, err
}

// forget empties a tape that nobody else uses, so that it may go back.
func (t *tape) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = nil
	for _, r := range t.reels {
		r.rewind(0)
	}
}

// close lets go of the journal.
func (t *tape) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reader != nil {
		t.reader.Close()
		t.reader = nil
	}
}
