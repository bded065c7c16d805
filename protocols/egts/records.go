package egts

import (
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Services.
const (
	serviceAuth     = 1
	serviceTeledata = 2
	serviceCommands = 4
)

// Bits of a record's flags.
const (
	recordObject   = 0x01
	recordEvent    = 0x02
	recordTime     = 0x04
	recordPriority = 0x18
)

// epoch is 2010-01-01 in Unix seconds: times count from there.
const epoch = 1_262_304_000

// record is one of a packet:
//
//	data length 2 | number 2 | flags 1 | [object 4] | [event 4] | [time 4] | source service 1 | recipient service 1 | data
//
// The data is subrecords: type 1, length 2, data.
type record struct {
	number            uint16
	flags             byte
	object            uint32
	event             uint32
	time              uint32
	source, recipient byte
	data              []byte
	cut               bool // it says it is longer than the packet
}

// nextRecord reads the first record of b; false: there is none.
func nextRecord(b []byte) (rec record, rest []byte, ok bool) {
	r := protocols.NewReader(b)
	length := int(r.U16LE())
	rec.number, rec.flags = r.U16LE(), r.U8()
	if rec.flags&recordObject != 0 {
		rec.object = r.U32LE()
	}
	if rec.flags&recordEvent != 0 {
		rec.event = r.U32LE()
	}
	if rec.flags&recordTime != 0 {
		rec.time = r.U32LE()
	}
	rec.source, rec.recipient = r.U8(), r.U8()
	if r.Err() != nil {
		return rec, nil, false
	}
	if rec.cut = length > r.Len(); rec.cut {
		return rec, nil, true
	}
	rec.data = r.Bytes(length)
	return rec, r.Rest(), true
}

// nextSub reads the first subrecord of b; false: there is no whole one.
func nextSub(b []byte) (kind byte, data, rest []byte, ok bool) {
	if len(b) < 3 {
		return 0, nil, nil, false
	}
	n := 3 + int(binary.LittleEndian.Uint16(b[1:]))
	if n > len(b) {
		return 0, nil, nil, false
	}
	return b[0], b[3:n:n], b[n:], true
}

// verdict is the result that a record is answered with. What can be read of a wrong one is kept all the same.
func (rec *record) verdict() byte {
	if rec.cut {
		return resultFormat
	}
	for b := rec.data; len(b) > 0; {
		kind, data, rest, ok := nextSub(b)
		if !ok || rec.source == serviceTeledata && kind == subPosition && len(data) < positionSize {
			return resultFormat
		}
		b = rest
	}
	return resultOK
}

// records reads all records and counts them.
func (c *call) records(b []byte) (n int) {
	for len(b) > 0 {
		rec, rest, ok := nextRecord(b)
		if !ok {
			return n
		}
		n++
		if c.f.Notes != nil {
			noteRecord(c.f, b, rest, &rec)
		}
		c.follow(&rec)
		switch rec.source {
		case serviceAuth:
			c.auth(&rec)
		case serviceCommands:
			c.commands(&rec)
		default:
			c.telemetry(&rec)
		}
		b = rest
	}
	return n
}

// follow learns whose the record is. One without an object is of the same as that before it, the first of a packet that of the connection.
func (c *call) follow(rec *record) {
	if rec.object == 0 {
		return
	}
	c.object = rec.object
	if c.named || c.s.State != "" {
		return
	}
	c.named = true // without an identification, a packet is of its first object: the gateway asks the registry about that
	c.bind(rec.object)
}

// bind makes an object the device of the session. Nothing is allocated when it is the same as before.
func (c *call) bind(object uint32) {
	var text [10]byte
	if t := strconv.AppendUint(text[:0], uint64(object), 10); c.s.Device != string(t) {
		c.s.Device = string(t)
	}
}

// owner is the device of the record at hand, empty when it is the session's. Who identified itself by an IMEI and the like owns the records of its
// own terminal number and those without any; a terminal that has no number yet, all.
func (c *call) owner() string {
	if c.object == 0 {
		return ""
	}
	if c.s.State != "" {
		if own := terminal(c.s.State); own == 0 || own == c.object {
			return ""
		}
	}
	if c.known != c.object {
		c.known, c.other = c.object, ""
		var text [10]byte
		if t := strconv.AppendUint(text[:0], uint64(c.object), 10); c.s.Device != string(t) {
			c.other = string(t)
		}
	}
	return c.other
}

// add adds an event of the record.
func (c *call) add(rec *record, k protocols.Kind) *protocols.Event {
	e := c.f.Add(k)
	e.Device = c.owner()
	if rec.flags&recordEvent != 0 {
		e.Int("event_id", int64(rec.event))
	}
	if p := rec.flags & recordPriority; p != 0 {
		e.Int("priority", int64(p>>3))
	}
	return e
}

// setTime sets the time of an event from seconds since 2010. One more than a day ahead is none: the receiver has no time yet.
func (c *call) setTime(e *protocols.Event, seconds uint32) {
	const day = 24 * 3_600_000
	at := protocols.Millis(int64(seconds)+epoch) * 1000
	if at > c.received+day {
		e.Text("device_time", at.String())
		return
	}
	e.Time = at
}
