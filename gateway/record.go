package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// A journal record is a frame with all that its meaning needs, or a run of frames that need the same:
//
//	version 1 | flags 1 | received 8 | newest 8 | counter 4 | connection | frames
//
//	connection = protocol s | decoder version 1 | session start 8 | connection number 8 | vehicle s |
//	             device s | state s | model s | unit s | extra s | zone set 1 | zone 4 | shift 8
//	frames     = one or more of: number of events uvarint | frame s
//	s          = length uvarint | bytes
//
// Numbers are little endian, times are milliseconds since 1970. The connection part is the session as it was before each of the frames, so
// that decoding them again repeats what the socket did. It stays the same from frame to frame; a session encodes it when it changes.
//
// A run is what one read brought: a device that sends what it has stored fills a read with frames, and what stands before them is longer than
// such a frame. In version 1 of the layout, frames is one frame and nothing else.
type record struct {
	datagram    bool
	quarantined bool
	received    protocols.Millis
	newest      protocols.Millis // newest live time known of the vehicle before the next frame
	counter     uint32           // of the next frame's first event within the connection
	connection  *connection
	frames      []byte // those that are not decoded yet: a view of the journal's record
	single      bool   // frames is one frame, as it was sent
}

// connection is the part of a record that its connection repeats.
type connection struct {
	protocol string
	version  uint8
	start    protocols.Millis
	number   uint64
	vehicle  string
	session  protocols.Session
}

const (
	recordVersion = 2
	recordSingle  = 1 // the version whose records hold one frame, with nothing before it
)

const (
	flagDatagram = 1 << iota
	flagQuarantined
	flagTolerate
)

// recordFixed is the size of what stands before the connection part.
const recordFixed = 1 + 1 + 8 + 8 + 4

// appendFixed appends the part of a record that changes with each frame.
func (r *record) appendFixed(b []byte) []byte {
	var flags byte
	if r.datagram {
		flags |= flagDatagram
	}
	if r.quarantined {
		flags |= flagQuarantined
	}
	b = append(b, recordVersion, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.received))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.newest))
	return binary.LittleEndian.AppendUint32(b, r.counter)
}

// leadsTo tells whether a frame of record next, on the same connection, means the same as one more frame of r.
func (r *record) leadsTo(next *record) bool {
	return r.datagram == next.datagram && r.quarantined == next.quarantined && r.received == next.received && r.newest == next.newest && r.counter == next.counter
}

// append appends the connection part.
func (c *connection) append(b []byte) []byte {
	o := &c.session.Options
	b = appendText(b, c.protocol)
	b = append(b, c.version)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.start))
	b = binary.LittleEndian.AppendUint64(b, c.number)
	for _, s := range [...]string{c.vehicle, c.session.Device, c.session.State, o.Model, o.Unit, o.Extra} {
		b = appendText(b, s)
	}
	var flags byte
	if o.Zone.Set {
		flags |= 1
	}
	if o.TolerateChecksum {
		flags |= flagTolerate
	}
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(o.Zone.Seconds))
	return binary.LittleEndian.AppendUint64(b, uint64(o.Shift))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errRecord = errors.New("journal record is damaged or of a later version")

// recordReader parses records. It remembers the connections that it saw, since they repeat from record to record.
type recordReader struct {
	known map[string]*connection
}

// maxKnown bounds what a recordReader remembers; beyond it starts afresh.
const maxKnown = 1 << 16

// read parses one record; its frames stay a view of b.
func (rr *recordReader) read(b []byte) (record, error) {
	if len(b) < recordFixed || b[0] != recordVersion && b[0] != recordSingle {
		return record{}, errRecord
	}
	r := record{
		single:      b[0] == recordSingle,
		datagram:    b[1]&flagDatagram != 0,
		quarantined: b[1]&flagQuarantined != 0,
		received:    protocols.Millis(binary.LittleEndian.Uint64(b[2:])),
		newest:      protocols.Millis(binary.LittleEndian.Uint64(b[10:])),
		counter:     binary.LittleEndian.Uint32(b[18:]),
	}
	b = b[recordFixed:]
	n, err := connectionLen(b)
	if err != nil {
		return record{}, err
	}
	c, ok := rr.known[string(b[:n])]
	if !ok {
		if c, err = parseConnection(b[:n]); err != nil {
			return record{}, err
		}
		if rr.known == nil || len(rr.known) >= maxKnown {
			rr.known = make(map[string]*connection)
		}
		rr.known[string(b[:n])] = c
	}
	if r.connection, r.frames = c, b[n:]; len(r.frames) == 0 {
		return record{}, errRecord
	}
	return r, nil
}

// more tells whether there are frames left to decode.
func (r *record) more() bool { return len(r.frames) > 0 }

