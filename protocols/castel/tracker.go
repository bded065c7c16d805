package castel

import "github.com/trackgate/trackgate/protocols"

// tracker reads the contents of the CC family:
//
//	4001   a record with fence 1, flags of the fence 1, flags 1 | firmware and hardware, each ended by zero
//	4206   history 1 | n 1, records with three bytes in their place
func (c *call) tracker(r *protocols.Reader) error {
	switch c.kind {
	case msgTrackerLogin:
		b := r.Bytes(recordSize)
		if b == nil {
			return r.Err()
		}
		e := c.record(b)
		text(e, "software", r)
		text(e, "hardware", r)
		finish(e, r)
		return nil
	case msgTracker:
		stored := r.U8() == 1
		n := int(r.U8())
		list := r.Bytes(n * recordSize)
		if err := r.Err(); err != nil {
			return err
		}
		for ; len(list) > 0; list = list[recordSize:] {
			e := c.record(list[:recordSize])
			e.Stored = stored
			if settle(e); len(list) == recordSize {
				finish(e, r)
			}
		}
		return nil
	}
	finish(c.add(protocols.Status, c.content), r)
	return nil
}

// recordSize is that of a record: GPS item 19 | status 4 | battery % 1 | odometer m 4 | 3 | LAC 2, cell id 2.
const recordSize = itemSize + 16

func (c *call) record(b []byte) *protocols.Event {
	e := c.add(protocols.Status, b)
	item(e, b[:itemSize])
	r := protocols.NewReader(b[itemSize:])
	e.Int("status", int64(r.U32LE()))
	if v := r.U8(); v <= 100 {
		e.Int("battery_pct", int64(v))
	}
	e.Int("odometer_m", int64(r.U32LE()))
	if c.kind == msgTrackerLogin {
		e.Int("geofence", int64(r.U8()))
		e.Int("geofence_flags", int64(r.U8()))
		e.Int("flags", int64(r.U8()))
	} else if v := r.Bytes(3); v[0]|v[1]|v[2] != 0 {
		e.Int("flags", int64(v[0])<<16|int64(v[1])<<8|int64(v[2]))
	}
	cell(e, r.U16LE(), r.U16LE())
	return e
}

// elder reads the contents of MPIP:
//
//	4001, 4201, 4202, 4206   GPS item | what has no meaning here
//	2001                     index 4 | time 4 | 1 | GPS item | the same
//	4204                     eight times GPS item and 31 bytes
func (c *call) elder(r *protocols.Reader) error {
	const group, groupTail = 8, 31
	switch c.kind {
	case msgElder:
		r.Skip(4)
		clock, what := r.U32LE(), r.U8()
		e, err := c.lone(r)
		if err != nil {
			return err
		}
		e.Int("clock_s", int64(clock))
		e.Int("event", int64(what))
		finish(e, r)
	case msgTrackerLogin, msgElder4201, msgElder4202, msgTracker:
		e, err := c.lone(r)
		if err != nil {
			return err
		}
		finish(e, r)
	case msgElder4204:
		for i := 0; i < group && r.Len() >= itemSize+groupTail; i++ {
			e, err := c.lone(r)
			if err != nil {
				return err
			}
			tail := protocols.NewReader(r.Bytes(groupTail))
			finish(e, &tail)
		}
		if r.Len() > 0 {
			finish(c.add(protocols.Status, r.Peek(r.Len())), r)
		}
	default:
		finish(c.add(protocols.Status, c.content), r)
	}
	return nil
}
