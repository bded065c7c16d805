package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func (l *Log) sparePath() string { return filepath.Join(l.cfg.Dir, spareName) }

// Release says that the store has every record below upTo. Segments that lie below it altogether are used again or removed in the
// background, except for Config.Keep bytes of the newest of them (and one at least, from which the next spare is made).
func (l *Log) Release(upTo uint64) {
	l.mu.Lock()
	l.released = max(l.released, min(upTo, l.next.Load()))
	l.mu.Unlock()
	l.wake()
}

// wake calls the caretaker.
func (l *Log) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// caretaker keeps one spare segment ready and removes what is no longer held.
func (l *Log) caretaker() {
	defer l.wait.Done()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-l.closed:
			return
		case <-l.kick:
		case <-retry.C:
		}
		l.trim()
		if err := l.prepare(); err != nil {
			retry.Reset(l.cfg.retryEvery)
		}
	}
}

// takeSpare hands over the prepared segment, preparing one now if the caretaker is behind or was refused. No other is prepared
// until rolling is cleared: it would take the name.
func (l *Log) takeSpare() (*os.File, error) {
	for {
		l.mu.Lock()
		f := l.spare
		if f != nil {
			l.spare, l.rolling = nil, true
		}
		l.mu.Unlock()
		if f != nil {
			return f, nil
		}
		if err := l.prepare(); err != nil {
			return nil, err
		}
	}
}

// prepare makes a spare if there is none. Its error is ErrFull or ErrFailed.
func (l *Log) prepare() error {
	l.prepareMu.Lock()
	defer l.prepareMu.Unlock()
	l.mu.Lock()
	have := l.spare != nil || l.rolling
	l.mu.Unlock()
	if have {
		return nil
	}
	f, err := l.makeSpare()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.count.noSpareSince.IsZero() {
			l.count.noSpareSince = time.Now()
		}
		return err
	}
	l.spare = f
	l.bytes += l.cfg.SegmentBytes
	l.count.noSpareSince = time.Time{}
	return nil
}

// makeSpare takes a released segment that nobody keeps, else makes a new file, else takes a kept one. Caller holds prepareMu.
func (l *Log) makeSpare() (*os.File, error) {
	if f := l.recycle(l.cfg.Keep); f != nil {
		return f, nil
	}
	for {
		held := l.held()
		reason := fmt.Errorf("%w: the limit of %d bytes is used up by records that the store has not taken", ErrFull, l.cfg.MaxBytes)
		if held+l.cfg.SegmentBytes <= l.cfg.MaxBytes {
			f, err := l.createSpare()
			if err == nil {
				return f, nil
			}
			if !noSpace(err) {
				return nil, fmt.Errorf("%w: prepare segment: %v", ErrFailed, err)
			}
			reason = fmt.Errorf("%w: no room for another segment of %d bytes: %v", ErrFull, l.cfg.SegmentBytes, err)
		}
		if f := l.recycle(0); f != nil {
			return f, nil
		}
		if l.held() == held {
			return nil, reason
		}
		// Released segments that do not serve as a spare are gone now: there may be room for a new one.
	}
}

func (l *Log) held() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// createSpare makes a file filled with zeros.
func (l *Log) createSpare() (*os.File, error) {
	if l.cfg.MinFree > 0 {
		free, err := l.ops.free(l.cfg.Dir)
		if err != nil {
			return nil, err
		}
		if free-l.cfg.SegmentBytes < l.cfg.MinFree {
			return nil, fmt.Errorf("%d bytes free, %d of them must stay: %w", free, l.cfg.MinFree, syscall.ENOSPC)
		}
	}
	tmp := l.sparePath() + ".tmp"
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	err = l.ops.allocate(f, l.cfg.SegmentBytes)
	if err == nil {
		err = zeroFill(l.ops, f, 0, l.cfg.SegmentBytes)
	}
	if err == nil {
		err = os.Rename(tmp, l.sparePath())
	}
	if err != nil {
		f.Close()
		os.Remove(tmp)
		return nil, err
	}
	return f, nil
}

// recycle turns the oldest released segment into the spare, if keep bytes of released ones remain. Its old blocks stay in it:
// the next salt makes them void. Segments that failed or have another size are removed on the way.
func (l *Log) recycle(keep int64) *os.File {
	for {
		seg := l.takeReleased(keep)
		if seg == nil {
			return nil
		}
		if seg.failed || seg.size != l.cfg.SegmentBytes {
			os.Remove(seg.path)
			continue
		}
		f, err := l.renameToSpare(seg)
		if err != nil {
			os.Remove(seg.path)
			os.Remove(l.sparePath())
			continue
		}
		l.mu.Lock()
		l.count.recycled++
		l.mu.Unlock()
		return f
	}
}

func (l *Log) renameToSpare(seg *segment) (*os.File, error) {
	f, err := os.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err = os.Rename(seg.path, l.sparePath()); err == nil {
		// Before anything else is written to it, it must have lost its old name for good.
		err = l.ops.syncDir(l.cfg.Dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// trim removes released segments beyond what is kept and what the next spare needs.
func (l *Log) trim() {
	l.prepareMu.Lock()
	defer l.prepareMu.Unlock()
	for {
		seg := l.takeReleased(max(l.cfg.Keep, l.cfg.SegmentBytes))
		if seg == nil {
			return
		}
		os.Remove(seg.path) // a file that stays is found by the next Open, and removed when the store says again how far it is
		l.mu.Lock()
		l.count.removed++
		l.mu.Unlock()
	}
}

// takeReleased removes the oldest released segment from the journal, if keep bytes of released ones remain without it.
func (l *Log) takeReleased(keep int64) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := int64(0)
	for i, seg := range l.segs {
		if i == len(l.segs)-1 || l.segs[i+1].base > l.released {
			break
		}
		sum += seg.size
	}
	if sum == 0 || sum-l.segs[0].size < keep {
		return nil
	}
	seg := l.segs[0]
	seg.gone = true
	l.bytes -= seg.size
	n := copy(l.segs, l.segs[1:])
	l.segs[n] = nil
	l.segs = l.segs[:n]
	return seg
}

// adoptSpare takes over what an earlier process prepared.
func (l *Log) adoptSpare() {
	os.Remove(l.sparePath() + ".tmp")
	f, err := os.OpenFile(l.sparePath(), os.O_RDWR, 0)
	if err != nil {
		return // none, or none that can be used: the caretaker makes one
	}
	info, err := f.Stat()
	if err != nil || info.Size() != l.cfg.SegmentBytes || l.bytes+info.Size() > l.cfg.MaxBytes {
		f.Close()
		os.Remove(l.sparePath())
		return
	}
	l.spare = f
	l.bytes += info.Size()
}
