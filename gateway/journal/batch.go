package journal

import (
	"encoding/binary"
	"slices"
)

// Batch gathers records for one [Log.Append]. The zero value is ready and takes up to MaxBatch bytes; a batch that must fit
// small segments comes from [Log.NewBatch]. It keeps its memory over Reset and is not safe for concurrent use.
type Batch struct {
	buf    []byte // as it goes to disk; headers are filled in by stamp
	blocks []span
	count  int
	limit  int // bytes; 0 means MaxBatch
	open   bool
}

// span is one block within a batch.
type span struct {
	start int // of the header
	n     int // bytes of records
	count int
}

// Limit is the most bytes that the batch takes.
func (b *Batch) Limit() int {
	if b.limit == 0 {
		return MaxBatch
	}
	return b.limit
}

// Add appends one record, the concatenation of parts, and copies it. On ErrRecordTooLarge and ErrBatchFull the batch is unchanged.
func (b *Batch) Add(parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	limit := b.Limit()
	var length [binary.MaxVarintLen32]byte
	w := binary.PutUvarint(length[:], uint64(n))
	if n > MaxRecord || pad8(blockHeader+w+n) > limit {
		return ErrRecordTooLarge
	}
	fresh := !b.open || pad8(len(b.buf)-b.blocks[len(b.blocks)-1].start+w+n) > maxBlock
	size := pad8(len(b.buf) + w + n)
	if fresh {
		size = pad8(len(b.buf)) + pad8(blockHeader+w+n)
	}
	if size > limit {
		return ErrBatchFull
	}
	if fresh {
		b.seal()
		b.blocks = append(b.blocks, span{start: len(b.buf)})
		var room [blockHeader]byte
		b.buf = append(b.buf, room[:]...)
		b.open = true
	}
	b.buf = append(b.buf, length[:w]...)
	for _, p := range parts {
		b.buf = append(b.buf, p...)
	}
	last := &b.blocks[len(b.blocks)-1]
	last.n += w + n
	last.count++
	b.count++
	return nil
}

// AddAll appends records that lie one behind the other, from start on and each up to its end, and copies them. It returns how many it took: with an error, all
// before the one that Add refused.
func (b *Batch) AddAll(records []byte, start int, ends []int) (taken int, err error) {
	if len(ends) == 0 {
		return 0, nil
	}
	if most := ends[len(ends)-1] - start + len(ends)*binary.MaxVarintLen32; b.open && most < MaxRecord {
		last := &b.blocks[len(b.blocks)-1]
		if size := pad8(len(b.buf) + most); size <= b.Limit() && size-last.start <= maxBlock { // as far as it can come
			before := len(b.buf)
			b.buf = slices.Grow(b.buf, most)
			for _, end := range ends {
				b.buf = binary.AppendUvarint(b.buf, uint64(end-start))
				b.buf = append(b.buf, records[start:end]...)
				start = end
			}
			last.n += len(b.buf) - before
			last.count += len(ends)
			b.count += len(ends)
			return len(ends), nil
		}
	}
	for i, end := range ends {
		if err := b.Add(records[start:end]); err != nil {
			return i, err
		}
		start = end
	}
	return len(ends), nil
}

// Len is the number of records.
func (b *Batch) Len() int { return b.count }

// Bytes is the size in bytes that the batch takes on disk, padding of the last block aside.
func (b *Batch) Bytes() int { return len(b.buf) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.buf, b.blocks, b.count, b.open = b.buf[:0], b.blocks[:0], 0, false
}

// seal pads the last block; the next record opens another.
func (b *Batch) seal() {
	var zero [8]byte
	b.buf = append(b.buf, zero[:pad8(len(b.buf))-len(b.buf)]...)
	b.open = false
}

// stamp makes the batch ready for one segment. It can be done again for another one.
func (b *Batch) stamp(first, salt uint64) {
	if b.open {
		b.seal()
	}
	for _, s := range b.blocks {
		putBlockHeader(b.buf[s.start:], s.n, s.count, first, salt)
		first += uint64(s.count)
	}
}
