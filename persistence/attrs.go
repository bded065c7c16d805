package persistence

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// names are the common attribute names, so that reading them back makes no new texts.
var names = func() map[string]string {
	m := make(map[string]string, len(protocols.Dictionary))
	for name := range protocols.Dictionary {
		m[name] = name
	}
	return m
}()

// readAttrs reads attributes in the form in which Attrs.AppendJSON wrote them: no space, few kinds of values. It means what
// protocols.ParseAttrs means, which it leaves everything unusual to, at a tenth of the cost: pages of history consist of this.
func readAttrs(raw []byte) (protocols.Attrs, error) {
	var e protocols.Event
	if n := bytes.Count(raw, []byte(`":`)); n > 0 {
		e.Attrs = make(protocols.Attrs, 0, min(n, 256))
	}
	if !readMembers(&e, raw) {
		return protocols.ParseAttrs(raw)
	}
	return e.Attrs, nil
}

func readMembers(e *protocols.Event, raw []byte) bool {
	if len(raw) < 2 || raw[0] != '{' || raw[len(raw)-1] != '}' {
		return false
	}
	for rest := raw[1:]; ; rest = rest[1:] {
		if len(rest) == 1 && len(raw) == 2 {
			return true
		}
		key, after, ok := plainText(rest)
		if !ok || len(after) < 2 || after[0] != ':' {
			return false
		}
		name, known := names[string(key)]
		if !known {
			name = string(key)
		}
		if rest, ok = readValue(e, name, after[1:]); !ok || len(rest) == 0 {
			return false
		}
		if rest[0] == '}' {
			return len(rest) == 1
		}
		if rest[0] != ',' {
			return false
		}
	}
}

// readValue adds the value at the start of b, and returns what is behind it.
func readValue(e *protocols.Event, name string, b []byte) (rest []byte, ok bool) {
	switch b[0] {
	case '"':
		text, rest, ok := plainText(b)
		if ok {
			e.Text(name, string(text))
		}
		return rest, ok
	case 't':
		rest, ok = bytes.CutPrefix(b, []byte("true"))
		e.Bool(name, true)
		return rest, ok
	case 'f':
		rest, ok = bytes.CutPrefix(b, []byte("false"))
		e.Bool(name, false)
		return rest, ok
	}
	end, digits, point := 0, 0, -1
	for ; end < len(b); end++ {
		c := b[end]
		switch {
		case c >= '0' && c <= '9':
			digits++
			continue
		case c == '-' && end == 0:
			continue
		case c == '.' && point < 0 && digits > 0:
			point = end
			continue
		}
		break
	}
	if digits == 0 || digits > 18 || point == end-1 {
		return nil, false
	}
	whole := bytes.TrimPrefix(b[:end], []byte("-"))
	if len(whole) > 1 && whole[0] == '0' && whole[1] != '.' {
		return nil, false
	}
	if point >= 0 {
		v, err := strconv.ParseFloat(string(b[:end]), 64)
		e.Float(name, v)
		return b[end:], err == nil
	}
	v, err := strconv.ParseInt(string(b[:end]), 10, 64)
	e.Int(name, v)
	return b[end:], err == nil
}

// plainText is a JSON text without escapes at the start of b.
func plainText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c == '\\' || c < 0x20 || c >= 0x80:
			return nil, nil, false
		}
	}
	return nil, nil, false
}