// cut takes the next frame off the record. events is how many the socket made of it.
func (r *record) cut() (raw []byte, events uint32, err error) {
	if r.single {
		raw, r.frames = r.frames, nil
		return raw, 0, nil
	}
	n, w := binary.Uvarint(r.frames)
	length, l := binary.Uvarint(r.frames[max(w, 0):])
	if w <= 0 || l <= 0 || length > uint64(len(r.frames)-w-l) {
		raw, r.frames = r.frames, nil
		return raw, 0, errRecord
	}
	end := w + l + int(length)
	raw, r.frames = r.frames[w+l:end:end], r.frames[end:]
	return raw, uint32(n), nil
}

// connectionLen is the size of the connection part at the start of b.
func connectionLen(b []byte) (int, error) {
	off := 0
	text := func() bool {
		n, size := binary.Uvarint(b[off:])
		if size <= 0 || n > uint64(len(b)-off-size) {
			return false
		}
		off += size + int(n)
		return true
	}
	ok := text()
	off += 1 + 8 + 8
	for i := 0; ok && i < 6; i++ {
		ok = off <= len(b) && text()
	}
	off += 1 + 4 + 8
	if !ok || off > len(b) {
		return 0, errRecord
	}
	return off, nil
}

// parseConnection parses a connection part whose size connectionLen has checked.
func parseConnection(b []byte) (*connection, error) {
	text := func() string {
		n, size := binary.Uvarint(b)
		s := string(b[size : size+int(n)])
		b = b[size+int(n):]
		return s
	}
	c := &connection{protocol: text()}
	c.version = b[0]
	c.start = protocols.Millis(binary.LittleEndian.Uint64(b[1:]))
	c.number = binary.LittleEndian.Uint64(b[9:])
	b = b[17:]
	o := &c.session.Options
	for _, s := range [...]*string{&c.vehicle, &c.session.Device, &c.session.State, &o.Model, &o.Unit, &o.Extra} {
		*s = text()
	}
	o.Zone.Set, o.TolerateChecksum = b[0]&1 != 0, b[0]&flagTolerate != 0
	o.Zone.Seconds = int32(binary.LittleEndian.Uint32(b[1:]))
	o.Shift = int64(binary.LittleEndian.Uint64(b[5:]))
	return c, nil
}

// decode takes the next frame off the record and appends its events to f as the sinks see them. It returns the frame, and an error where that no longer
// decodes; the frames behind it mean what they meant. s is scratch space, so that decoding allocates nothing.
func (r *record) decode(byName map[string]*protocols.Protocol, s *protocols.Session, f *protocols.Frame) (raw []byte, err error) {
	raw, events, err := r.cut()
	if err != nil {
		return raw, err
	}
	first := len(f.Events)
	if err := r.decodeFrame(raw, byName, s, f); err != nil {
		f.Events = f.Events[:first]
		r.counter += events
		return raw, err
	}
	r.newest = r.finish(f.Events[first:], s.Device, r.connection.vehicle, r.connection.start, &r.connection.session.Options)
	r.counter += events
	return raw, nil
}

func (r *record) decodeFrame(raw []byte, byName map[string]*protocols.Protocol, s *protocols.Session, f *protocols.Frame) error {
	p := byName[r.connection.protocol]
	if p == nil {
		return fmt.Errorf("unknown protocol %q", r.connection.protocol)
	}
	*s = r.connection.session
	in := protocols.Input{Bytes: raw, Received: r.received, Datagram: r.datagram, Final: true} // where it ends was settled at the socket
	n, err := protocols.Next(p, s, in, f)
	if err == nil && n != len(raw) {
		err = fmt.Errorf("%s: frame of %d bytes read as %d", p.Name, len(raw), n)
	}
	return err
}

// finish completes events with what the session and the registry knew, in the same way at the socket and in the sinks: device and vehicle
// are the session's, start is when its connection began, o are the options before the frame. It returns the newest live time now known of the
// vehicle.
func (r *record) finish(events []protocols.Event, device, vehicle string, start protocols.Millis, o *protocols.Options) (newest protocols.Millis) {
	newest = r.newest
	for i := range events {
		e := &events[i]
		r.mendDate(e, o)
		e.Place(start, r.counter+uint32(i))
		e.Quarantined = r.quarantined
		if e.Vehicle = vehicle; e.Device != device || vehicle == "" {
			e.Vehicle = e.Device // a message about another device than the one that logged in
		}
		e.MarkLate(newest)
		if e.Live() && e.Time > newest {
			newest = e.Time
		}
	}
	return newest
}

// mendDate repairs a date that an old satellite receiver sent back by 1024 weeks, where the decoder has not done so, and says so in the event. The option
// rollover=false of the device is against it. Captures that are played again are as old as they look.
func (r *record) mendDate(e *protocols.Event, o *protocols.Options) {
	if e.NoTime || !e.Valid || e.Has&protocols.HasFix == 0 || o.Shift != 0 {
		return
	}
	t, rolled := protocols.Rollover(e.Time, r.received)
	if !rolled {
		return
	}
	if v, _ := o.Get("rollover"); v == "false" {
		return
	}
	e.Time = t
	e.Bool("rollover", true)
}
