package castel

import (
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// measured reads what dongles measure, behind the state:
//
//	4002   sampling rate s 2 | n 1, PIDs 2 | groups 1 | size of a group 1 | values
//	4003   sampling rate 2 | n 1, three words of 1/64 g
//	4004   n 1, PIDs 2
//	4005   flag 1 | n 1, PIDs 2 | values
//	4006   flag 1 | n 1, trouble codes 2
//	4008   LAC 2, cell id 2
//	400B   flag 1 | n 1, trouble codes 2 with attribute 1 and count 1
func (c *call) measured(r *protocols.Reader) error {
	s, err := readStat(r)
	if err != nil {
		return err
	}
	e := c.add(protocols.Status, c.content)
	e.Bool("ignition", s.on)
	s.rest(e)
	switch c.kind {
	case msgPID:
		if r.Len() >= 2 {
			e.Int("sampling_s", int64(r.U16LE()))
		}
		if list, ok := tags(r); ok && r.Len() >= 2 {
			if groups := r.U8(); groups != 1 {
				e.Int("groups", int64(groups))
			}
			r.Skip(1)
			c.values(e, list, r)
		}
	case msgSnapshot:
		if r.Len() >= 1 {
			e.Int("flag", int64(r.U8()))
		}
		if list, ok := tags(r); ok {
			c.values(e, list, r)
		}
	case msgSupported:
		if head := r.Peek(1); head != nil && 2*int(head[0]) <= r.Len()-1 {
			words(e, "supported", int(r.U8()), r)
		}
	case msgGSensor:
		acceleration(e, r)
	case msgDTC, msgTruckDTC:
		if r.Len() >= 1 {
			e.Int("flag", int64(r.U8()))
		}
		c.codes(e, r)
	case msgCell:
		if r.Len() >= 4 {
			cell(e, r.U16LE(), r.U16LE())
		}
	}
	finish(e, r)
	return nil
}

// tags reads count 1 and PIDs; false, and nothing read, where there are fewer.
func tags(r *protocols.Reader) ([]byte, bool) {
	head := r.Peek(1)
	if head == nil || 2*int(head[0]) > r.Len()-1 {
		return nil, false
	}
	return r.Bytes(1 + 2*int(head[0]))[1:], true
}

// values reads a value for each PID of a list. One whose size is not known ends it: what follows is left.
func (c *call) values(e *protocols.Event, list []byte, r *protocols.Reader) {
	converted := c.converted()
	for ; len(list) >= 2; list = list[2:] {
		size := int(pidSizes[list[0]])
		if size == 0 || r.Len() < size {
			return
		}
		value(e, uint16(list[0])|uint16(list[1])<<8, number(r.Bytes(size)), converted)
	}
}

// converted tells whether the operator says that the device sends values in their units.
func (c *call) converted() bool {
	how, _ := c.s.Options.Get("pids")
	return how == "converted"
}

// number is little endian, at most four bytes.
func number(b []byte) (v uint32) {
	for i := min(len(b), 4) - 1; i >= 0; i-- {
		v = v<<8 | uint32(b[i])
	}
	return v
}

// acceleration reads rate 2, n 1 and as many times x, y and z in 1/64 g.
func acceleration(e *protocols.Event, r *protocols.Reader) {
	if r.Len() < 3 {
		return
	}
	e.Int("sampling_s", int64(r.U16LE()))
	head := r.Peek(1)
	if n := int(head[0]); n == 0 || 6*n > r.Len()-1 {
		return
	}
	n := int(r.U8())
	b := append(make([]byte, 0, 32*n), '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		for k := range 3 {
			b = append(b, "[,,"[k])
			mg := float64(int16(r.U16LE())) * 1000 / 64
			b = strconv.AppendFloat(b, mg, 'f', -1, 64)
		}
		b = append(b, ']')
	}
	e.JSON("accelerations_mg", string(append(b, ']')))
}

// codes reads count 1 and trouble codes, those of commercial vehicles with two bytes more.
func (c *call) codes(e *protocols.Event, r *protocols.Reader) {
	size := 2
	if c.kind == msgTruckDTC {
		size = 4
	}
	head := r.Peek(1)
	if head == nil || size*int(head[0]) > r.Len()-1 {
		return
	}
	n := int(r.U8())
	troubles(e, r.Bytes(n*size), size)
}

// troubles keeps trouble codes of so many bytes each, of which the first two are the code.
func troubles(e *protocols.Event, b []byte, size int) {
	if len(b) < size {
		return
	}
	list := append(make([]byte, 0, 64), '[')
	details := append(make([]byte, 0, 64), '[')
	for ; len(b) >= size; b = b[size:] {
		if len(list) > 1 {
			list, details = append(list, ','), append(details, ',')
		}
		code := uint16(b[0]) | uint16(b[1])<<8
		list = append(list, '"', "PCBU"[code>>14], '0'+byte(code>>12&3))
		for shift := 8; shift >= 0; shift -= 4 {
			list = append(list, "0123456789ABCDEF"[code>>shift&15])
		}
		list = append(list, '"')
		details = append(details, '"')
		details = hex.AppendEncode(details, b[2:size])
		details = append(details, '"')
	}
	e.JSON("dtcs", string(append(list, ']')))
	if size > 2 {
		e.JSON("dtc_details", string(append(details, ']')))
	}
}

// result reads A002: the number of the command 2 | packets 1 | number of this 1 | n 1, parameters that failed 2 | n 1, parameters: number 2, length
// 2, text.
func (c *call) result(r *protocols.Reader) error {
	e := c.add(protocols.CommandResult, c.content)
	defer finish(e, r)
	if r.Len() < 4 {
		return nil
	}
	e.Int("command_id", int64(r.U16LE()))
	if count := r.U8(); count > 1 {
		e.Int("fragments", int64(count))
		e.Int("fragment", int64(r.U8()))
	} else {
		r.Skip(1)
	}
	failed, ok := tags(r)
	if !ok {
		return nil
	}
	e.Bool("success", len(failed) == 0)
	b := make([]byte, 0, 128)
	for ; len(failed) >= 2; failed = failed[2:] {
		b = append(appendTag(b, uint16(failed[0])|uint16(failed[1])<<8), " failed"...)
	}
	n := int(r.U8())
	for ; n > 0; n-- {
		head := r.Peek(4)
		if head == nil || int(head[2])|int(head[3])<<8 > r.Len()-4 {
			break
		}
		b = append(appendTag(b, r.U16LE()), '=')
		b = append(b, r.Bytes(int(r.U16LE()))...)
	}
	e.Text("result", string(b))
	return nil
}

// appendTag appends the number of a parameter in hex, behind a semicolon where something stands before.
func appendTag(b []byte, tag uint16) []byte {
	if len(b) > 0 {
		b = append(b, ';')
	}
	return hex.AppendEncode(b, []byte{byte(tag >> 8), byte(tag)})
}
