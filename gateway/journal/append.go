package journal

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Append commits the batch and returns the index of its first record. On return without error the records are on disk and
// readers see them. On any error none of them is committed and the batch is as before: it may be appended again. The errors to tell apart:
// ErrFull (nothing was written), ErrFailed, ErrBatchTooLarge, ErrClosed.
//
// An fdatasync that failed may have thrown away what it should have written and will report success the next time. So
// the file is given up, and the batch goes once more, from memory, into a new segment.
func (l *Log) Append(b *Batch) (first uint64, err error) {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if l.isClosed() {
		return 0, ErrClosed
	}
	if b.count == 0 {
		return l.Next(), nil
	}
	if b.open {
		b.seal()
	}
	if int64(len(b.buf)) > l.cfg.SegmentBytes-segmentHeader {
		return 0, fmt.Errorf("%w: %d bytes", ErrBatchTooLarge, len(b.buf))
	}
	if l.active == nil || l.active.end+int64(len(b.buf)) > l.active.size {
		if err := l.roll(); err != nil {
			l.refused(err)
			return 0, err
		}
	}
	first = l.Next()
	if err = l.write(b, first); err != nil {
		l.giveUp()
		if rerr := l.roll(); rerr != nil {
			err = errors.Join(err, rerr)
		} else if err = l.write(b, first); err != nil {
			l.giveUp()
		}
	}
	if err != nil {
		// errors.Is(err, ErrFull) must not hold here: something was written.
		err = fmt.Errorf("%w: %v", ErrFailed, err)
		l.refused(err)
		return 0, err
	}
	l.commit(b, first)
	return first, nil
}

func (l *Log) write(b *Batch, first uint64) error {
	b.stamp(first, l.active.salt)
	if err := l.ops.write(l.file, b.buf, l.active.end); err != nil {
		return err
	}
	return l.sync(l.file)
}

// commit publishes what write made durable.
func (l *Log) commit(b *Batch, first uint64) {
	l.mu.Lock()
	seg := l.active
	for _, s := range b.blocks {
		seg.note(first, seg.end+int64(s.start))
		first += uint64(s.count)
	}
	seg.end += int64(len(b.buf))
	seg.next = first
	l.next.Store(first)
	c := &l.count
	c.appends++
	c.records += uint64(b.count)
	c.appendedBytes += uint64(len(b.buf))
	c.fullSince, c.failedSince = time.Time{}, time.Time{}
	for _, r := range l.readers {
		if r.wanted.Load() < first {
			r.poke()
		}
	}
	l.mu.Unlock()
}

// giveUp ends the life of the active segment after a failed write or sync.
func (l *Log) giveUp() {
	l.mu.Lock()
	l.active.failed = true
	l.count.writeFailures++
	l.mu.Unlock()
	l.file.Close() // its error tells nothing new
	l.active, l.file = nil, nil
}

// roll makes the spare the active segment: header, sync, rename, sync of the folder, before any record goes in.
func (l *Log) roll() error {
	f, err := l.takeSpare()
	if err != nil {
		return err
	}
	defer func() {
		l.mu.Lock()
		l.rolling = false
		l.mu.Unlock()
		l.wake()
	}()
	base, salt := l.Next(), newSalt()
	path := segmentPath(l.cfg.Dir, base)
	var h [segmentHeader]byte
	putSegmentHeader(h[:], base, salt)
	err = l.ops.write(f, h[:], 0)
	if err == nil {
		err = l.sync(f)
	}
	if err == nil {
		// If the last segment has no record, it has this name too, and is replaced.
		err = os.Rename(l.sparePath(), path)
		if err == nil {
			if err = l.ops.syncDir(l.cfg.Dir); err != nil {
				l.dropEmpty()
				os.Remove(path)
			}
		}
	}
	if err != nil {
		f.Close()
		os.Remove(l.sparePath())
		l.mu.Lock()
		l.bytes -= l.cfg.SegmentBytes
		l.count.writeFailures++
		l.mu.Unlock()
		return fmt.Errorf("%w: begin segment: %v", ErrFailed, err)
	}
	l.dropEmpty()
	if l.file != nil {
		l.file.Close()
	}
	seg := newSegment(path, base, salt, l.cfg.SegmentBytes)
	l.mu.Lock()
	l.segs = append(l.segs, seg)
	l.count.rolls++
	l.mu.Unlock()
	l.active, l.file = seg, f
	return nil
}

// dropEmpty forgets a last segment without records, whose file was replaced.
func (l *Log) dropEmpty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.segs)
	if n == 0 || l.segs[n-1].base != l.Next() {
		return
	}
	seg := l.segs[n-1]
	seg.gone = true
	l.bytes -= seg.size
	l.segs[n-1] = nil
	l.segs = l.segs[:n-1]
	if l.active == seg { // its file has no name any more: nothing written to it would be found again
		l.file.Close()
		l.active, l.file = nil, nil
	}
}

// refused counts an Append that committed nothing.
func (l *Log) refused(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(err, ErrFull) {
		l.count.refusedFull++
		if l.count.fullSince.IsZero() {
			l.count.fullSince = time.Now()
		}
		return
	}
	l.count.refusedFailed++
	if l.count.failedSince.IsZero() {
		l.count.failedSince = time.Now()
	}
}

// sync is a timed and counted fdatasync.
func (l *Log) sync(f *os.File) error {
	start := time.Now()
	err := l.ops.sync(f)
	took := time.Since(start)
	l.mu.Lock()
	l.count.syncs++
	l.count.syncTime += took
	l.count.slowestSync = max(l.count.slowestSync, took)
	l.mu.Unlock()
	return err
}
