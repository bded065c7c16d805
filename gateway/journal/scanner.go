package journal

import (
	"encoding/binary"
	"io"
)

const (
	firstChunk = 128 << 10 // bytes of the first read; doubles up to maxChunk while reading goes on
	maxChunk   = 1 << 20
)

// scanner finds the sound blocks of one segment in order. Recovery and readers share it: what one accepts the other does.
type scanner struct {
	file   io.ReaderAt
	base   uint64 // of the segment
	salt   uint64
	off    int64  // of the next block
	limit  int64  // bytes of the file that count
	expect uint64 // no block before this index is believed any more
	below  uint64 // no block may reach beyond this index

	skipped int64 // bytes stepped over in search of the last block found

	chunk  int
	buf    []byte
	bufOff int64 // of buf in the file
}

// block is one sound block. records is valid until the next call.
type block struct {
	off     int64
	size    int // bytes on disk
	first   uint64
	count   int
	records []byte
}

func (s *scanner) reset(file io.ReaderAt, base, salt uint64, off, limit int64) {
	*s = scanner{file: file, base: base, salt: salt, off: off, limit: limit, expect: base, below: ^uint64(0), chunk: firstChunk, buf: s.buf[:0]}
}

// next returns the next sound block, stepping over damage, or io.EOF at the limit.
func (s *scanner) next() (block, error) {
	s.skipped = 0
	for s.off+blockHeader <= s.limit {
		w, err := s.window(blockHeader)
		if err != nil {
			return block{}, err
		}
		i := 0
		for ; i+blockHeader <= len(w); i += 8 {
			if binary.LittleEndian.Uint32(w[i:]) == blockMagic && binary.LittleEndian.Uint64(w[i+24:]) == s.salt {
				break
			}
		}
		s.off += int64(i)
		s.skipped += int64(i)
		if i+blockHeader > len(w) {
			continue
		}
		b, ok, err := s.check()
		if err != nil {
			return block{}, err
		}
		if ok {
			s.off += int64(b.size)
			s.expect = b.first + uint64(b.count)
			return b, nil
		}
		s.off += 8
		s.skipped += 8
	}
	return block{}, io.EOF
}

// check tells whether the block that seems to start at off is sound.
func (s *scanner) check() (b block, ok bool, err error) {
	h, err := s.window(blockHeader)
	if err != nil {
		return b, false, err
	}
	n, count := binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[8:])
	first := binary.LittleEndian.Uint64(h[16:])
	if n == 0 || n > maxBlock-blockHeader || count == 0 || count > n {
		return b, false, nil
	}
	size := pad8(blockHeader + int(n))
	if int64(size) > s.limit-s.off || first < s.expect {
		return b, false, nil
	}
	// A record takes a byte at least, so an index cannot run ahead of the bytes before it.
	if first-s.base > uint64(s.off) || first+uint64(count) > s.below {
		return b, false, nil
	}
	w, err := s.window(size)
	if err != nil {
		return b, false, err
	}
	if blockChecksum(w[:blockHeader+int(n)]) != binary.LittleEndian.Uint32(w[12:]) {
		return b, false, nil
	}
	return block{off: s.off, size: size, first: first, count: int(count), records: w[blockHeader : blockHeader+int(n)]}, true, nil
}

// window returns the bytes from off on: at least n, which must lie within the limit, and as many more as are at hand.
func (s *scanner) window(n int) ([]byte, error) {
	from := int64(-1)
	if s.off >= s.bufOff && s.off <= s.bufOff+int64(len(s.buf)) {
		from = s.off - s.bufOff
		if int64(len(s.buf))-from >= int64(n) {
			return s.buf[from:], nil
		}
	}
	want := int(min(int64(max(s.chunk, n)), s.limit-s.off))
	s.chunk = min(2*s.chunk, maxChunk)
	kept := 0
	old := s.buf
	if cap(s.buf) < want {
		s.buf = make([]byte, max(want, firstChunk))
	}
	if from >= 0 {
		kept = copy(s.buf[:cap(s.buf)], old[from:])
	}
	s.buf, s.bufOff = s.buf[:want], s.off
	m, err := s.file.ReadAt(s.buf[kept:], s.off+int64(kept))
	if err == io.EOF {
		clear(s.buf[kept+m:]) // cut off under our feet: damage, found by the checksum
		err = nil
	}
	if err != nil {
		s.buf = s.buf[:kept+m]
		return nil, err
	}
	return s.buf, nil
}
