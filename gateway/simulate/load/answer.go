package load

import (
	"encoding/binary"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// listen takes what was heard for answers.
func (t *tracker) listen(now time.Time) error {
	if t.window == teltonikaWindow {
		return t.listenCount(now)
	}
	return t.listenSerials(now)
}

// listenCount reads a Teltonika's answer: the number of records.
func (t *tracker) listenCount(now time.Time) error {
	if t.heard == 0 {
		return nil
	}
	if len(t.flight) == 0 {
		return errBabble
	}
	used, ok, err := t.wire.Answer(t.in[:t.heard], t.flight[0].records)
	t.forget(used)
	if err != nil {
		t.fleet.count.wrongAcks.Add(1)
		return err
	}
	if ok {
		t.answered(0, now)
	}
	return nil
}

// listenSerials reads GT06 answers: the number and serial of the message.
func (t *tracker) listenSerials(now time.Time) error {
	for t.heard >= gt06Answer {
		b := t.in[:t.heard]
		if b[0] != 0x78 || b[1] != 0x78 || b[2] != gt06Answer-5 || binary.BigEndian.Uint16(b[6:]) != protocols.X25.Sum(b[2:6]) {
			return errBabble
		}
		serial := binary.BigEndian.Uint16(b[4:])
		number := b[3]
		t.forget(gt06Answer)
		if number != gt06Location {
			continue // a heartbeat's
		}
		for i := range t.flight {
			if m := &t.flight[i]; m.serial == serial && !m.acked {
				t.answered(i, now)
				break
			}
		}
	}
	return nil
}

const (
	gt06Answer   = 10 // bytes: 78 78 05 | number | serial 2 | CRC 2 | 0d 0a
	gt06Location = 0x22
)

// answered takes the records of a message as delivered.
func (t *tracker) answered(i int, now time.Time) {
	m := &t.flight[i]
	m.acked = true
	f := t.fleet
	if !m.repeated {
		at := t.head
		for _, before := range t.flight[:i] {
			if !before.repeated {
				at += before.records
			}
		}
		list := t.queue[at : at+m.records]
		for k := range list {
			e := list[k].entry(t.imei, t.scale)
			f.delivered(&e)
		}
		if t.misbehaves {
			t.last = append(t.last[:0], list...)
		}
		f.count.acked.Add(int64(m.records))
		if !t.misbehaves { // these keep themselves waiting
			f.count.latency.Add(now.Sub(m.at), m.records)
		}
	}
	for len(t.flight) > 0 && t.flight[0].acked {
		if m := &t.flight[0]; !m.repeated {
			t.drop(m.records)
		}
		t.flight = append(t.flight[:0], t.flight[1:]...)
	}
}
