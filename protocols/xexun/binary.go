package xexun

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	// maxPayload is the largest payload that the header can name.
	maxPayload = 1023
	// maxContent is a header and the largest payload; each pair of bytes of it can be escaped as three.
	maxContent = headerSize + maxPayload
	// maxBinary is the largest frame with its flags and escapes.
	maxBinary = maxContent*3/2 + 5

	headerSize = 16 // type 2, index 2, IMEI 8, attributes 2, checksum 2

	flag0, flag1     = 0xfa, 0xaf
	escape0, escape1 = 0xfb, 0xbf
)

// Types of message.
const (
	typePosition = 0x0014
	typeCommand  = 0x0007
)

var flag = []byte{flag0, flag1}

// binary reads the frame between flags at the start of b.
func (c *call) binary(b []byte, final bool) (int, error) {
	if len(b) < 2 {
		if !final {
			return 0, nil
		}
		return len(b), fmt.Errorf("xexun: %w", protocols.ErrGarbage)
	}
	if b[1] != flag1 {
		return 1, fmt.Errorf("xexun: %w", protocols.ErrGarbage)
	}
	end := bytes.Index(b[2:min(len(b), maxBinary)], flag)
	switch {
	case end == 0:
		c.f.Type = "flag"
		c.f.Note(b[:2], "flag", "fa af, of a frame that was lost")
		return 2, nil // the closing flag of a frame that was lost, or an empty frame
	case end > 0:
		end += 2
	case len(b) >= maxBinary:
		return 2, fmt.Errorf("xexun: %w", protocols.ErrGarbage)
	case !final:
		return 0, nil
	default:
		end = len(b)
	}
	next := min(end+2, len(b))
	var scratch [maxContent]byte
	content, ok := unescape(scratch[:0], b[2:end])
	if !ok || len(content) < headerSize {
		return end, fmt.Errorf("xexun: %d bytes between flags are no frame: %w", end-2, protocols.ErrMalformed)
	}
	if c.f.Notes != nil {
		noteBinary(c.f, b[:next], b[2:end], content)
	}
	return next, c.content(content)
}

// unescape appends b without escapes to out; false: there is an escape that has no meaning, or more than fits.
func unescape(out, b []byte) ([]byte, bool) {
	for i := 0; i < len(b); i++ {
		if len(out) == cap(out) {
			return nil, false
		}
		if b[i] != escape0 || i+1 == len(b) || b[i+1] != escape1 {
			out = append(out, b[i])
			continue
		}
		if i+2 == len(b) || len(out)+2 > cap(out) {
			return nil, false
		}
		switch b[i+2] {
		case 1:
			out = append(out, flag0, flag1)
		case 2:
			out = append(out, escape0, escape1)
		default:
			return nil, false
		}
		i += 2
	}
	return out, true
}

// content reads a header and its payload.
func (c *call) content(b []byte) error {
	kind, index := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	id, ok := imei(b[4:12])
	if !ok {
		return fmt.Errorf("xexun: an IMEI that is no decimal number: %w", protocols.ErrMalformed)
	}
	payload := b[headerSize:]
	if n := int(binary.BigEndian.Uint16(b[12:]) & 0x3ff); n != len(payload) {
		return fmt.Errorf("xexun: payload of %d bytes where the header has %d: %w", len(payload), n, protocols.ErrMalformed)
	}
	sumOK := binary.BigEndian.Uint16(b[14:]) == checksum(payload)
	before := *c.s
	c.name(id[:], speaksBinary)
	var err error
	switch kind {
	case typePosition:
		c.f.Type = "position"
		err = c.records(payload)
	case typeCommand:
		c.f.Type = "command_result"
		c.result(index, payload)
	default:
		c.f.Type = "unknown"
		e := c.f.Add(protocols.Status)
		e.FP = protocols.Fingerprint(b[:2], payload)
		e.Int("type", int64(kind))
		e.Text("raw", hexText(payload))
	}
	if err != nil {
		*c.s = before
		return err
	}
	if kind != typeCommand {
		c.f.Reply = appendFrame(c.f.Reply, kind, index, b[4:12], []byte{1})
	}
	if sumOK {
		return nil
	}
	if c.s.Options.TolerateChecksum {
		for i := range c.f.Events {
			c.f.Events[i].Bool("checksum_ok", false)
		}
		return nil
	}
	for i := range c.f.Events {
		c.f.Events[i].Device = c.s.Device
	}
	*c.s = before
	return fmt.Errorf("xexun: %w", protocols.ErrChecksum)
}

// imei reads 15 decimal digits and a filler.
func imei(b []byte) (id [15]byte, ok bool) {
	for i := range id {
		d := b[i/2] >> (4 - i%2*4) & 15
		if d > 9 {
			return id, false
		}
		id[i] = '0' + d
	}
	return id, true
}

// checksum is the complement of the sum of the payload's bytes.
func checksum(payload []byte) uint16 {
	sum := uint16(0)
	for _, x := range payload {
		sum += uint16(x)
	}
	return ^sum
}

// appendFrame appends a frame; id is the IMEI as frames carry it.
func appendFrame(out []byte, kind, index uint16, id, payload []byte) []byte {
	out = append(out, flag...)
	start := len(out)
	out = binary.BigEndian.AppendUint16(out, kind)
	out = binary.BigEndian.AppendUint16(out, index)
	out = append(out, id...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(payload)))
	out = binary.BigEndian.AppendUint16(out, checksum(payload))
	out = append(out, payload...)
	out = escape(out, start)
	return append(out, flag...)
}

// escape replaces what would be taken for a flag or an escape in out, from start on.
func escape(out []byte, start int) []byte {
	for i := start; i+1 < len(out); i++ {
		var code byte
		switch {
		case out[i] == flag0 && out[i+1] == flag1:
			code = 1
		case out[i] == escape0 && out[i+1] == escape1:
			code = 2
		default:
			continue
		}
		out = append(out, 0)
		copy(out[i+3:], out[i+2:])
		out[i], out[i+1], out[i+2] = escape0, escape1, code
		i += 2
	}
	return out
}

// result is a device's answer to a command, in its own words.
func (c *call) result(index uint16, payload []byte) {
	e := c.f.Add(protocols.CommandResult)
	e.FP = protocols.Fingerprint([]byte{byte(index >> 8), byte(index)}, payload)
	e.Int("command_id", int64(index))
	if text := bytes.TrimRight(payload, "\r\n\x00"); isText(text) {
		e.Text("result", string(text))
		return
	}
	e.Text("raw", hexText(payload))
}

func isText(b []byte) bool {
	for _, x := range b {
		if x < ' ' || x > '~' {
			return false
		}
	}
	return true
}
