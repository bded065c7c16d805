package explain

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// items puts what the decoder noted and what it answered together, in the order of the bytes.
func (a *asker) items(notes []protocols.Note) []Item {
	var list []Item
	if a.usable {
		list = a.fields()
	}
	list = a.noted(list, notes)
	list = a.others(list)
	nest(list)
	return list
}

// fields are the ranges that feed fields.
func (a *asker) fields() []Item {
	var order []protocols.Field
	seen := make(map[protocols.Field]bool)
	for i := range a.bytes {
		for _, f := range a.bytes[i].fields {
			if !seen[f.field] {
				seen[f.field] = true
				order = append(order, f.field)
			}
		}
	}
	var list []Item
	for _, f := range order {
		for from := 0; from < len(a.bytes); from++ {
			if !a.bytes[from].feeds(f) {
				continue
			}
			first, end := a.trim(f, from)
			for _, to := range []int{first + a.turns(f, first, end, first), end - a.turns(f, first, end, end-1), end} {
				if to > first {
					list = append(list, Item{Offset: first, Length: to - first, Name: f.Name, Event: f.Event, Field: true, Value: a.value(f).json,
						Rule: a.ruleOf(f, first, to), Reader: a.reader(f)})
				}
				first = to
			}
			from = end
		}
	}
	return list
}

// run are the bytes that feed f, around a place that does. A point or a dash within a number or a date belongs to them, and a digit that only one value
// of makes sense, like the 0 of month 04.
func (a *asker) run(f protocols.Field, at int) (from, to int) {
	inside := func(i int) bool {
		return a.textual && f.Name == "time" && a.bytes[i].gate(f) && !cuts(a.in.Bytes[i])
	}
	from = at
	for from > 0 && inside(from-1) {
		from--
	}
	for !a.textual && from > 0 && at-from < 4 && a.in.Bytes[from-1] == 0 && a.bytes[from-1].gate(f) && !a.named[from-1] {
		from-- // the upper half of a number that makes no sense when it is large
	}
	for to = at; to < len(a.bytes); to++ {
		if a.bytes[to].feeds(f) || inside(to) {
			continue
		}
		next := to + 1
		for next < len(a.bytes) && next < to+3 && a.bytes[next].gate(f) && a.bytes[to].gate(f) {
			next++
		}
		if next == len(a.bytes) || !a.bytes[next].feeds(f) || !a.bytes[to].gate(f) && !a.joins(f, to) {
			break
		}
	}
	for end := to; !a.textual && to < len(a.bytes) && to-end < 4 && a.in.Bytes[to] == 0 && a.bytes[to].gate(f) && !a.named[to]; {
		to++
	}
	return from, to
}

// trim is run without bytes at its ends that decide whether the field is there and not what it is, when what is left reads plainly: an id and a length in
// front of a value.
func (a *asker) trim(f protocols.Field, at int) (from, to int) {
	from, to = a.run(f, at)
	if a.plain(f, from, to) {
		return from, to
	}
	for cut := 1; cut <= 3 && cut < to-from; cut++ {
		if a.plain(f, from+cut, to) && from+cut <= at {
			return from + cut, to
		}
	}
	for cut := 1; cut <= 4 && cut < to-from; cut++ {
		switch {
		case a.plain(f, from+cut, to):
			a.forget(f, from, from+cut)
			return from + cut, to
		case a.plain(f, from, to-cut):
			a.forget(f, to-cut, to)
			return from, to - cut
		}
	}
	return from, to
}

// plain tells whether the bytes give the field by a form and a factor, or as text.
func (a *asker) plain(f protocols.Field, from, to int) bool {
	rule := a.ruleOf(f, from, to)
	return !strings.HasPrefix(rule, "code:") && rule != "a part of the value" && !strings.Contains(rule, " + ") && !strings.Contains(rule, " − ") &&
		!strings.Contains(rule, "within")
}

// forget takes bytes out of what feeds a field.
func (a *asker) forget(f protocols.Field, from, to int) {
	for i := from; i < to; i++ {
		e := &a.bytes[i]
		e.fields = slices.DeleteFunc(e.fields, func(fed feed) bool { return fed.field == f })
		if !e.gate(f) {
			e.gates = append(e.gates, f)
		}
	}
}

// turns is 1 where the byte at an end of a run turns the number over and does nothing else: the N of 4154.5N.
func (a *asker) turns(f protocols.Field, from, to, at int) int {
	base := a.value(f)
	if to-from < 2 || !base.isNum || base.number == 0 {
		return 0
	}
	turns := 0
	for _, s := range a.samples[f] {
		if s.at == at && s.value.isNum {
			if s.value.number != -base.number {
				return 0
			}
			turns = 1
		}
	}
	return turns
}

// joins tells whether the byte, which feeds more or something else than f, is a sign within the text of f.
func (a *asker) joins(f protocols.Field, at int) bool {
	switch a.in.Bytes[at] {
	case '.':
	case '-', ':', '/', ' ', 'T':
		if f.Name != "time" {
			return false
		}
	default:
		return false
	}
	return at > 0 && isDigits(string(a.in.Bytes[at-1:at])) && isDigits(string(a.in.Bytes[at+1:at+2]))
}

// reader is the function of the decoder that set a field.
func (a *asker) reader(f protocols.Field) string {
	name, _, _ := strings.Cut(f.Name, "[")
	return a.readers[protocols.Field{Event: f.Event, Name: name}]
}

