package ruptela

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// codes reads command 9: count 1, then reserved 1, time 4, longitude 4, latitude 4, state 1 (1 live, 2 stored), code 5.
func (c *call) codes() {
	p := c.payload
	const size = 19
	if len(p) < 1 {
		return
	}
	rest := p[1:]
	for count := int(p[0]); count > 0 && len(rest) >= size; count-- {
		b := rest[:size]
		rest = rest[size:]
		e := c.status(protocols.Status)
		e.FP = protocols.Fingerprint([]byte{c.command}, b)
		e.Time = protocols.Millis(binary.BigEndian.Uint32(b[1:])) * 1000
		lng, lat := int32(binary.BigEndian.Uint32(b[5:])), int32(binary.BigEndian.Uint32(b[9:]))
		if lng != noCoordinate && lat != noCoordinate && e.SetFix(float64(lat)/1e7, float64(lng)/1e7, true) {
			e.Kind = protocols.Position
		}
		e.Int("dtc_state", int64(b[13]))
		if code := trimmed(b[14:]); printable(code) {
			e.Text("dtc", string(code))
		} else {
			hexText(e, "raw", b[14:])
		}
	}
	if len(rest) > 0 {
		hexText(c.status(protocols.Status), "raw", rest)
	}
	c.f.Reply = appendPacket(c.f.Reply, sendCodes, 1)
}

// file reads command 37. Of a part of a file, sub 2, source 1, name 8, parts 2, index 2, data, the next is asked for until the last has
// come: the data is no record.
func (c *call) file() {
	p := c.payload
	if len(p) < 14 || p[0] != 2 {
		if len(p) > 0 {
			hexText(c.status(protocols.Status), "raw", p)
		}
		return
	}
	parts, index := binary.BigEndian.Uint16(p[10:]), binary.BigEndian.Uint16(p[12:])
	if uint32(index)+1 < uint32(parts) {
		answer := append(make([]byte, 0, 12), p[:10]...)
		answer = binary.BigEndian.AppendUint16(answer, index+1)
		c.f.Reply = appendPacket(c.f.Reply, sendFiles, answer...)
		return
	}
	e := c.status(protocols.Status)
	e.Int("file_source", int64(p[1]))
	if name := trimmed(p[2:10]); printable(name) {
		e.Text("file", string(name))
	} else {
		e.Text("file", hex.EncodeToString(p[2:10]))
	}
	e.Int("file_parts", int64(parts))
}

// result reads an answer to a command: text, or a number of one byte.
func (c *call) result() {
	e := c.status(protocols.CommandResult)
	switch p := trimmed(c.payload); {
	case len(c.payload) == 1:
		e.Text("result", strconv.Itoa(int(c.payload[0])))
	case len(p) == 0:
	case printable(p):
		e.Text("result", string(p))
	default:
		hexText(e, "raw", c.payload)
	}
}

// trimmed cuts off the padding of a text.
func trimmed(v []byte) []byte { return bytes.Trim(v, "\x00 \r\n") }

// printable tells whether v is ASCII that can be shown, line ends included.
func printable(v []byte) bool {
	for _, x := range v {
		if (x < ' ' || x > '~') && x != '\r' && x != '\n' && x != '\t' {
			return false
		}
	}
	return len(v) > 0
}

// hexText adds bytes in hex, whatever their number: it is bounded by the packet's.
func hexText(e *protocols.Event, name string, v []byte) {
	if 2*len(v) <= protocols.MaxText {
		e.Text(name, hex.EncodeToString(v))
		return
	}
	e.JSON(name, string(append(hex.AppendEncode(append(make([]byte, 0, 2*len(v)+2), '"'), v), '"')))
}
