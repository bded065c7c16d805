package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
)

// Reader reads committed records in order. Any number of readers work at once, none holds segments back, and none slows
// another or Append. One Reader has one caller at a time; Close may come from elsewhere only after that caller is done.
type Reader struct {
	log  *Log
	wake chan struct{}
	done atomic.Bool

	wanted atomic.Uint64 // no commit before this index is worth waking for

	pos  uint64   // next index to return
	seg  *segment // nil: look for pos
	file *os.File // of seg
	scan scanner

	records []byte // rest of the block at hand
	at      uint64 // index of its first record
	left    int    // records in it
}

// NewReader starts at the index from. Starting before First gives a GapError from the first Next; a start behind Next is refused
// with ErrBeyondEnd.
func (l *Log) NewReader(from uint64) (*Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		return nil, ErrClosed
	}
	if next := l.next.Load(); from > next {
		return nil, fmt.Errorf("%w: %d, the journal ends at %d", ErrBeyondEnd, from, next)
	}
	r := &Reader{log: l, wake: make(chan struct{}, 1), pos: from}
	l.readers = append(l.readers, r)
	return r, nil
}

// poke tells a waiting reader to look again.
func (r *Reader) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Next returns the next record and its index, waiting for one to be committed if need be. The record belongs to the reader and is
// valid until the next call. A *GapError stands for records that cannot be read; the call after it goes on behind them.
// Other errors: the context's, ErrClosed, and those of the disk, after which the reader stays where it is.
func (r *Reader) Next(ctx context.Context) (index uint64, record []byte, err error) {
	for {
		index, record, ok, err := r.TryNext()
		if ok || err != nil {
			return index, record, err
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		case <-r.log.closed:
			return 0, nil, ErrClosed
		}
	}
}

// Wait waits until the record of this index is committed, without reading it. Errors are the context's and ErrClosed.
func (r *Reader) Wait(ctx context.Context, index uint64) error {
	r.wanted.Store(index) // before looking: a commit looks at it after
	defer r.wanted.Store(0)
	for r.log.Next() <= index {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.log.closed:
			return ErrClosed
		}
	}
	return nil
}

// Seek makes index the next to return. Like a start before First, a place before it gives a GapError.
func (r *Reader) Seek(index uint64) {
	r.leave()
	r.pos = index
}

// TryNext is Next without waiting: ok is false at the committed end.
func (r *Reader) TryNext() (index uint64, record []byte, ok bool, err error) {
	for {
		for r.left > 0 {
			rec, n := cutRecord(r.records)
			if n == 0 {
				// The checksum holds, so this was never written by us; nothing behind it in the block can be told apart.
				behind := r.at + uint64(r.left)
				r.left = 0
				return 0, nil, false, r.gap(behind)
			}
			index = r.at
			r.records = r.records[n:]
			r.at++
			r.left--
			if index >= r.pos {
				r.pos = index + 1
				return index, rec, true, nil
			}
		}
		if ok, err := r.advance(); !ok || err != nil {
			return 0, nil, false, err
		}
	}
}

// Close frees the reader. It may be called twice.
func (r *Reader) Close() error {
	if !r.done.CompareAndSwap(false, true) {
		return nil
	}
	l := r.log
	l.mu.Lock()
	if i := slices.Index(l.readers, r); i >= 0 {
		l.readers = slices.Delete(l.readers, i, i+1)
	}
	l.mu.Unlock()
	r.leave()
	r.scan.buf = nil
	return nil
}

// gap moves on to the index to and reports what was skipped.
func (r *Reader) gap(to uint64) error {
	e := &GapError{From: r.pos, To: to}
	r.pos = to
	l := r.log
	l.mu.Lock()
	l.count.readGaps++
	l.count.readGapRecords += to - e.From
	if e.From >= l.first() { // else it was released, not damaged
		l.hole(to)
	}
	l.mu.Unlock()
	return e
}

// advance puts the next block at hand. ok is false at the committed end.
func (r *Reader) advance() (ok bool, err error) {
	for {
		if r.done.Load() {
			return false, ErrClosed
		}
		if r.seg == nil {
			if ok, err := r.enter(); !ok || err != nil {
				return false, err
			}
		}
		b, err := r.scan.next()
		if err != nil && err != io.EOF {
			return false, fmt.Errorf("journal: read %s: %w", r.seg.path, err)
		}
		if r.scan.skipped > 0 && r.isGone() {
			r.leave() // not damage: the file is being used again
			continue
		}
		if err == io.EOF {
			if ok, err := r.atLimit(); !ok || err != nil {
				return false, err
			}
			continue
		}
		if b.first+uint64(b.count) <= r.pos {
			continue
		}
		r.records, r.at, r.left = b.records, b.first, b.count
		if b.first > r.pos {
			return false, r.gap(b.first)
		}
		return true, nil
	}
}

// enter opens the segment that holds pos. ok is false at the committed end.
func (r *Reader) enter() (ok bool, err error) {
	l := r.log
	l.mu.Lock()
	if l.isClosed() {
		l.mu.Unlock()
		return false, ErrClosed
	}
	if r.pos >= l.next.Load() {
		l.mu.Unlock()
		return false, nil
	}
	i, found := slices.BinarySearchFunc(l.segs, r.pos, func(s *segment, pos uint64) int {
		switch {
		case s.base < pos:
			return -1
		case s.base > pos:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 || r.pos >= l.segs[i].next {
		to := l.next.Load() // the last file was set aside
		if i+1 < len(l.segs) {
			to = l.segs[i+1].base
		}
		l.mu.Unlock()
		return false, r.gap(to)
	}
	seg := l.segs[i]
	m := seg.seek(r.pos)
	end := seg.end
	f, err := os.Open(seg.path) // under the lock: the name is the segment's own as long as it is in the list
	l.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("journal: a segment was taken out of the folder: %w", err)
	}
	if err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	r.seg, r.file = seg, f
	r.scan.reset(f, seg.base, seg.salt, m.off, end)
	r.scan.expect, r.scan.below = m.first, seg.below
	return true, nil
}

// atLimit is called when the known part of the segment is read. ok is false at the committed end.
func (r *Reader) atLimit() (ok bool, err error) {
	l := r.log
	l.mu.Lock()
	if l.isClosed() {
		l.mu.Unlock()
		return false, ErrClosed
	}
	seg := r.seg
	if seg.gone {
		l.mu.Unlock()
		r.leave()
		return true, nil
	}
	if seg.end > r.scan.limit {
		r.scan.limit = seg.end
		l.mu.Unlock()
		return true, nil
	}
	next, last := seg.next, l.segs[len(l.segs)-1] == seg
	l.mu.Unlock()
	if r.pos < next { // the blocks up to the end are damaged
		return false, r.gap(next)
	}
	if last {
		return false, nil
	}
	r.leave()
	return true, nil
}

func (r *Reader) isGone() bool {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.seg.gone
}

// leave lets go of the segment.
func (r *Reader) leave() {
	if r.file != nil {
		r.file.Close()
	}
	r.seg, r.file, r.records, r.left = nil, nil, nil, 0
}
