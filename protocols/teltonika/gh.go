package teltonika

import (
	"encoding/binary"
	"math"

	"github.com/trackgate/trackgate/protocols"
)

// ghEpoch is where the GH line counts its seconds from: 2007-01-01 00:00:00 UTC.
const ghEpoch protocols.Millis = 1167609600_000

// ghRecord reads a record of codec 7 from the start of b and returns its length, or 0 when it goes beyond b:
//
//	priority (2 bits) and seconds (30 bits) 4 | mask 1 | GPS element | IO groups of 1, 2 and 4 bytes
//
// mask: bit 0 GPS element, bits 1 to 3 the groups. A record without a GPS element is where the last one was.
func (r *recordReader) ghRecord(b []byte, i int) int {
	if len(b) < 5 {
		return 0
	}
	e := r.frame.Add(protocols.Position)
	r.event, r.raised, r.parts.have, r.marks, r.beacons, r.noBeacons, r.cause = e, "", 0, 0, r.beacons[:0], false, 0
	r.known[i], r.on[i] = 0, 0
	head, mask := binary.BigEndian.Uint32(b), b[4]
	r.priority = byte(head >> 30)
	e.Time = ghEpoch + protocols.Millis(head&(1<<30-1))*1000
	if r.priority != 0 {
		e.Int("priority", int64(r.priority))
	}
	at := 5
	if mask&1 != 0 {
		n := r.ghPosition(b[at:])
		if n == 0 {
			return 0
		}
		at += n
	}
	for k, width := range [...]int{1, 2, 4} {
		if mask>>(k+1)&1 == 0 {
			continue
		}
		if at >= len(b) {
			return 0
		}
		n := int(b[at])
		at++
		if n*(1+width) > len(b)-at {
			return 0
		}
		for range n {
			id, v := uint16(b[at]), b[at+1:at+1+width]
			at += 1 + width
			var raw uint64
			for _, x := range v {
				raw = raw<<8 | uint64(x)
			}
			r.ghValue(id, raw, uint8(width), i)
		}
	}
	r.end(b[:at])
	return at
}

// ghValue adds an element of a GH record. Its records name no cause: a pressed alarm button is the alarm.
func (r *recordReader) ghValue(id uint16, raw uint64, width uint8, i int) {
	r.value(id, raw, width, i)
	if el := r.family.element(id); el.alarm == sosAlarm && raw == 1 && el.width == width {
		r.raised = "sos"
	}
}

// ghPosition reads a GPS element and returns its length, or 0:
//
//	mask 1 | latitude 4, longitude 4 (IEEE 754) | altitude 2 | angle 1 | speed 1 | satellites 1 | LAC 2, cell 2 | signal 1 | operator 4
//
// with only the fields whose bit of the mask is set, from bit 0 on.
func (r *recordReader) ghPosition(b []byte) int {
	if len(b) < 1 {
		return 0
	}
	e, mask := r.event, b[0]
	size := 1
	for k, n := range [8]int{8, 2, 1, 1, 1, 4, 1, 4} {
		if mask>>k&1 != 0 {
			size += n
		}
	}
	if size > len(b) {
		return 0
	}
	v := protocols.NewReader(b[1:size])
	var lat, lng float32
	if mask&0x01 != 0 {
		lat, lng = math.Float32frombits(v.U32()), math.Float32frombits(v.U32())
	}
	if mask&0x02 != 0 {
		e.SetAlt(float64(v.I16()))
	}
	if mask&0x04 != 0 {
		e.SetCourse(float64(v.U8()) * 360 / 256)
	}
	if mask&0x08 != 0 {
		e.SetSpeed(float64(v.U8()))
	}
	sats, counted := uint8(0), mask&0x10 != 0
	if counted {
		sats = v.U8()
		e.SetSats(sats)
	}
	if mask&0x01 != 0 {
		e.SetFix(float64(lat), float64(lng), sats > 0 || !counted)
	}
	if mask&0x20 != 0 {
		r.parts.set(areaRule, uint64(v.U16()))
		r.parts.set(cellRule, uint64(v.U16()))
	}
	if mask&0x40 != 0 {
		e.Int("rssi", int64(v.U8()))
	}
	if mask&0x80 != 0 {
		r.parts.set(operatorRule, uint64(v.U32()))
	}
	return size
}
