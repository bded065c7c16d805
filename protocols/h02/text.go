package h02

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// maxFields is how many fields of a sentence are looked at one by one.
const maxFields = 96

// sentence is one text message: maker, id, type, and the type's own fields.
type sentence struct {
	maker, id, kind []byte
	fields          [][]byte // behind the type
	body            []byte   // from the id on: what a repetition has in common
	rest            []byte   // behind the type, unsplit
}

// types are the sentences that are known, by their type.
var types = map[string]string{
	"V0": "V0", "V1": "V1", "V2": "V2", "V3": "V3", "V4": "V4", "V5": "V5", "V6": "V6", "V7": "V7", "V8": "V8", "V9": "V9", "V19": "V19", "V20": "V20",
	"VI1": "VI1", "VP1": "VP1", "NBR": "NBR", "LINK": "LINK", "HTBT": "HTBT", "SMS": "SMS", "BASE": "BASE", "I1": "I1", "I2": "I2", "R8": "R8",
	"XT": "XT", "D1": "D1", "R12": "R12",
}

// text reads b, what stands between * and #. A sentence whose id is none is refused.
func (c *call) text(b []byte) error {
	var store [maxFields][]byte
	id, rest := field(b[3:])
	kind, rest := field(rest)
	if !isID(id) {
		return fmt.Errorf("h02: id %q: %w", id[:min(len(id), 24)], protocols.ErrMalformed)
	}
	c.f.Note(b[:2], "maker", "two letters of the maker, mostly HQ; answers repeat them")
	c.f.Note(kind, "message type", "decides the layout of the fields")
	m := sentence{maker: b[:2], id: id, kind: kind, fields: split(&store, rest), body: b[3:], rest: rest}
	if name := types[string(m.kind)]; name != "" {
		c.f.Type = name
	} else if isPositionType(m.kind) {
		c.f.Type = "V"
	}
	c.name(m.id)
	setMaker(c.s, m.maker)
	switch {
	case len(m.kind) == 0, string(m.kind) == "BASE":
		return nil
	case string(m.kind) == "HTBT", string(m.kind) == "V0" && len(m.fields) < 9:
		c.heartbeat(&m)
		c.answer(&m, "")
		return nil
	case string(m.kind) == "SMS":
		e := c.f.Add(protocols.CommandResult)
		e.Text("result", string(m.rest))
		e.FP = protocols.Fingerprint(m.body)
		return nil
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(m.body)
	if !c.read(e, &m) {
		*e = protocols.Event{Kind: protocols.Status, FP: e.FP, Attrs: e.Attrs[:0]}
		e.Text("raw", hexText(b))
	}
	c.settle(e)
	switch string(m.kind) {
	case "V1":
		c.answer(&m, "V4,V1")
	case "NBR":
		c.answer(&m, "V4,NBR")
	case "V0":
		c.answer(&m, "")
	case "LINK", "V3", "V4":
	default:
		if r12, _ := c.s.Options.Get("r12"); r12 == "true" && e.Has&protocols.HasFix != 0 {
			c.answer(&m, "R12")
		}
	}
	return nil
}

// isID tells whether b can be an identity: up to 20 letters and digits, or nothing where the connection knows its device.
func isID(b []byte) bool {
	for _, x := range b {
		if !isLetter(x) && (x < '0' || x > '9') {
			return false
		}
	}
	return len(b) <= 20
}

// read picks the reader of the sentence; false: its fields are not what its type has.
func (c *call) read(e *protocols.Event, m *sentence) bool {
	switch string(m.kind) {
	case "V4":
		return c.confirmation(e, m.fields)
	case "V3":
		return c.cellsV3(e, m.fields)
	case "VP1":
		return c.watch(e, m)
	case "NBR":
		return c.neighbours(e, m.fields)
	case "LINK":
		return c.link(e, m.fields)
	}
	return isPositionType(m.kind) && c.position(e, m.fields, string(m.kind) == "V19")
}

// isPositionType tells whether a sentence of this type has the layout of V1: a V and a number, or VI and a number.
func isPositionType(kind []byte) bool {
	if len(kind) < 2 || len(kind) > 4 || kind[0] != 'V' {
		return false
	}
	_, ok := protocols.ParseDigits(bytes.TrimPrefix(kind[1:], []byte("I")))
	return ok
}

// settle gives the event its kind.
func (c *call) settle(e *protocols.Event) {
	switch {
	case e.Kind == protocols.CommandResult:
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// heartbeat reads HTBT[,battery %].
func (c *call) heartbeat(m *sentence) {
	if len(m.fields) == 0 || len(m.rest) == 0 {
		return
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(m.body)
	pct, ok := protocols.ParseDigits(m.fields[0])
	if !ok || pct > 100 || len(m.fields) > 1 {
		e.Text("raw", hexText(m.body))
		return
	}
	e.Int("battery_pct", int64(pct))
}

// answer repeats the sentence up to its type; with what, that and the time of receipt follow the id instead: a whole date for V4, the time of
// day for R12.
func (c *call) answer(m *sentence, what string) {
	if c.s.Device == "" {
		return
	}
	r := append(c.f.Reply[:0], '*')
	r = append(append(r, m.maker...), ',')
	r = append(append(r, c.s.Device...), ',')
	switch what {
	case "":
		r = append(r, m.kind...)
	case "R12":
		r = c.received.Time().AppendFormat(append(r, "R12,"...), "150405")
	default:
		r = c.received.Time().AppendFormat(append(append(r, what...), ','), "20060102150405")
	}
	c.f.Reply = append(r, '#')
}

// link reads LINK: hhmmss, signal, satellites, battery, steps, turnovers, ddmmyy, status. Only wearables send it, and they have no ignition.
func (c *call) link(e *protocols.Event, f [][]byte) bool {
	if len(f) < 8 {
		return false
	}
	word, ok := statusWord(f[7])
	if !ok {
		return false
	}
	c.time(e, f[0], f[6], false)
	integer(e, "rssi", f[1])
	if n, ok := protocols.ParseDigits(f[2]); ok && n < 256 {
		e.SetSats(uint8(n))
	}
	integer(e, "battery_pct", f[3])
	integer(e, "steps", f[4])
	integer(e, "turnovers", f[5])
	c.status(e, word, false)
	return true
}

// integer adds a field that is a whole number.
func integer(e *protocols.Event, name string, f []byte) {
	if n, ok := protocols.ParseDigits(f); ok {
		e.Int(name, int64(n))
	}
}

// other keeps fields without a meaning, numbered from 1 by their place behind the status word.
func other(e *protocols.Event, f [][]byte, first int) {
	for i, v := range f {
		if len(v) > 0 {
			e.Text(protocols.IOKey(uint16(first+i)), string(v))
		}
	}
}

// statusWord reads the 8 hex digits of a status word.
func statusWord(f []byte) (uint32, bool) {
	v, ok := protocols.ParseHex(f)
	return uint32(v), ok && len(f) == 8
}

// field cuts the first field off b.
func field(b []byte) (first, rest []byte) {
	first, rest, _ = bytes.Cut(b, []byte{','})
	return first, rest
}

// split cuts b into its fields; what is beyond the size of out stays in the last one.
func split(out *[maxFields][]byte, b []byte) [][]byte {
	n := 0
	for ; n < len(out)-1; n++ {
		at := bytes.IndexByte(b, ',')
		if at < 0 {
			break
		}
		out[n], b = b[:at], b[at+1:]
	}
	out[n] = b
	return out[:n+1]
}

// commandID is the number of a command: the second of the day that its time names.
func commandID(hhmmss []byte) (int64, bool) {
	n, err := strconv.ParseUint(string(hhmmss), 10, 32)
	h, m, s := n/10000, n/100%100, n%100
	return int64(h*3600 + m*60 + s), err == nil && len(hhmmss) == 6 && h < 24 && m < 60 && s < 60
}
