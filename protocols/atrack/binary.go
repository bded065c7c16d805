package atrack

import (
	"bytes"
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// minRecord is below what the end of a packet can be a record: it is padding.
const minRecord = 38

// Sizes of a date.
const (
	unixSize = 4
	longSize = 7 // year 2 | month | day | hour | minute | second
)

// records reads the binary records of a packet. One that is cut off is dropped; where custom fields can not be read, all that is left is kept raw.
//
//	fix time, record time, sending time 4 or 7 each | longitude 4 | latitude 4 | heading 2 | report 1 | odometer 4 in 0.1 km | HDOP 2 | inputs 1 |
//	speed 2 | outputs 1 | analog 2 | driver text 00 | temperatures 2, 2 | text 00 | [custom fields]
func (c *call) records(b []byte) {
	for len(b) >= minRecord {
		size := c.dateSize(b)
		r := protocols.NewReader(b)
		rec := record{fixed: date(r.Bytes(size)), made: date(r.Bytes(size)), sent: date(r.Bytes(size))}
		rec.lng, rec.lat = r.I32(), r.I32()
		rec.heading, rec.report = r.U16(), uint16(r.U8())
		rec.odometer = protocols.Decimal{N: int64(r.U32())}
		rec.hdop, rec.inputs, rec.speed, rec.outputs, rec.analog = r.U16(), r.U8(), r.U16(), r.U8(), r.U16()
		rec.driver = terminated(&r)
		rec.temp1, rec.temp2 = r.I16(), r.I16()
		rec.text = terminated(&r)
		if r.Err() != nil {
			return
		}
		e := c.f.Add(protocols.Position)
		c.put(e, &rec)
		m := custom{e: e}
		start := r.Offset()
		whole := c.customBinary(&m, &r)
		m.finish()
		if !m.seen(slotIgnition) {
			c.ignition(e, rec.inputs)
		}
		// The time of sending and whether the record was stored do not tell it from another.
		used := b[:r.Offset()]
		if !whole {
			rawText(e, b[start:])
			used = b
		}
		if m.storedAt > 0 {
			e.FP = protocols.Fingerprint(used[:2*size], used[3*size:m.storedAt], used[m.storedAt+1:])
		} else {
			e.FP = protocols.Fingerprint(used[:2*size], used[3*size:])
		}
		if !whole {
			return
		}
		b = b[r.Offset():]
	}
}

// terminated reads a text up to its zero; without one nothing can be read any more.
func terminated(r *protocols.Reader) []byte {
	n := bytes.IndexByte(r.Peek(r.Len()), 0)
	text := r.Bytes(n)
	r.Skip(1)
	return text
}

// dateSize tells the form of the dates of a record from its first.
func (c *call) dateSize(b []byte) int {
	if c.s.Options.Extra != "" {
		switch v, _ := c.s.Options.Get("long_date"); v {
		case "true":
			return longSize
		case "false":
			return unixSize
		}
	}
	if year := binary.BigEndian.Uint16(b); year >= 2010 && year <= 2099 && date(b[:longSize]) != 0 {
		return longSize
	}
	return unixSize
}

// date is a time in one of the two forms; 0: none.
func date(b []byte) protocols.Millis {
	switch len(b) {
	case unixSize:
		return protocols.Millis(binary.BigEndian.Uint32(b)) * 1000
	case longSize:
		at, _ := protocols.Civil(int(binary.BigEndian.Uint16(b)), int(b[2]), int(b[3]), int(b[4]), int(b[5]), int(b[6]), protocols.Zone{})
		return at
	}
	return 0
}
