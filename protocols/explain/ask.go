package explain

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxTogether is how many fields one changed bit may feed. What changes more is no value but a part that the layout depends on.
const maxTogether = 4

// maxChanges is how many changes are looked at before the rest of a frame is not.
const maxChanges = 256

// effects is what changing one byte does.
type effects struct {
	asked    bool
	fields   []feed // the fields that it feeds
	touched  []feed // those that any of its probes changed
	read     byte   // the bits whose change left the layout as it is
	refusals int    // of how many probes: the frame was refused, or cut elsewhere
	probes   int
	kind     bool              // the message became another
	layout   bool              // the events became others
	gates    []protocols.Field // that are there only for some values of the byte
	reply    bool              // the answer changed
	state    bool              // what is remembered for later frames changed
	identity bool              // the record's identity changed
	checksum bool              // the checksum noticed
}

// feed is a field that a byte feeds, and by which of its bits.
type feed struct {
	field protocols.Field
	mask  byte
}

// sample is a value that a field had when one byte was another.
type sample struct {
	at    int
	byte  byte
	value value
}

// ask changes each bit of the frame in turn.
func (a *asker) ask() {
	raw := slices.Clone(a.in.Bytes)
	a.bytes = make([]effects, len(raw))
	a.samples = make(map[protocols.Field][]sample)
	tried := min(8, Budget/len(raw), max(1, 16*Budget/len(raw)/(1+len(a.base.events))))
	a.partial = tried < 8
	for i, was := range raw {
		if tried == 0 {
			break
		}
		var found []probe
		try := func(v byte) {
			if a.textual && cuts(v) && !cuts(was) {
				return // it would end the field: no value of it
			}
			raw[i] = v
			found = append(found, a.probe(raw, i, was^v))
		}
		for bit := range tried {
			try(was ^ 1<<bit)
		}
		for v := byte('0'); a.textual && tried == 8 && isDigit(was) && v <= '9'; v++ {
			if bits.OnesCount8(v^was) > 1 {
				try(v)
			}
		}
		if a.textual && (isLetter(was) || was == '+' || was == '-') {
			for _, v := range []byte("NSEWAVLFRBM01+-") {
				if v != was && tried == 8 {
					try(v)
				}
			}
		}
		raw[i] = was
		a.bytes[i] = a.settle(i, was, found)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// probe is one changed byte.
type probe struct {
	changed byte // bits
	effects
	fields []change
}

// probe decodes raw, of which byte i is changed, and compares.
func (a *asker) probe(raw []byte, i int, changed byte) probe {
	r := a.read(raw)
	p := probe{changed: changed}
	b := &a.base
	switch {
	case r.refused || r.n != b.n:
		p.refusals = 1
		return p
	case len(r.events) != len(b.events):
		p.layout, p.kind = true, r.kind != b.kind
		return p
	}
	p.kind = r.kind != b.kind
	p.reply = string(r.reply) != string(b.reply)
	p.state = r.session.State != b.session.State
	p.checksum = r.badSum != b.badSum
	for k := range r.events {
		if len(p.fields) > maxChanges {
			break
		}
		p.fields = a.compare(p.fields, k, &b.events[k], &r.events[k])
		p.identity = p.identity || r.events[k].FP != b.events[k].FP
	}
	p.fields = slices.DeleteFunc(p.fields, func(c change) bool {
		p.checksum = p.checksum || c.field.Name == "checksum_ok"
		return c.field.Name == "checksum_ok"
	})
	p.fields = once(p.fields, b.session.Device, r.session.Device)
	if len(p.fields) > maxTogether {
		p.fields, p.layout = nil, true
	}
	return p
}

// once keeps of a name that changed in several events the first: a base that later records count from, the device that all of them name.
func once(list []change, before, after string) []change {
	named := false
	kept := list[:0]
	for _, c := range list {
		if c.field.Name == "device" {
			c.field.Event, named = -1, true
		}
		if !slices.ContainsFunc(kept, func(k change) bool { return k.field.Name == c.field.Name }) {
			kept = append(kept, c)
		}
	}
	if before != after && !named {
		kept = append(kept, change{protocols.Field{Event: -1, Name: "device"}, textValue(after)})
	}
	return kept
}

// settle puts the probes of one byte together. A bit that changes lat alone says that the byte feeds lat; one that makes of lat no latitude any more takes
// the longitude away too, and says nothing new: a probe that loses a field and changes more than another of the byte does not count.
func (a *asker) settle(at int, was byte, list []probe) effects {
	var e effects
	var took []taken
	e.asked, e.probes = len(list) > 0, len(list)
	for i := range list {
		p := &list[i]
		e.refusals += p.refusals
		e.kind = e.kind || p.kind
		e.layout = e.layout || p.layout
		e.reply = e.reply || p.reply
		e.state = e.state || p.state
		e.identity = e.identity || p.identity
		e.checksum = e.checksum || p.checksum
		if p.refusals == 0 && !p.layout && bits.OnesCount8(p.changed) == 1 {
			e.read |= p.changed
		}
		for _, c := range p.fields {
			e.touched = mark(e.touched, c.field, p.changed)
		}
		if len(p.fields) == 0 || a.loses(p.fields) && slices.ContainsFunc(list, func(q probe) bool { return smaller(q.fields, p.fields) }) {
			continue
		}
		for _, c := range p.fields {
			if a.value(c.field).json == "" && nameless(c.field.Name) {
				e.layout = true // it says what the bytes behind it are
				continue
			}
			e.fields = mark(e.fields, c.field, p.changed)
			took = append(took, taken{c.field, sample{at, was ^ p.changed, c.value}})
		}
	}
	e.fields = slices.DeleteFunc(e.fields, func(f feed) bool {
		gated := a.gated(f, took)
		if gated {
			e.gates = append(e.gates, f.field)
		}
		return gated
	})
	for _, t := range took {
		if e.feeds(t.field) {
			a.samples[t.field] = append(a.samples[t.field], t.sample)
		}
	}
	return e
}

// taken is a sample and its field.
type taken struct {
	field protocols.Field
	sample
}

// loses tells whether a field that the frame has is gone.
func (a *asker) loses(list []change) bool {
	return slices.ContainsFunc(list, func(c change) bool { return c.value.json == "" && a.value(c.field).json != "" })
}

// gated tells whether a byte does not give a field its value, but decides whether it is there at all. Of a flag and an alarm, being there is the value;
// and of a text that a comma ends, the comma is no part.
func (a *asker) gated(f feed, took []taken) bool {
	base := a.value(f.field).json
	at := -1
	gone := true
	for _, t := range took {
		if t.field == f.field {
			at = t.at
			gone = gone && t.value.json == ""
		}
	}
	if was := a.in.Bytes[at]; a.textual && cuts(was) && strings.IndexByte(base, was) < 0 {
		return true
	}
	if base == "true" || base == "false" || f.field.Name == "alarm" {
		return gone && bits.OnesCount8(f.mask) > 2 && !strings.EqualFold(a.word(at), base)
	}
	return gone
}

// word is what stands around a place of a text.
func (a *asker) word(at int) string {
	b, to := a.in.Bytes, at
	if !a.textual {
		return ""
	}
	for at > 0 && isLetter(b[at-1]) {
		at--
	}
	for to < len(b) && isLetter(b[to]) {
		to++
	}
	return string(b[at:to])
}

// cuts tells whether a byte ends a field in texts.
func cuts(c byte) bool { return strings.IndexByte(",;|#*&=$()[]\r\n", c) >= 0 }

// nameless tells whether an attribute is of an element without a name.
func nameless(name string) bool { return name == "raw" || strings.HasPrefix(name, "io_") }

// smaller tells whether a changes something, and less than b does and nothing else.
func smaller(a, b []change) bool {
	if len(a) == 0 || len(a) >= len(b) {
		return false
	}
	for _, c := range a {
		if !slices.ContainsFunc(b, func(d change) bool { return d.field == c.field }) {
			return false
		}
	}
	return true
}

// heed takes out of the answers what the decoder's notes explain: a byte that is noted as the id of an element, a length or a checksum gives no field
// its value, although another id is another field.
func (a *asker) heed(notes []protocols.Note) {
	a.named = make([]bool, len(a.in.Bytes))
	for _, n := range notes {
		if len(n.Name) == 0 || n.Name == "record" || n.Length == len(a.in.Bytes) {
			continue
		}
		selects := strings.HasPrefix(n.Rule, "decides")
		switch n.Name {
		case "length", "count", "checksum", "start", "stop", "flag", "separator":
			selects = true
		}
		for i := n.Offset; i < n.Offset+n.Length && i < len(a.bytes); i++ {
			a.named[i] = true
			if selects {
				a.bytes[i].fields = slices.DeleteFunc(a.bytes[i].fields, func(f feed) bool {
					was := a.value(f.field).json
					return f.field.Name != n.Name && (was == "" || was[0] == '[' || was[0] == '{')
				})
			}
		}
	}
}

// mark notes that bits feed a field.
func mark(list []feed, f protocols.Field, changed byte) []feed {
	for i := range list {
		if list[i].field == f {
			list[i].mask |= changed
			return list
		}
	}
	return append(list, feed{f, changed})
}

// strange are the bits that are known to have nothing to do with f: changing them changes other things, or nothing.
func (e *effects) strange(f protocols.Field) byte {
	for i := range e.touched {
		if e.touched[i].field == f {
			return e.read &^ e.touched[i].mask
		}
	}
	return e.read
}

// gate tells whether f is there only for some values of the byte.
func (e *effects) gate(f protocols.Field) bool { return slices.Contains(e.gates, f) }

// feeds tells whether the byte feeds f.
func (e *effects) feeds(f protocols.Field) bool { return e.mask(f) != 0 }

// mask are the bits that feed f.
func (e *effects) mask(f protocols.Field) byte {
	for i := range e.fields {
		if e.fields[i].field == f {
			return e.fields[i].mask
		}
	}
	return 0
}
