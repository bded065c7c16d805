package gateway

import (
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

// reel is a run of consecutive journal records, decoded. It grows at its end; what is in it stays as it is until the reel serves for other records.
type reel struct {
	from  uint64
	ends  []int           // of each record, the events up to its last
	frame protocols.Frame // all events
	raw   []byte          // the records, copied
	dead  []protocols.DeadLetter
	users int // pipes whose batch lies in it
}

// rewind empties the reel for records from `from` on.
func (r *reel) rewind(from uint64) {
	r.from = from
	r.frame.Reset()
	r.ends, r.raw, r.dead = r.ends[:0], r.raw[:0], r.dead[:0]
}

// upTo is the index behind the reel's last record.
func (r *reel) upTo() uint64 { return r.from + uint64(len(r.ends)) }

// before is how many of the reel's events come before those of a record.
func (r *reel) before(index uint64) int {
	if index == r.from {
		return 0
	}
	return r.ends[index-r.from-1]
}

// reach is the index behind the record, from `at` on, with which a batch that began at `from` has so many events, or the reel's end.
func (r *reel) reach(from, at uint64, rows int) uint64 {
	rest := r.ends[at-r.from:]
	i, _ := slices.BinarySearch(rest, r.before(from)+rows)
	return at + uint64(min(i+1, len(rest)))
}

// cut gives b the events and dead letters of its records.
func (r *reel) cut(b *protocols.Batch) {
	first, last := r.before(b.From), r.before(b.UpTo)
	b.Events = r.frame.Events[first:last:last]
	begin, _ := slices.BinarySearchFunc(r.dead, b.From, byIndex)
	end, _ := slices.BinarySearchFunc(r.dead, b.UpTo, byIndex)
	b.Dead = r.dead[begin:end:end]
}

func byIndex(d protocols.DeadLetter, index uint64) int {
	switch {
	case d.Index < index:
		return -1
	case d.Index > index:
		return 1
	}
	return 0
}

// unreeler decodes records. It is scratch space of one goroutine at a time.
type unreeler struct {
	byName  map[string]*protocols.Protocol
	records recordReader
	session protocols.Session
}

// add decodes the next record of the reel; what does not decode becomes a dead letter: a frame, or where it is not to be made out, the record.
func (u *unreeler) add(to *reel, b []byte) {
	index := to.upTo()
	start := len(to.raw)
	to.raw = append(to.raw, b...)
	b = to.raw[start:]
	r, err := u.records.read(b)
	if err != nil {
		to.dead = append(to.dead, protocols.DeadLetter{Index: index, Raw: b, Error: err.Error()})
	}
	for r.more() {
		first := len(to.frame.Events)
		raw, err := r.decode(u.byName, &u.session, &to.frame)
		if err != nil {
			to.dead = append(to.dead, protocols.DeadLetter{Index: index, Raw: raw, Error: err.Error()})
			continue
		}
		for i := first; i < len(to.frame.Events); i++ {
			to.frame.Events[i].Index, to.frame.Events[i].Raw = index, raw
		}
	}
	to.ends = append(to.ends, len(to.frame.Events))
}
