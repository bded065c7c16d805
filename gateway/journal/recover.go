package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// recovered counts what recovery met.
type recovered struct {
	gaps       uint64
	gapRecords uint64
	tornBytes  int64
	damaged    int // segments of which nothing could be read
}

// recover fills l.segs and makes the last segment ready to be written to. It reads that one, and only the headers of those before it, however many they
// are: a segment is begun when everything in the one before is committed, so that the name of a file says where its predecessor ends. Whether its
// blocks are sound its readers find out.
func (l *Log) recover() error {
	list, err := listSegments(l.cfg.Dir)
	if err != nil {
		return err
	}
	var scan scanner
	next, started := uint64(0), false
	for i, f := range list {
		last := i == len(list)-1
		below := ^uint64(0)
		if !last {
			// What stands in two segments was written again after a failed sync: the later copy is the one that was committed.
			below = list[i+1].base
		}
		seg, err := l.recoverSegment(&scan, f, below, last)
		if err != nil {
			return fmt.Errorf("recover %s: %w; if the disk cannot read it any more, move the file away: its records are then a gap", f.path, err)
		}
		if seg == nil {
			l.rec.damaged++
			if err := os.Rename(f.path, f.path+damagedSuffix); err != nil {
				return fmt.Errorf("set damaged segment aside: %w", err)
			}
			if started && f.base > next {
				l.gap(next, f.base)
			}
			next, started = max(next, f.base), true
			continue
		}
		if started && seg.base > next {
			l.gap(next, seg.base)
		}
		l.segs = append(l.segs, seg)
		l.bytes += seg.size
		next, started = max(next, seg.next), true
	}
	if n := len(l.segs); n > 0 && l.segs[n-1].path != list[len(list)-1].path {
		// The last file was set aside: go on behind it, in a segment of its own.
		l.segs[n-1].failed = true
	}
	l.next.Store(next)
	return l.resume()
}

func (l *Log) gap(from, to uint64) {
	l.rec.gaps++
	l.rec.gapRecords += to - from
	l.hole(to)
}

// mostHoles bounds how many holes are told apart.
const mostHoles = 1 << 16

// hole notes a damaged place by the index behind it, which is the same for whoever comes upon it. The caller holds mu, or opens the journal.
func (l *Log) hole(to uint64) {
	if l.holes == nil {
		l.holes = make(map[uint64]struct{})
	}
	if len(l.holes) < mostHoles {
		l.holes[to] = struct{}{}
	}
}

// recoverSegment reads the header of one file, and walks the file if it is the last or the header is damaged. It returns nil if nothing in it can be
// believed. below is the index that the next file begins with.
func (l *Log) recoverSegment(scan *scanner, f found, below uint64, last bool) (*segment, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := min(info.Size(), MaxSegmentBytes) &^ 7 // we make no larger file
	var head [segmentHeader + blockHeader]byte
	if n, err := file.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if n < segmentHeader {
		return nil, nil
	}
	base, salt, ok := parseSegmentHeader(head[:])
	if ok && base != f.base {
		return nil, nil // an earlier life of the file: nothing was committed under this name
	}
	salvaged := !ok
	if salvaged {
		// The first block, if it is sound and begins where the name says, knows the salt as well.
		salt = blockSalt(head[segmentHeader:])
		if salt == 0 {
			return nil, nil
		}
	}
	seg := newSegment(f.path, f.base, salt, size)
	seg.below = below
	if ok && !last {
		seg.end, seg.next, seg.index = size, below, nil
		return seg, nil
	}
	scan.reset(file, f.base, salt, segmentHeader, size)
	scan.below = below
	for {
		b, err := scan.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if salvaged && seg.next == seg.base && (b.first != seg.base || b.off != segmentHeader) {
			return nil, nil
		}
		if b.first > seg.next {
			l.gap(seg.next, b.first)
		}
		seg.note(b.first, b.off)
		seg.end, seg.next = b.off+int64(b.size), b.first+uint64(b.count)
	}
	if salvaged {
		if seg.next == seg.base {
			return nil, nil
		}
		seg.failed = true // readable, but it would not be found again if its first block went too
	}
	if last && !seg.failed {
		err = l.wipeTail(seg, file)
	}
	return seg, err
}

// wipeTail clears what stands behind the last sound block of the segment that is written to next: a commit that a crash cut
// short, or, in a file used again, blocks of its earlier life.
func (l *Log) wipeTail(seg *segment, file *os.File) error {
	from, to, err := nonZero(file, seg.end, seg.size)
	if err != nil || from == to {
		return err
	}
	var head [blockHeader]byte
	if n, err := file.ReadAt(head[:], seg.end); err != nil && err != io.EOF {
		return err
	} else if n == blockHeader && blockSalt(head[:]) == seg.salt {
		l.rec.tornBytes += min(to-seg.end, blockLength(head[:]))
	} else if from == seg.end {
		if salt := blockSalt(head[:]); salt == 0 { // neither ours nor an old block
			l.rec.tornBytes += to - seg.end
		}
	}
	w, err := os.OpenFile(seg.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := zeroFill(l.ops, w, seg.end, to); err != nil {
		seg.failed = true // go on in another file; what was committed here can still be read
	}
	return nil
}

// resume opens the last segment for writing.
func (l *Log) resume() error {
	if len(l.segs) == 0 {
		return nil
	}
	seg := l.segs[len(l.segs)-1]
	if seg.failed {
		return nil
	}
	f, err := os.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open %s for writing: %w", seg.path, err)
	}
	// A killed process may have written the last blocks without syncing them. Readers are about to see them.
	if err := l.sync(f); err != nil {
		seg.failed = true
		f.Close()
		return nil
	}
	l.active, l.file = seg, f
	return nil
}

// nonZero returns the smallest range of [from, to) outside of which all bytes are 0.
func nonZero(f io.ReaderAt, from, to int64) (first, last int64, err error) {
	first, last = to, to
	buf, zero := make([]byte, 256<<10), make([]byte, 256<<10)
	seen := false
	for off := from; off < to; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), to-off)]
		n, err := f.ReadAt(b, off)
		if err != nil && err != io.EOF {
			return 0, 0, err
		}
		if bytes.Equal(b[:n], zero[:n]) {
			continue
		}
		for i, c := range b[:n] {
			if c == 0 {
				continue
			}
			if !seen {
				first, seen = off+int64(i), true
			}
			last = off + int64(i) + 1
		}
	}
	return first, last, nil
}

// zeroFill writes zeros over [from, to) and syncs now and then, so that a commit in another file never waits for all of it.
func zeroFill(ops *fileOps, f *os.File, from, to int64) error {
	const step, syncEvery = 1 << 20, 8 << 20
	zero := make([]byte, min(step, to-from))
	dirty := int64(0)
	for off := from; off < to; {
		n := min(int64(len(zero)), to-off)
		if err := ops.write(f, zero[:n], off); err != nil {
			return err
		}
		off += n
		if dirty += n; dirty >= syncEvery || off == to {
			if err := ops.sync(f); err != nil {
				return err
			}
			dirty = 0
		}
	}
	return nil
}
