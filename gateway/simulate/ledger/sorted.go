package ledger

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// Sorted holds a file's entries on disk in parts, a device's all in one, each small enough to be sorted in memory: ten million entries take tens of
// megabytes at a time.
type Sorted struct {
	Entries    int // read
	Unreadable int // lines that are no entry
	Torn       int // 1: the last line had no end, as a killed simulator leaves it; it is not counted otherwise

	parts []*os.File
}

const (
	entrySize = 8 + 4 + 8 + 3*8
	partBytes = 8 << 20 // of the text that goes into one part on average
	mostParts = 256
	mostLine  = 256
)

// Sort reads a file of so many bytes. dir takes the parts; Close removes them.
func Sort(r io.Reader, size int64, dir string) (_ *Sorted, err error) {
	s := new(Sorted)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	out := make([]*bufio.Writer, min(max(1, size/partBytes), mostParts))
	for i := range out {
		f, err := os.CreateTemp(dir, "trackgate-verify-*")
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, f)
		out[i] = bufio.NewWriterSize(f, 16<<10)
	}
	in := bufio.NewReaderSize(r, 64<<10)
	var b []byte
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF:
			if len(line) > 0 {
				s.Torn = 1
			}
			for _, w := range out {
				if err := w.Flush(); err != nil {
					return nil, err
				}
			}
			return s, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errors.New("a line of more than 64 KiB: not a file of acknowledged records")
		case err != nil:
			return nil, err
		}
		if string(line) == Head {
			continue
		}
		if first {
			return nil, fmt.Errorf("begins with %.40q, not with %q: not a file of acknowledged records", line, Head[:len(Head)-1])
		}
		e, err := parse(string(line[:min(len(line)-1, mostLine)]))
		if err != nil {
			s.Unreadable++
			continue
		}
		s.Entries++
		b = e.pack(b[:0])
		if _, err := out[partOf(e.Device, len(out))].Write(b); err != nil {
			return nil, err
		}
	}
}

// partOf spreads devices, whose numbers follow each other, evenly.
func partOf(device uint64, parts int) int {
	return int(device * 0x9e3779b97f4a7c15 >> 33 % uint64(parts))
}

// Each calls yield with the entries of each device, ordered by record, lines that say the same twice only once. The slice is yield's until it returns.
func (s *Sorted) Each(yield func(device uint64, entries []Entry) error) error {
	for _, f := range s.parts {
		list, err := load(f)
		if err != nil {
			return err
		}
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n].Device == list[0].Device {
				n++
			}
			if err := yield(list[0].Device, list[:n]); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	return nil
}

func load(f *os.File) ([]Entry, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	list := make([]Entry, st.Size()/entrySize)
	in := bufio.NewReaderSize(io.NewSectionReader(f, 0, st.Size()), 64<<10)
	var b [entrySize]byte
	for i := range list {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return nil, err
		}
		list[i] = unpack(&b)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Record, b.Record), cmp.Compare(a.Time, b.Time))
	})
	return slices.Compact(list), nil
}

func (e *Entry) pack(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, e.Device)
	b = binary.LittleEndian.AppendUint32(b, e.Record)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Time))
	for _, v := range [...]float64{e.Lat, e.Lng, e.Speed} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func unpack(b *[entrySize]byte) Entry {
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return Entry{
		Device: u64(0), Record: binary.LittleEndian.Uint32(b[8:]), Time: int64(u64(12)),
		Lat: math.Float64frombits(u64(20)), Lng: math.Float64frombits(u64(28)), Speed: math.Float64frombits(u64(36)),
	}
}

// Close removes the parts.
func (s *Sorted) Close() error {
	var errs []error
	for _, f := range s.parts {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	s.parts = nil
	return errors.Join(errs...)
}
