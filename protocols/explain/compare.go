package explain

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// value is a decoded value: absent, a number, or anything else as JSON.
type value struct {
	json   string // empty: absent
	number float64
	isNum  bool
}

// change is a field that is another when a byte is, and what it is then.
type change struct {
	field protocols.Field
	value value
}

func textValue(s string) value {
	if s == "" {
		return value{}
	}
	b, _ := json.Marshal(s)
	return value{json: string(b)}
}

// numberValue has seven decimals at most, as in an event's JSON.
func numberValue(v float64) value {
	return value{strconv.FormatFloat(math.Round(v*1e7)/1e7, 'f', -1, 64), v, true}
}

func jsonValue(raw string) value {
	if v, err := strconv.ParseFloat(raw, 64); err == nil {
		return value{raw, v, true}
	}
	return value{json: raw}
}

// compare appends the fields of event k that differ between was and is.
func (a *asker) compare(list []change, k int, was, is *protocols.Event) []change {
	first := len(list)
	put := func(name string, v value) { list = append(list, change{protocols.Field{Event: k, Name: name}, v}) }
	lost := false
	if was.Device != is.Device {
		put("device", textValue(is.Device))
	}
	if was.Time != is.Time || was.NoTime != is.NoTime {
		lost = is.NoTime && !was.NoTime
		put("time", fieldValue(is, "time"))
	}
	const fix = protocols.HasFix
	switch both := was.Has & is.Has & fix; {
	case both != 0:
		if was.Lat != is.Lat {
			put("lat", numberValue(is.Lat))
		}
		if was.Lng != is.Lng {
			put("lng", numberValue(is.Lng))
		}
		if was.Valid != is.Valid {
			put("valid", fieldValue(is, "valid"))
		}
	case (was.Has^is.Has)&fix != 0:
		lost = lost || is.Has&fix == 0
		put("lat", fieldValue(is, "lat"))
		put("lng", fieldValue(is, "lng"))
	}
	for _, o := range optional {
		if (was.Has^is.Has)&o.has != 0 || was.Has&o.has != 0 && o.get(was) != o.get(is) {
			put(o.name, fieldValue(is, o.name))
		}
	}
	if was.Alarm != is.Alarm {
		put("alarm", textValue(is.Alarm))
	}
	if was.Stored != is.Stored {
		put("late", fieldValue(is, "late"))
	}
	list = a.attributes(list, k, was.Attrs, is.Attrs, lost)
	if len(list) == first && was.Kind != is.Kind {
		put("kind", textValue(is.Kind.String()))
	}
	return list
}

// optional are the numbers that an event may have.
var optional = []struct {
	name string
	has  protocols.Fields
	get  func(*protocols.Event) float64
}{
	{"alt", protocols.HasAlt, func(e *protocols.Event) float64 { return e.Alt }},
	{"speed", protocols.HasSpeed, func(e *protocols.Event) float64 { return e.Speed }},
	{"course", protocols.HasCourse, func(e *protocols.Event) float64 { return e.Course }},
	{"sats", protocols.HasSats, func(e *protocols.Event) float64 { return float64(e.Sats) }},
	{"hdop", protocols.HasHDOP, func(e *protocols.Event) float64 { return e.HDOP }},
}

// attributes appends the attributes that differ. When the record has lost its fix or its time, what it has instead is not counted.
func (a *asker) attributes(list []change, k int, was, is protocols.Attrs, lost bool) []change {
	if slices.Equal(was, is) {
		return list
	}
	seen := 0
	for i := range was {
		now, ok := is.Get(was[i].Name)
		if i < len(is) && is[i].Name == was[i].Name {
			now, ok = is[i], true
		}
		if ok {
			seen++
		} else {
			lost = true
		}
		switch {
		case ok && now == was[i]:
		case ok:
			list = a.inside(list, protocols.Field{Event: k, Name: now.Name}, attrJSON(was[i]), attrJSON(now))
		default:
			list = append(list, change{protocols.Field{Event: k, Name: was[i].Name}, value{}})
		}
	}
	if lost || seen >= len(is) {
		return list
	}
	for i := range is {
		if _, ok := was.Get(is[i].Name); !ok {
			list = append(list, change{protocols.Field{Event: k, Name: is[i].Name}, jsonValue(attrJSON(is[i]))})
		}
	}
	return list
}

