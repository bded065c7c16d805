package atrack

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// custom collects the custom fields of a record.
type custom struct {
	e     *protocols.Event
	taken [2]uint64 // slots of names that the record has

	cell, area, network uint32

	storedAt, storedLen int    // where the record says that it was stored; 0: nowhere
	rest                []byte // fields without a name, NAME=value;...
}

// seen tells whether the record has the name of a slot.
func (m *custom) seen(slot int) bool { return m.taken[slot>>6]&(1<<(slot&63)) != 0 }

// name is what to call a field: its name, or its spare one if that is taken; empty if both are.
func (m *custom) name(k *key) string {
	if !m.seen(k.slot) && (k.slot < slotIn1 || k.slot > slotIn1+2) { // the inputs are there already
		m.taken[k.slot>>6] |= 1 << (k.slot & 63)
		return k.attr
	}
	if _, ok := m.e.Attrs.Get(k.spare); ok {
		return ""
	}
	return k.spare
}

// announcement is what a list of custom fields in a packet begins with.
var announcement = []byte("%CI")

// nextKey reads the first name of a list such as %SA%MV; false: there is none.
func nextKey(form []byte) (name, rest []byte, ok bool) {
	if len(form) < 2 || form[0] != '%' {
		return nil, nil, false
	}
	form = form[1:]
	if i := bytes.IndexByte(form, '%'); i >= 0 {
		return form[:i], form[i:], true
	}
	return form, nil, true
}

// known is the list of custom fields of a record that announces none.
func (c *call) known() []byte {
	if c.s.Options.Extra != "" {
		if form, ok := c.s.Options.Get("form"); ok {
			return []byte(form)
		}
	}
	return c.form
}

// customBinary reads the custom fields of a binary record. False: where the next record begins can not be told, since a field is unknown or cut.
func (c *call) customBinary(m *custom, r *protocols.Reader) bool {
	var form []byte
	if bytes.HasPrefix(r.Peek(r.Len()), announcement) {
		form = terminated(r)
		if r.Err() != nil {
			return false
		}
		form = form[len(announcement):]
		c.form = form
	} else {
		form = c.known()
	}
	for {
		name, rest, ok := nextKey(form)
		if !ok {
			return true
		}
		form = rest
		k := keys[string(name)]
		if k == nil {
			return false
		}
		at := r.Offset()
		switch k.kind {
		case text:
			m.text(k, name, terminated(r))
		case octets:
			if b := r.Bytes(int(k.size)); b != nil {
				m.octets(k, b)
			}
		default:
			v := int64(r.Uint(int(k.size)))
			if k.signed {
				shift := 64 - 8*uint(k.size)
				v = v << shift >> shift
			}
			if r.Err() == nil {
				m.number(k, name, v, at, r.Offset()-at)
			}
		}
		if r.Err() != nil {
			return false
		}
	}
}

// customText reads the custom fields of a record in ASCII, from the given place on: a list and values, or values alone.
func (c *call) customText(m *custom, b []byte, at int) {
	form := c.known()
	if bytes.HasPrefix(b[at:], announcement) {
		end := bytes.IndexByte(b[at:], ',')
		if end < 0 {
			return
		}
		form = b[at+len(announcement) : at+end]
		c.form = form
		at += end + 1
	}
	if len(form) == 0 {
		m.rest = append(m.rest, b[at:]...)
		return
	}
	for at <= len(b) {
		name, rest, ok := nextKey(form)
		if !ok {
			m.keep(nil, b[at:])
			return
		}
		form = rest
		end := len(b)
		if i := bytes.IndexByte(b[at:], ','); i >= 0 {
			end = at + i
		}
		value := b[at:end]
		k := keys[string(name)]
		switch {
		case len(value) == 0:
		case k == nil:
			m.keep(name, value)
		case k.kind == text || k.kind == octets || k.kind == identity:
			m.text(k, name, value)
		default:
			d, ok := protocols.ParseDecimal(value)
			if !ok || d.Scale != 0 || d.N > 1<<40 || d.N < -1<<40 {
				m.keep(name, value)
				break
			}
			m.number(k, name, d.N, at, len(value))
		}
		at = end + 1
	}
}

// keep adds a field to those without a name.
func (m *custom) keep(name, value []byte) {
	if len(m.rest) > 0 {
		m.rest = append(m.rest, ';')
	}
	if len(name) > 0 {
		m.rest = append(append(m.rest, name...), '=')
	}
	m.rest = append(m.rest, value...)
}

// text adds a text that is not empty.
func (m *custom) text(k *key, name, v []byte) {
	if v = bytes.TrimSpace(v); len(v) == 0 {
		return
	}
	if attr := m.name(k); attr != "" {
		m.e.Text(attr, string(v))
		return
	}
	m.keep(name, v)
}

// octets adds bytes.
func (m *custom) octets(k *key, v []byte) {
	if attr := m.name(k); attr != "" {
		hexText(m.e, attr, v)
	}
}

// number adds a field that is a number on the wire, which stood at the given place of its record.
func (m *custom) number(k *key, name []byte, v int64, at, size int) {
	switch k.kind {
	case sats:
		m.e.SetSats(uint8(min(max(v, 0), 255)))
		return
	case altitude:
		m.e.SetAlt(float64(v))
		return
	case cellID:
		m.cell = uint32(v)
		return
	case cellArea:
		m.area = uint32(v)
		return
	case cellNetwork:
		m.network = uint32(v)
		return
	}
	attr := m.name(k)
	if attr == "" {
		m.keep(name, strconv.AppendInt(nil, v, 10))
		return
	}
	if attr == k.spare && k.kind != flag && k.kind != stored && k.kind != identity { // as sent
		m.e.Int(attr, v)
		return
	}
	switch k.kind {
	case stored:
		m.storedAt, m.storedLen = at, size
		m.e.Stored = m.e.Stored || v == 1
		m.e.Bool(attr, v == 1)
	case flag:
		m.e.Bool(attr, v != 0)
	case fahrenheit:
		m.e.Float(attr, float64(v-32)*5/9)
	case minus40:
		m.e.Int(attr, v-40)
	case identity:
		m.e.Text(attr, strconv.FormatUint(uint64(v), 10))
	default:
		m.e.Dec(attr, v*k.mul, k.scale)
	}
}

// finish adds what several fields make up.
func (m *custom) finish() {
	mcc, mnc := m.network/100, m.network%100
	if m.network >= 100_000 { // an MNC of three digits
		mcc, mnc = m.network/1000, m.network%1000
	}
	if m.cell != 0 && m.network != 0 && mcc <= 999 {
		m.e.Cell(uint16(mcc), uint16(mnc), m.area, uint64(m.cell))
	} else {
		for _, part := range [...]struct {
			name string
			v    uint32
		}{{"operator", m.network}, {"key_lc", m.area}, {"key_ce", m.cell}} {
			if part.v != 0 {
				m.e.Int(part.name, int64(part.v))
			}
		}
	}
	if len(m.rest) > 0 {
		longText(m.e, "custom", m.rest)
	}
}

// rawText adds bytes in hex, whatever their number: it is bounded by the packet's.
func rawText(e *protocols.Event, v []byte) { longText(e, "raw", hex.AppendEncode(nil, v)) }

// longText adds a text of any length.
func longText(e *protocols.Event, name string, v []byte) {
	if len(v) <= protocols.MaxText {
		e.Text(name, string(v))
		return
	}
	if b, err := json.Marshal(string(v)); err == nil {
		e.JSON(name, string(b))
	}
}
