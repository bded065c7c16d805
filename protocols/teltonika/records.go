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
	defer r.done()
	at, ok := r.all(data[2:end], count)
	if (!ok || at != end-2) && codec == codec8 {
		f.Events = f.Events[:first]
		r.n16, r.alarms = true, false
		at, ok = r.all(data[2:end], count)
	}
	if !ok {
		return 0, fmt.Errorf("teltonika: record %d goes beyond the packet: %w", len(f.Events)-first, protocols.ErrMalformed)
	}
	if at != end-2 {
		return 0, fmt.Errorf("teltonika: %d records end %d bytes early: %w", count, end-2-at, protocols.ErrMalformed)
	}
	r.finish(s, in, first, m)
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
	total, n := r.groups(b, at, i)
	if n == 0 {
		return 0
	}
	if total {
		e.Bool("io_count_ok", false)
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

// groups reads the IO element from its total on. It returns whether the total differs from what the groups hold, and the
// end of the record; 0 when it lies beyond b.
func (r *recordReader) groups(b []byte, at, i int) (mismatch bool, end int) {
	wideID, wideCount := r.codec != codec8, r.codec == codec8E
	idSize := 1
	if wideID {
		idSize = 2
	}
	total, sum := 0, 0
	if wideCount {
		total = int(binary.BigEndian.Uint16(b[at:]))
		at += 2
	} else {
		total = int(b[at])
		at++
	}
	for width := 1; width <= 8; width *= 2 {
		if len(b)-at < 2 {
			if wideCount || len(b)-at < 1 {
				return false, 0
			}
		}
		var n int
		if wideCount {
			n = int(binary.BigEndian.Uint16(b[at:]))
			at += 2
		} else {
			n = int(b[at])
			at++
		}
		step := idSize + width
		if n*step > len(b)-at {
			return false, 0
		}
		sum += n
		group := b[at : at+n*step]
		at += n * step
		switch {
		case wideID:
			r.wideGroup(group, width, i)
		case width == 1:
			r.group1(group, i)
		case width == 2:
			r.group2(group, i)
		case width == 4:
			r.group4(group, i)
		default:
			r.group8(group, i)
		}
	}
	if wideCount {
		if len(b)-at < 2 {
			return false, 0
		}
		n := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		sum += n
		if n*4 > len(b)-at {
			return false, 0
		}
		for range n {
			if len(b)-at < 4 {
				return false, 0
			}
			id, length := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
			at += 4
			if length > len(b)-at {
				return false, 0
			}
			r.long(id, b[at:at+length], i)
			at += length
		}
	}
	if r.n16 {
		if len(b)-at < 1 {
			return false, 0
		}
		n := int(b[at])
		at++
		if n*17 > len(b)-at {
			return false, 0
		}
		sum += n
		for range n {
			r.long(uint16(b[at]), b[at+1:at+17], i)
			at += 17
		}
	}
	return sum != total, at
}

// value adds an element of 1, 2, 4 or 8 bytes.
func (r *recordReader) value(id uint16, raw uint64, width uint8, i int) {
	el := r.family.element(id)
	if el.width != width && el.width != 0 {
		r.unnamed(id, raw, width)
		return
	}
	e := r.event
	if r.marks&el.mark != 0 && r.has(el.name) {
		if el.second == nil || r.has(el.second.name) {
			r.unnamed(id, raw, width)
			return
		}
		el = el.second
	}
	r.marks |= el.mark
	switch el.rule {
	case numberRule:
		if raw>>32 != 0 && (el.factor != 1 || raw>>53 != 0) {
			r.unnamed(id, raw, width)
			return
		}
		e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
	case flagRule:
		if raw > 1 {
			r.unnamed(id, raw, width)
			return
		}
		e.Bool(el.name, raw == 1)
	case signedRule:
		e.Dec(el.name, signed(raw, width)*int64(el.factor), el.scale)
	case unknownRule:
		r.unnamed(id, raw, width)
	default:
		if el.rule >= firstPart {
			r.parts.set(el.rule, raw)
		} else {
			r.special(el, raw, width)
		}
	}
	if el.alarm != noAlarm {
		r.alarm(el, id, raw, i)
	}
}

// signed is the two's complement of the width in bytes.
func signed(raw uint64, width uint8) int64 {
	shift := 64 - 8*uint(width)
	return int64(raw<<shift) >> shift
}

// unnamed keeps an element that has no name, or not the width that its name wants: unsigned, and in decimal digits where
// a number of JSON would lose some.
func (r *recordReader) unnamed(id uint16, raw uint64, width uint8) {
	name, mark := protocols.IOKey(id), uint64(1)<<(id%64)
	if r.marks&mark != 0 && r.has(name) {
		return // an element that comes again and again
	}
	r.marks |= mark
	if raw < 1<<53 {
		r.event.Int(name, int64(raw))
		return
	}
	r.event.Text(name, decimalText(raw))
}

// has says that the record has an attribute of that name. No name comes twice: the second value is kept as io_<id>.
func (r *recordReader) has(name string) bool {
	_, ok := r.event.Attrs.Get(name)
	return ok
}

// finish completes the events of the packet from first on, once all of it is known to be sound.
func (r *recordReader) finish(s *protocols.Session, in protocols.Input, first int, m *memory) {
	events := r.frame.Events[first:]
	if r.alarms {
		r.changes(events, m)
	}
	if s.Options.Extra != "" {
		if v, _ := s.Options.Get("gnss_veto"); v == "true" {
			r.veto(events)
		}
		if v, _ := s.Options.Get("rollover"); v == "false" {
			return
		}
	}
	for i := range events {
		e := &events[i]
		// Only a time that lies far back can be one that rolled over.
		if e.Has&protocols.HasFix == 0 || !e.Valid || e.Time == 0 || in.Received-e.Time < rolloverFrom {
			continue
		}
		if t, did := protocols.Rollover(e.Time, in.Received); did {
			e.Time = t
			e.Bool("rollover", true)
		}
	}
}

// veto takes the word of the satellite receiver that it has no fix. It can lag behind the position.
func (r *recordReader) veto(events []protocols.Event) {
	fixed := 1.0
	if r.family == fmx6 {
		fixed = 3
	}
	for i := range events {
		if a, ok := events[i].Attrs.Get("gnss_status"); ok {
			if v, _ := a.Float(); v != fixed {
				events[i].Valid = false
			}
		}
	}
}

// rolloverFrom is less than 1024 weeks: nearer times are not worth the question.
const rolloverFrom protocols.Millis = 1000 * 7 * 24 * 3_600_000
