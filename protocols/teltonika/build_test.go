package teltonika

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// record is a record of codec 8 being built for a test.
type record struct{ b []byte }

// newRecord starts a record of that time with a fix, up to the total of its elements.
func newRecord(ms uint64) *record {
	b := binary.BigEndian.AppendUint64(nil, ms)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, 252797000)
	b = binary.BigEndian.AppendUint32(b, 546872000)
	b = append(b, 0, 112, 0, 90, 11, 0, 50)
	return &record{append(b, 0, 0)}
}

const (
	causeAt = 24 // event id of a record of codec 8
	totalAt = 25
)

// bytes appends the group of one-byte elements: id, value, ...
func (r *record) bytes(width int, pairs ...uint64) { r.words(width, pairs...) }

// words appends a group: id, value, ...
func (r *record) words(width int, pairs ...uint64) {
	r.b = append(r.b, byte(len(pairs)/2))
	r.b[totalAt] += byte(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		r.b = append(r.b, byte(pairs[i]))
		for k := width - 1; k >= 0; k-- {
			r.b = append(r.b, byte(pairs[i+1]>>(8*k)))
		}
	}
}

// caused sets the event id.
func (r *record) caused(id byte) *record { r.b[causeAt] = id; return r }

// simpleRecord is a record of codec 8 whose elements have one byte each.
func simpleRecord(ms uint64, pairs ...uint64) *record {
	r := newRecord(ms)
	r.words(1, pairs...)
	r.b = append(r.b, 0, 0, 0)
	return r
}

// avlPacket is a packet of a TCP stream with these records.
func avlPacket(codec byte, records ...[]byte) []byte {
	data := []byte{codec, byte(len(records))}
	for _, r := range records {
		data = append(data, r...)
	}
	return framed(append(data, byte(len(records))))
}

// framed puts preamble, length and CRC around data.
func framed(data []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(data)))
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, uint32(protocols.ARC.Sum(data)))
}

// wideRecord is a record of codec 8E with one element of variable length.
func wideRecord(ms uint64, id uint16, value []byte) []byte {
	b := newRecord(ms).b[:causeAt]
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}
