package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".seg"
	damagedSuffix = ".damaged"
	spareName     = "spare"
	// indexStride is how many bytes lie between two entries of the index in memory: 16 B per 32 KiB are 2 MiB for 4 GiB.
	indexStride = 32 << 10
)

// segment is one file of the journal. Its fields are guarded by Log.mu once it is in Log.segs.
type segment struct {
	base  uint64 // index of its first record
	salt  uint64
	path  string
	size  int64 // of the file
	end   int64 // committed bytes; of a segment that was full when the journal was opened, all
	next  uint64
	below uint64 // no record of it has this index or a larger one
	index []mark // empty if the segment was full when the journal was opened

	failed bool // a write or sync failed here, or it could be read only in part: nothing is ever written to it again
	gone   bool // no longer part of the journal; the file may hold something else by now
}

// mark is an entry of the index in memory: a block and where it stands.
type mark struct {
	first uint64
	off   int64
}

func newSegment(path string, base, salt uint64, size int64) *segment {
	return &segment{
		base: base, salt: salt, path: path, size: size, end: segmentHeader, next: base, below: ^uint64(0),
		index: make([]mark, 0, size/indexStride+1),
	}
}

// note enters a block into the index if the last entry is far enough away.
func (s *segment) note(first uint64, off int64) {
	if n := len(s.index); n == 0 || off-s.index[n-1].off >= indexStride {
		s.index = append(s.index, mark{first, off})
	}
}

// seek returns the place to start reading from in order to find the record index.
func (s *segment) seek(index uint64) mark {
	lo, hi := 0, len(s.index)
	for lo < hi {
		if m := (lo + hi) / 2; s.index[m].first <= index {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return mark{s.base, segmentHeader}
	}
	return s.index[lo-1]
}

func segmentPath(dir string, base uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d", base)+segmentSuffix)
}

// segmentBase reads the base index out of a file name.
func segmentBase(name string) (base uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseUint(digits, 10, 64)
	return base, err == nil && base < maxBase
}

// found is one segment file as the folder lists it.
type found struct {
	base uint64
	path string
}

// listSegments returns the segment files in order. Names that are not a segment's are left alone.
func listSegments(dir string) ([]found, error) {
	entries, err := os.ReadDir(dir) // sorted by name, which is by base
	if err != nil {
		return nil, err
	}
	var list []found
	for _, e := range entries {
		if base, ok := segmentBase(e.Name()); ok && e.Type().IsRegular() {
			list = append(list, found{base, filepath.Join(dir, e.Name())})
		}
	}
	return list, nil
}
