package load

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
)

// message was sent and waits for its answer.
type message struct {
	records  int
	serial   uint16 // GT06
	at       time.Time
	attempts uint8
	acked    bool
	repeated bool // of records acknowledged before; not those of the queue
}

// Windows of messages in flight. A Teltonika waits for each answer; GT06 devices do not, but few have memory for many.
const (
	teltonikaWindow = 1
	gt06Window      = 10
)

// batch is the most records of one message.
func (t *tracker) batch() int {
	if t.window == teltonikaWindow {
		return mostRecords
	}
	return 1
}

// desk is the space in which messages are made. Trackers share a few: most of the time a tracker has nothing to say.
type desk struct {
	fixes [mostRecords]simulate.Fix
	out   []byte
}

// mostRecords of one message.
const mostRecords = 20

var desks = sync.Pool{New: func() any { return new(desk) }}

// clean is a desk with nothing on it.
func clean() *desk {
	d := desks.Get().(*desk)
	d.out = d.out[:0]
	return d
}

// encode appends one message of all the records of list, at most batch, to the desk's.
func (t *tracker) encode(d *desk, list []record, now time.Time) (serial uint16) {
	for i := range list {
		d.fixes[i] = list[i].fix(t.scale)
	}
	// A device's own clock decides what is an upload of old records.
	b, _ := t.wire.Fixes(d.out, d.fixes[:len(list)], now.Add(time.Duration(t.skew)*time.Millisecond))
	d.out = b
	if t.window != teltonikaWindow {
		serial = binary.BigEndian.Uint16(b[len(b)-6:])
	}
	return serial
}
