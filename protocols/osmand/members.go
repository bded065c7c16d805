package osmand

import (
	"bytes"
	"encoding/json"
)

// maxDepth is how deep objects and lists may stand within each other.
const maxDepth = 8

// tooDeep tells whether objects and lists are nested deeper than maxDepth.
func tooDeep(b []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch x := b[i]; {
		case text && x == '\\':
			i++
		case x == '"':
			text = !text
		case text:
		case x == '{' || x == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case x == '}' || x == ']':
			depth--
		}
	}
	return false
}

// members calls visit for each member of the object b in its order. The object is known to be valid JSON; what is no object has none. Views of b are
// handed out, unless a name is written with escapes. It stops where visit returns false, and returns that.
func members(b []byte, visit func(name, value []byte) bool) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != '{' {
		return true
	}
	for at := 1; ; {
		at = next(b, at)
		if b[at] == '}' {
			return true
		}
		end := after(b, at)
		name := unquoted(b[at:end])
		at = next(b, end)
		end = after(b, at)
		if !visit(name, b[at:end]) {
			return false
		}
		at = end
	}
}

// items calls visit for each item of the list b, likewise.
func items(b []byte, visit func(value []byte) bool) bool {
	for at := 1; ; {
		at = next(b, at)
		if b[at] == ']' {
			return true
		}
		end := after(b, at)
		if !visit(b[at:end]) {
			return false
		}
		at = end
	}
}

// next is the place of the next value, name or end at or behind at.
func next(b []byte, at int) int {
	for b[at] == ' ' || b[at] == '\t' || b[at] == '\r' || b[at] == '\n' || b[at] == ',' || b[at] == ':' {
		at++
	}
	return at
}

// after is the end of the value that begins at at.
func after(b []byte, at int) int {
	switch b[at] {
	case '"':
		for at++; b[at] != '"'; at++ {
			if b[at] == '\\' {
				at++
			}
		}
		return at + 1
	case '{', '[':
		for depth := 0; ; {
			switch b[at] {
			case '"':
				at = after(b, at)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if at++; depth == 0 {
				return at
			}
		}
	}
	for at < len(b) && b[at] != ',' && b[at] != '}' && b[at] != ']' && b[at] > ' ' {
		at++
	}
	return at
}

// unquoted is what a JSON string says: a view of it where it has no escapes.
func unquoted(b []byte) []byte {
	inner := b[1 : len(b)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	_ = json.Unmarshal(b, &s) // is known to be a string
	return []byte(s)
}

// reader takes members by their type; bad is set by one of the wrong type. Null is as good as absent.
type reader struct{ bad bool }

func (r *reader) number(value []byte) (v float64, ok bool) {
	if v, ok = number(value); !ok && string(value) != "null" {
		r.bad = true
	}
	return v, ok
}

func (r *reader) truth(value []byte) (v, ok bool) {
	switch string(value) {
	case "true":
		return true, true
	case "false":
		return false, true
	case "null":
	default:
		r.bad = true
	}
	return false, false
}

func (r *reader) text(value []byte) (v []byte, ok bool) {
	if value[0] == '"' {
		v = unquoted(value)
		return v, len(v) > 0
	}
	if string(value) != "null" {
		r.bad = true
	}
	return nil, false
}