// attrJSON is an attribute's value as JSON.
func attrJSON(a protocols.Attr) string {
	b := protocols.Attrs{a}.AppendJSON(nil)
	_, v, _ := strings.Cut(string(b), `":`)
	return strings.TrimSuffix(v, "}")
}

// inside appends what differs between two values of an attribute: of lists and objects of the same shape the members, else the whole.
func (a *asker) inside(list []change, f protocols.Field, was, is string) []change {
	if was[0] != is[0] || was[0] != '[' && was[0] != '{' {
		return append(list, change{f, jsonValue(is)})
	}
	before, ok := a.leaves[was]
	if !ok {
		before = leaves(was)
		a.leaves[was] = before
	}
	after := leaves(is)
	same := len(before) == len(after)
	for i := 0; same && i < len(before); i++ {
		same = before[i].path == after[i].path
	}
	if !same {
		return append(list, change{f, value{json: is}})
	}
	for i := range before {
		if before[i].json != after[i].json {
			list = append(list, change{protocols.Field{Event: f.Event, Name: f.Name + after[i].path}, jsonValue(after[i].json)})
		}
	}
	return list
}

// leaf is a value within a list or object, with its path: [0].lac
type leaf struct{ path, json string }

// maxLeaves bounds what is looked at of one attribute.
const maxLeaves = 512

func leaves(raw string) []leaf {
	var out []leaf
	var walk func(path string, raw json.RawMessage)
	walk = func(path string, raw json.RawMessage) {
		raw = bytes.TrimSpace(raw)
		if len(out) >= maxLeaves || len(raw) == 0 {
			return
		}
		switch raw[0] {
		case '[':
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) == nil {
				for i, v := range list {
					walk(path+"["+strconv.Itoa(i)+"]", v)
				}
			}
		case '{':
			var m map[string]json.RawMessage
			if json.Unmarshal(raw, &m) == nil {
				names := make([]string, 0, len(m))
				for name := range m {
					names = append(names, name)
				}
				slices.Sort(names)
				for _, name := range names {
					walk(path+"."+name, m[name])
				}
			}
		default:
			out = append(out, leaf{path, string(raw)})
		}
	}
	walk("", json.RawMessage(raw))
	return out
}

// fieldValue is the value of a field of an event that is no part of an attribute; absent where it was not sent.
func fieldValue(e *protocols.Event, name string) value {
	switch name {
	case "device":
		return textValue(e.Device)
	case "kind":
		return textValue(e.Kind.String())
	case "time":
		if e.NoTime {
			return value{}
		}
		return value{`"` + e.Time.String() + `"`, float64(e.Time), true}
	case "lat", "lng", "valid":
		if e.Has&protocols.HasFix == 0 {
			return value{}
		}
		switch name {
		case "lat":
			return numberValue(e.Lat)
		case "lng":
			return numberValue(e.Lng)
		}
		return value{json: strconv.FormatBool(e.Valid)}
	case "late":
		return value{json: strconv.FormatBool(e.Stored)}
	case "alarm":
		return textValue(e.Alarm)
	}
	for _, o := range optional {
		if o.name == name {
			if e.Has&o.has == 0 {
				return value{}
			}
			return numberValue(o.get(e))
		}
	}
	if a, ok := e.Attrs.Get(name); ok {
		return jsonValue(attrJSON(a))
	}
	attr, _, found := strings.Cut(name, "[")
	if !found {
		attr, _, found = strings.Cut(name, ".")
	}
	if a, ok := e.Attrs.Get(attr); ok && found {
		for _, l := range leaves(attrJSON(a)) {
			if attr+l.path == name {
				return jsonValue(l.json)
			}
		}
	}
	return value{}
}

// value is what the frame as it is gives for a field.
func (a *asker) value(f protocols.Field) value {
	v, ok := a.values[f]
	if !ok {
		v = a.lookUp(f)
		a.values[f] = v
	}
	return v
}

func (a *asker) lookUp(f protocols.Field) value {
	if f.Event < 0 || f.Event >= len(a.base.events) {
		if f.Name == "device" {
			return textValue(a.base.session.Device)
		}
		return value{}
	}
	return fieldValue(&a.base.events[f.Event], f.Name)
}