// noted adds the decoder's notes. A note of a range that was found to feed the field of its name says the rule of it.
func (a *asker) noted(list []Item, notes []protocols.Note) []Item {
	asked := len(list)
	for _, n := range notes {
		same := false
		for i := range list {
			if it := &list[i]; it.Offset == n.Offset && it.Length == n.Length && it.Name == n.Name {
				same = true
				it.Rule = n.Rule
			}
		}
		if same {
			continue
		}
		it := Item{Offset: n.Offset, Length: n.Length, Name: n.Name, Event: -1, Rule: n.Rule}
		if holds(list[:asked], n.Offset, n.Length) == 0 {
			it.Value = a.plainValue(a.in.Bytes[n.Offset:n.Offset+n.Length], n.Rule)
			for k := range a.base.events {
				if v := fieldValue(&a.base.events[k], n.Name); v.json != "" {
					it.Value, it.Event, it.Field = v.json, k, true
					break
				}
			}
		}
		list = append(list, it)
	}
	return list
}

// holds counts the items within a range.
func holds(list []Item, offset, length int) (n int) {
	for i := range list {
		if list[i].Offset >= offset && list[i].Offset+list[i].Length <= offset+length {
			n++
		}
	}
	return n
}

// plainValue shows bytes that are no field: as text, or as a number, in the byte order that the rule names.
func (a *asker) plainValue(b []byte, rule string) string {
	if isText(b) && (a.textual || len(b) > 5) {
		v, _ := json.Marshal(string(b))
		return string(v)
	}
	if len(b) <= 4 {
		if strings.Contains(rule, "little endian") {
			b = bytes.Clone(b)
			slices.Reverse(b)
		}
		return strconv.FormatUint(number(b), 10)
	}
	return ""
}

// others adds what nothing names yet, so that every byte has a name.
func (a *asker) others(list []Item) []Item {
	covered := make([]bool, len(a.in.Bytes))
	edge := make([]bool, len(a.in.Bytes)+1)
	order(list)
	for i := range list {
		it := &list[i]
		end := it.Offset + it.Length
		edge[it.Offset], edge[end] = true, true
		parent := false
		for k := i + 1; k < len(list) && list[k].Offset < end && !parent; k++ {
			parent = list[k].Length < it.Length && list[k].Offset+list[k].Length <= end
		}
		for k := it.Offset; k < end && (!parent || it.Field); k++ {
			covered[k] = true
		}
	}
	for from := 0; from < len(covered); from++ {
		if covered[from] {
			continue
		}
		name, rule := a.class(from)
		to := from + 1
		for to < len(covered) && !covered[to] && !edge[to] && name != "separator" {
			if next, _ := a.class(to); next != name {
				break
			}
			to++
		}
		list = append(list, Item{Offset: from, Length: to - from, Name: name, Event: -1, Rule: rule, Value: a.plainValue(a.in.Bytes[from:to], "")})
		from = to - 1
	}
	return list
}

// class names a byte that feeds no field by what changing it does.
func (a *asker) class(at int) (name, rule string) {
	if !a.usable {
		return "refused", "alone, these bytes are not accepted"
	}
	e := &a.bytes[at]
	switch {
	case !e.asked:
		return "not looked at", "the frame is too long to try each byte"
	case a.textual && (e.refusals > 0 || e.layout || e.kind || len(e.gates) > 0) && isSeparator(a.in.Bytes[at]):
		return "separator", "ends a field"
	case e.refusals == e.probes:
		return "structure", "any other value is refused"
	case e.kind:
		return "message type", "decides which message it is"
	case len(e.gates) > 0:
		return "structure", "decides whether " + e.gates[0].Name + " is read"
	case e.layout || e.refusals > 0:
		return "structure", "decides how other bytes are read"
	case e.reply:
		return "echo", "the answer repeats it or depends on it"
	case e.state:
		return "session", "is remembered for the frames after it"
	case e.identity:
		return "unread", "no field; tells records of the same time apart"
	case e.checksum:
		return "unread", "no field; only the checksum depends on it"
	}
	return "unread", "changing it changes nothing"
}

// isSeparator tells whether a byte is punctuation of a text.
func isSeparator(c byte) bool { return strings.IndexByte(",;:|#*&=()[]{}<>$!@/ \r\n\"", c) >= 0 }

// order sorts items by their place, those that hold others first.
func order(list []Item) {
	slices.SortStableFunc(list, func(a, b Item) int {
		switch {
		case a.Offset != b.Offset:
			return a.Offset - b.Offset
		case a.Length != b.Length:
			return b.Length - a.Length
		case a.Field == b.Field:
			return 0
		case b.Field:
			return -1
		}
		return 1
	})
}

// nest orders items and counts what holds each.
func nest(list []Item) {
	order(list)
	var open []*Item // that may hold what comes
	for i := range list {
		it := &list[i]
		for len(open) > 0 && open[len(open)-1].Offset+open[len(open)-1].Length <= it.Offset {
			open = open[:len(open)-1]
		}
		for _, outer := range open {
			if outer.Offset+outer.Length >= it.Offset+it.Length && (outer.Length > it.Length || !outer.Field) {
				it.Depth++
			}
		}
		open = append(open, it)
	}
}
