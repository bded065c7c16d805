package galileosky

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// minimalSize is the size of the fixed part of a compressed record.
const minimalSize = 10

// compressed reads records of this form, bits counted from the highest:
//
//	reserved 1 bit | second of the year 25 | invalid 1 | longitude 22 | latitude 21 | alarm 1 | reserved 9 |
//	count 1 byte, its low 5 bits | count tags | their values in the same order
//
// The fractions are of the whole circle from -180° and of the half circle from -90°.
func (c *call) compressed(b []byte) {
	for len(b) > minimalSize {
		r := c.begin()
		start := b
		high, low := binary.BigEndian.Uint64(b), binary.BigEndian.Uint16(b[8:])
		r.hasTime = true
		r.e.Time = c.inYear(int64(high >> 38 & (1<<25 - 1)))
		lng := float64(high>>15&(1<<22-1))*360/(1<<22) - 180
		lat := float64(high&(1<<15-1)<<6|uint64(low>>10))*180/(1<<21) - 90
		r.e.SetFix(lat, lng, high>>37&1 == 0)
		if low>>9&1 != 0 {
			r.e.Kind, r.e.Alarm = protocols.Alarm, "general"
		}
		count := int(b[minimalSize] & 0x1f)
		c.f.Note(b[minimalSize:minimalSize+1], "count", "of tags, low five bits")
		b = b[minimalSize+1:]
		list := b[:min(count, len(b))]
		c.f.Note(list, "tags", "decide what the values behind them are")
		b = b[len(list):]
		for _, id := range list {
			t := &tags[id]
			value, rest := measure(t, b)
			if t.size == 0 || rest == nil {
				if len(b) > 0 {
					r.e.Text("raw", hexText(b))
				}
				b = nil
				break
			}
			if r.take(id) {
				c.apply(&r, id, value)
			}
			b = rest
		}
		if len(b) > 0 && len(b) <= minimalSize {
			r.e.Text("raw", hexText(b))
			b = nil
		}
		c.finish(&r, start[:len(start)-len(b)])
	}
}

// inYear is the time of a second of the year in which the packet came, or of the year before when that would be more than a day ahead.
func (c *call) inYear(second int64) protocols.Millis {
	year := c.received.Time().Year()
	for {
		start, _ := protocols.Civil(year, 1, 1, 0, 0, 0, protocols.Zone{})
		t := start + protocols.Millis(second)*1000
		if t <= c.received+24*3_600_000 || year != c.received.Time().Year() {
			return t
		}
		year--
	}
}
