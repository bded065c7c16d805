package egts

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Subrecords of answers.
const (
	subResponse    = 0
	subResult      = 9
	subResultDraft = 7 // of the standard's first draft
)

// Packets to a device carry the numbers of the packet that they answer: a decoder counts nothing, and what a device repeats is answered in the
// same words.

// appendHeader begins a packet, which seal completes.
func appendHeader(out []byte, priority, kind byte, number uint16) []byte {
	return append(out, version, 0, priority, headerSize, 0, 0, 0, byte(number), byte(number>>8), kind, 0)
}

// seal completes the packet that begins at the given place: length of its data and both checksums.
func seal(out []byte, at int) []byte {
	head, data := out[at:at+headerSize], out[at+headerSize:]
	binary.LittleEndian.PutUint16(head[5:], uint16(len(data)))
	head[headerSize-1] = crc8(head[:headerSize-1])
	return binary.LittleEndian.AppendUint16(out, protocols.CCITT(protocols.CCITTStart, data))
}

// appendRecord begins a record without optional fields, which closeRecord completes.
func appendRecord(out []byte, number uint16, source, recipient byte) []byte {
	return append(out, 0, 0, byte(number), byte(number>>8), 0, source, recipient)
}

// closeRecord sets the length of the record that begins at the given place and ends here.
func closeRecord(out []byte, at int) {
	binary.LittleEndian.PutUint16(out[at:], uint16(len(out)-at-7))
}

// maxServices is of how many services the records of one packet are answered; the standard has five.
const maxServices = 16

// appendAnswer appends the answer to the packet: its result, and for each service a record with the results of that service's records.
//
//	packet 2 | result 1 | records of subrecords: record 2, result 1
func (c *call) appendAnswer(out []byte, records []byte, result byte) []byte {
	at := len(out)
	out = appendHeader(out, c.flags&flagPriority, typeResponse, c.packet)
	out = append(out, byte(c.packet), byte(c.packet>>8), result)
	var done [256]bool
	for first, n := records, 0; len(first) > 0 && n < maxServices; {
		head, rest, ok := nextRecord(first)
		if !ok {
			break
		}
		if !done[head.source] {
			done[head.source] = true
			n++
			out = appendResponses(out, first, &head)
		}
		first = rest
	}
	return seal(out, at)
}

// appendResponses appends a record with the results of all records of the service of head, with which they begin.
func appendResponses(out []byte, records []byte, head *record) []byte {
	at := len(out)
	out = appendRecord(out, head.number, head.recipient, head.source)
	for len(records) > 0 {
		rec, rest, ok := nextRecord(records)
		if !ok {
			break
		}
		if rec.source == head.source {
			out = append(out, subResponse, 3, 0, byte(rec.number), byte(rec.number>>8), rec.verdict())
		}
		records = rest
	}
	closeRecord(out, at)
	return out
}

// appendResult appends the packet that tells a terminal the result of its login.
func (c *call) appendResult(out []byte, result byte) []byte {
	kind := byte(subResult)
	if c.s.Options.Extra != "" {
		if v, _ := c.s.Options.Get("result_code"); v == "7" {
			kind = subResultDraft
		}
	}
	at := len(out)
	out = appendHeader(out, c.flags&flagPriority, typeData, c.packet+1)
	inner := len(out)
	out = appendRecord(out, c.number+1, serviceAuth, serviceAuth)
	out = append(out, kind, 1, 0, result)
	closeRecord(out, inner)
	return seal(out, at)
}
