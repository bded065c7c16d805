package teltonika

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/trackgate/trackgate/protocols"
)

// The least bytes of a record: its head and empty groups.
var minRecord = [256]uint8{codecGH: 5, codec8: 30, codec16: 32, codec8E: 38}

// records reads the data of a packet with position records:
//
//	codec 1 | number 1 | records | number 1
//
// The records end exactly at the second number. Some firmware appends a group of 16-byte values to the records of codec 8
// and nothing announces it: that reading is tried when the plain one does not end where it should.
func records(s *protocols.Session, in protocols.Input, f *protocols.Frame, m *memory, data []byte) (int, error) {
	codec, count, end := data[0], int(data[1]), len(data)-1
	f.Type = recordType(codec)
	if int(data[end]) != count {
		return 0, fmt.Errorf("teltonika: %d records announced, %d at the end: %w", count, data[end], protocols.ErrMalformed)
	}
	if count*int(minRecord[codec]) > end-2 {
		return 0, fmt.Errorf("teltonika: %d records in %d bytes: %w", count, end-2, protocols.ErrMalformed)
	}
	first := len(f.Events)
	r := newReader(s, f, codec)
	mark := f.NoteMark()
	at, ok := r.all(data[2:end], count)
	if (!ok || at != end-2) && codec == codec8 {
		f.Events = f.Events[:first]
		f.Unnote(mark)
		r.n16, r.alarms = true, false
		at, ok = r.all(data[2:end], count)
	}
	if ok && at == end-2 {
		r.finish(s, in, first, m)
	}
	r.done()
	if !ok {
		return 0, fmt.Errorf("teltonika: record %d goes beyond the packet: %w", len(f.Events)-first, protocols.ErrMalformed)
	}
	if at != end-2 {
		return 0, fmt.Errorf("teltonika: %d records end %d bytes early: %w", count, end-2-at, protocols.ErrMalformed)
	}
	return count, nil
}

// openRecords reads records of data whose end is not known, and returns how far they go, both numbers included; 0 when
// they do not end in their number.
func openRecords(s *protocols.Session, in protocols.Input, f *protocols.Frame, m *memory, data []byte) (size, count int) {
	codec := data[0]
	count = int(data[1])
	f.Type = recordType(codec)
	first := len(f.Events)
	r := newReader(s, f, codec)
	defer r.done()
	for _, n16 := range []bool{false, true} {
		f.Events = f.Events[:first]
		r.n16, r.alarms = n16, false
		at, ok := r.all(data[2:], count)
		if ok && 2+at < len(data) && int(data[2+at]) == count {
			r.finish(s, in, first, m)
			return 2 + at + 1, count
		}
	}
	return 0, 0
}

func recordType(codec byte) string {
	switch codec {
	case codec8:
		return "codec8"
	case codec8E:
		return "codec8e"
	case codec16:
		return "codec16"
	}
	return "codec7"
}

// recordReader reads the records of one packet into events.
type recordReader struct {
	frame  *protocols.Frame
	family *family
	codec  byte
	n16    bool // records have a group of 16-byte values

	// Of the record being read.
	event      *protocols.Event
	cause      uint16 // event IO id
	priority   byte
	raised     string // alarm of the element that caused the record
	parts      parts
	marks      uint64 // of the attributes that it has: one whose mark is not there is not there
	beacons    []byte // JSON list, without its end
	noBeacons  bool   // the device saw none
	driverName string

	// Alarm elements of each record: which were there, and which were on.
	alarms    bool
	known, on [255]byte
}

// readers are kept between packets: clearing one costs more than a record.
var readers = sync.Pool{New: func() any { return new(recordReader) }}

func newReader(s *protocols.Session, f *protocols.Frame, codec byte) *recordReader {
	r := readers.Get().(*recordReader)
	r.frame, r.codec, r.family = f, codec, familyOf(s.Options.Model, codec)
	r.n16, r.alarms = false, false
	return r
}

func (r *recordReader) done() {
	r.frame, r.event, r.raised, r.driverName = nil, nil, "", ""
	if cap(r.beacons) > maxData {
		r.beacons = nil
	}
	readers.Put(r)
}

// all reads count records from b and returns where they end.
func (r *recordReader) all(b []byte, count int) (at int, ok bool) {
	for i := range count {
		var n int
		if r.codec == codecGH {
			n = r.ghRecord(b[at:], i)
		} else {
			n = r.record(b[at:], i)
		}
		if n == 0 {
			return at, false
		}
		at += n
	}
	return at, true
}

const maxTime = 253402300799999 // the last millisecond of year 9999

// record reads one record of codec 8, 8E or 16 from the start of b and returns its length, or 0 when it goes beyond b:
//
//	timestamp 8, ms | priority 1 | longitude 4 | latitude 4 | altitude 2 | angle 2 | satellites 1 | speed 2 | IO element
//
// IO element, with ids and counts of one byte or two:
//
//	          event id | generation type | total | N1 (id, 1)... | N2 (id, 2)... | N4 (id, 4)... | N8 (id, 8)... | NX (id, length, value)...
//	codec 8         1          -            1      1                1               1               1               -
//	codec 8E        2          -            2      2                2               2               2               2
//	codec 16        2          1            1      1                1               1               1               -
func (r *recordReader) record(b []byte, i int) int {
	if len(b) < int(minRecord[r.codec]) {
		return 0
	}
	e := r.frame.Add(protocols.Position)
	r.event, r.raised, r.parts.have, r.marks, r.beacons, r.noBeacons = e, "", 0, 0, r.beacons[:0], false
	r.known[i], r.on[i] = 0, 0
	r.priority = b[8]
	r.position(b)

	at := 25
	r.cause = uint16(b[24])
	if r.codec != codec8 {
		r.cause = binary.BigEndian.Uint16(b[24:])
		at = 26
	}
	if r.priority != 0 {
		e.Int("priority", int64(r.priority))
	}
	if r.cause != 0 {
		e.Int("event", int64(r.cause))
	}
	if r.codec == codec16 {
		e.Int("generation_type", int64(b[26]))
		at = 27
	}
	n, ok := r.groups(b, at, i)
	if n == 0 {
		return 0
	}
	if !ok {
		e.Bool("io_count_ok", false)
	}
	if r.frame.Notes != nil {
		r.note(b[:n])
	}
	r.end(b[:n])
	return n
}

// position reads the head of a record.
func (r *recordReader) position(b []byte) {
	e := r.event
	_ = b[23]
	if t := binary.BigEndian.Uint64(b); t <= maxTime {
		e.Time = protocols.Millis(t)
	} else {
		e.Text("time_raw", string(appendHex(appendHex(nil, uint32(t>>32), 8), uint32(t), 8)))
	}
	lng, lat := int32(binary.BigEndian.Uint32(b[9:])), int32(binary.BigEndian.Uint32(b[13:]))
	alt, angle := int16(binary.BigEndian.Uint16(b[17:])), binary.BigEndian.Uint16(b[19:])
	sats, speed := b[21], binary.BigEndian.Uint16(b[22:])
	fix := e.SetFix(float64(lat)/1e7, float64(lng)/1e7, sats > 0)
	e.SetSats(sats)
	// Without a fix the other fields are fill, unless they say something.
	if fix || alt != 0 {
		e.SetAlt(float64(alt))
	}
	if fix || angle != 0 {
		e.SetCourse(float64(angle))
	}
	if fix || speed != 0 {
		e.SetSpeed(float64(speed))
	}
}
