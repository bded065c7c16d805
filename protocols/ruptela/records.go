package ruptela

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

const (
	noCoordinate = -1 << 31
	// storedAfter is how old a record is that was not sent at once, when more are left on the device.
	storedAfter protocols.Millis = 5 * 60_000
)

// records reads commands 1 and 68: records left on the device 1, count 1, records. The answer says whether all of them were there: the
// device sends them again otherwise.
func (c *call) records() {
	p := c.payload
	if len(p) < 2 {
		c.f.Reply = appendPacket(c.f.Reply, sendRecords, 0)
		return
	}
	left, count, rest := p[0], int(p[1]), p[2:]
	c.f.Note(p[:1], "records left", "u8; on the device")
	c.f.Note(p[1:2], "count", "u8; of records")
	r := recordReader{extended: c.command == cmdExtended}
	whole := true
	var last int // where the record begins that parts are merged into
	for range count {
		n := r.size(rest)
		if n == 0 {
			whole = false
			break
		}
		record := rest[:n]
		if c.f.Notes != nil {
			r.note(c.f, record)
		}
		rest = rest[n:]
		if part := r.part(record); part > 0 && r.open {
			last += n
			e := &c.f.Events[len(c.f.Events)-1]
			r.parameters(e, record)
			e.FP = protocols.Fingerprint(p[len(p)-len(rest)-last : len(p)-len(rest)])
			continue
		}
		if r.open {
			c.finish(&r, left)
		}
		last = n
		e := c.f.Add(protocols.Position)
		r.begin(e, record)
	}
	if whole && r.open {
		r.rest = append(r.rest, rest...)
	} else if whole && len(rest) > 0 {
		hexText(c.status(protocols.Status), "raw", rest)
	}
	if r.open {
		c.finish(&r, left)
	}
	answer := byte(1)
	if !whole {
		answer = 0
	}
	c.f.Reply = appendPacket(c.f.Reply, sendRecords, answer)
}

// finish settles the last record.
func (c *call) finish(r *recordReader, left byte) {
	e := &c.f.Events[len(c.f.Events)-1]
	r.finish(e, c.s)
	e.Stored = left > 0 && e.Time != 0 && e.Time < c.received-storedAfter
}

// recordReader reads the records of one packet. What is put together from several parameters waits in it for the end of the record.
type recordReader struct {
	extended bool
	open     bool // a record was begun
	cause    uint16
	pieces   [8][]byte // of the pairs, in their order
	ignition ignition
	seen     [maxParameter/64 + 1]uint64 // parameters that were there
	rest     []byte                      // parameters whose attribute the record already has
	alarm    string
}

type ignition struct{ sent, input, on bool }

// header is the size of a record up to its parameters.
func (r *recordReader) header() int {
	if r.extended {
		return 25
	}
	return 23
}

// idSize is the size of an id.
func (r *recordReader) idSize() int {
	if r.extended {
		return 2
	}
	return 1
}

// size is the size of the record at the start of b; 0 when it is not whole.
func (r *recordReader) size(b []byte) int {
	at := r.header()
	for width := 1; width <= 8; width *= 2 {
		if at >= len(b) {
			return 0
		}
		at += 1 + int(b[at])*(r.idSize()+width)
	}
	if at > len(b) {
		return 0
	}
	return at
}

// part is the index of this part of a record in parts, from 0.
func (r *recordReader) part(b []byte) byte {
	if !r.extended {
		return 0
	}
	return b[5] & 15
}

// begin reads
//
//	time 4 | time extension 1 | [record extension 1] | priority 1 | longitude 4, 1e-7 degrees | latitude 4 | altitude 2, 0.1 m |
//	course 2, 0.01 degrees | satellites 1 | speed 2, km/h | HDOP 1, 0.1 | event 1 or 2 | parameters
//
// A part that continues a record of an earlier packet repeats time and position, which that packet's record has already.
func (r *recordReader) begin(e *protocols.Event, b []byte) {
	*r = recordReader{extended: r.extended, open: true, rest: r.rest[:0]}
	e.FP = protocols.Fingerprint(b)
	e.Time = protocols.Millis(binary.BigEndian.Uint32(b)) * 1000
	if b[4] != 0 {
		e.Int("time_extension", int64(b[4]))
	}
	at := 5
	if r.extended {
		at = 6
	}
	if b[at] != 0 {
		e.Int("priority", int64(b[at]))
	}
	lng, lat := int32(binary.BigEndian.Uint32(b[at+1:])), int32(binary.BigEndian.Uint32(b[at+5:]))
	sats := b[at+13]
	if r.part(b) > 0 {
		e.Int("part", int64(r.part(b)))
	} else {
		if lng != noCoordinate && lat != noCoordinate && e.SetFix(float64(lat)/1e7, float64(lng)/1e7, sats > 0) {
			e.SetAlt(float64(int16(binary.BigEndian.Uint16(b[at+9:]))) / 10)
			e.SetCourse(float64(binary.BigEndian.Uint16(b[at+11:])) / 100)
			if v := binary.BigEndian.Uint16(b[at+14:]); v != 0xffff {
				e.SetSpeed(float64(v))
			}
			e.SetHDOP(float64(b[at+16]) / 10)
		}
		e.SetSats(sats)
	}
	r.cause = uint16(b[at+17])
	if r.extended {
		r.cause = binary.BigEndian.Uint16(b[at+17:])
	}
	e.Int("event", int64(r.cause))
	r.parameters(e, b)
}

// parameters reads the four groups of parameters: count 1, then id and value of 1, 2, 4 and 8 bytes.
func (r *recordReader) parameters(e *protocols.Event, b []byte) {
	at := r.header()
	for width := 1; width <= 8; width *= 2 {
		n := int(b[at])
		at++
		for range n {
			id := uint16(b[at])
			if r.extended {
				id = binary.BigEndian.Uint16(b[at:])
			}
			at += r.idSize()
			r.parameter(e, id, b[at:at+width])
			at += width
		}
	}
}

// parameter adds one parameter; one whose attribute is there already is kept with the others of its kind.
func (r *recordReader) parameter(e *protocols.Event, id uint16, v []byte) {
	n := len(e.Attrs)
	r.value(e, id, v)
	if r.first(id) {
		return
	}
	for i := n; i < len(e.Attrs); i++ {
		if _, again := e.Attrs[:n].Get(e.Attrs[i].Name); !again {
			continue
		}
		e.Attrs = e.Attrs[:n]
		if name := protocols.IOKey(id); !has(e, name) {
			addNumber(e, name, v)
			return
		}
		r.rest = append(append(r.rest, byte(id>>8), byte(id)), v...)
		return
	}
}

// first tells whether neither this parameter nor one of its name can have been in the record before.
func (r *recordReader) first(id uint16) bool {
	if id >= maxParameter {
		return false
	}
	bit := uint64(1) << (id & 63)
	was := r.seen[id>>6]&bit != 0
	r.seen[id>>6] |= bit
	return !was && !parameters[id].shared
}

func has(e *protocols.Event, name string) bool {
	_, ok := e.Attrs.Get(name)
	return ok
}

// addNumber adds an unsigned number; one that JSON readers can not hold is written in hex.
func addNumber(e *protocols.Event, name string, v []byte) {
	if len(v) == 8 && (v[0] != 0 || v[1] >= 0x20) {
		e.Text(name, hex.EncodeToString(v))
		return
	}
	e.Int(name, int64(number(v)))
}

// number is the unsigned number in v, of at most eight bytes.
func number(v []byte) (n uint64) {
	for _, x := range v {
		n = n<<8 | uint64(x)
	}
	return n
}

// finish adds what several parameters make up, and settles the record's kind.
func (r *recordReader) finish(e *protocols.Event, s *protocols.Session) {
	r.open = false
	r.pairs(e)
	if !r.ignition.sent {
		input, set := "", false
		if s.Options.Extra != "" {
			input, set = s.Options.Get("ignition_input")
		}
		switch {
		case set && input != "5":
			if in, ok := e.Attrs.Get(inputName(input)); ok {
				on, _ := in.Bool()
				e.Bool("ignition", on)
			}
		case r.ignition.input:
			e.Bool("ignition", r.ignition.on)
		}
	}
	if len(r.rest) > 0 {
		hexText(e, "raw", r.rest)
	}
	switch {
	case r.alarm != "":
		e.Alarm, e.Kind = r.alarm, protocols.Alarm
	case e.Has&protocols.HasFix == 0:
		e.Kind = protocols.Status
	}
}

// inputName is the attribute of the input that parameter 2 to 4 is; empty for another.
func inputName(parameter string) string {
	switch parameter {
	case "2":
		return "in1"
	case "3":
		return "in2"
	case "4":
		return "in3"
	}
	return ""
}
