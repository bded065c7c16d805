package osmand

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxDepth     = 8    // of objects and lists within each other
	maxLocations = 4096 // of a batch
)

// object is a JSON object whose members are not read yet; of members of one name the last counts.
type object map[string]json.RawMessage

// batch reads {"device_id":…,"location":…}, where location is an object or a list of them. It returns the status it deserves: one report that can not be read
// refuses them all, since the client repeats what was not answered 200 as it was.
func (c *call) batch(body []byte) int {
	if tooDeep(body) {
		return 400
	}
	var root object
	if json.Unmarshal(body, &root) != nil {
		return 400
	}
	id := bytes.Trim(root["device_id"], " ")
	if len(id) > 0 && id[0] == '"' {
		var s string
		if json.Unmarshal(id, &s) != nil {
			return 400
		}
		id = []byte(s)
	} else if _, ok := number(id); !ok {
		return 400
	}
	if !c.identify(id) {
		return 400
	}
	raw := root["location"]
	if len(raw) == 0 || raw[0] != '[' {
		return c.location(raw)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return 400
	}
	if len(list) > maxLocations {
		return 413
	}
	for _, raw := range list {
		if status := c.location(raw); status != 200 {
			return status
		}
	}
	return 200
}

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

// members takes members out of an object; bad is set by one of the wrong type.
type members struct {
	object
	bad bool
}

// take reads the member of that name into v and forgets it. False: there is none, or it is null.
func (m *members) take(name string, v any) bool {
	raw, ok := m.object[name]
	delete(m.object, name)
	if !ok || string(raw) == "null" {
		return false
	}
	if json.Unmarshal(raw, v) != nil {
		m.bad = true
		return false
	}
	return true
}

// within takes a member that is an object itself. Some clients write an empty object as a list.
func (m *members) within(name string) (inner members) {
	if raw := m.object[name]; len(raw) > 0 && raw[0] == '{' {
		m.take(name, &inner.object)
	}
	return inner
}

// location reads one report.
func (c *call) location(raw json.RawMessage) int {
	var m members
	if json.Unmarshal(raw, &m.object) != nil || m.object == nil {
		return 400
	}
	e := c.f.Add(protocols.Status)
	var at json.RawMessage
	if !m.take("timestamp", &at) || !c.setTime(e, bytes.Trim(at, `"`)) {
		return 400
	}
	coords, battery, activity, further := m.within("coords"), m.within("battery"), m.within("activity"), m.within("extras")
	accurate := c.coordinates(e, &coords)

	var x float64
	var flag bool
	var word string
	if m.take("is_moving", &flag) {
		e.Bool("motion", flag)
	}
	if m.take("odometer", &x) && x >= 0 {
		e.Float("odometer_m", x)
	}
	if m.take("mock", &flag) {
		e.Bool("mock", flag)
	}
	if battery.take("level", &x) && x >= 0 && x <= 1 {
		e.Float("battery_pct", math.Round(x*1000)/10)
	}
	if battery.take("is_charging", &flag) {
		e.Bool("charging", flag)
	}
	if activity.take("type", &word) && word != "" {
		e.Text("activity", word)
	}
	if m.take("event", &word) && word != "" {
		setEvent(e, word)
	}
	if further.take("alarm", &word) {
		setAlarm(e, word)
	}
	if m.take("alarm", &word) {
		setAlarm(e, word)
	}
	e.FP = protocols.Fingerprint(raw)
	if m.take("uuid", &word) && word != "" {
		e.FP = protocols.Fingerprint([]byte(word)) // what a client repeats it may count the age of
	}
	if m.bad || coords.bad || battery.bad || activity.bad || further.bad {
		return 400
	}
	if !accurate {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return 200
	}
	var rest extras
	rest.addMembers("", m.object)
	rest.addMembers("", coords.object)
	rest.addMembers("battery_", battery.object)
	rest.addMembers("activity_", activity.object)
	rest.addMembers("", further.object)
	rest.finish(e)
	finish(e)
	return 200
}

// coordinates reads location.coords. False: it is less accurate than the operator wants.
func (c *call) coordinates(e *protocols.Event, m *members) bool {
	var lat, lng, x float64
	haveLat, haveLng := m.take("latitude", &lat), m.take("longitude", &lng)
	if haveLat != haveLng || haveLat && !e.SetFix(lat, lng, true) && (lat != 0 || lng != 0) {
		m.bad = true
	}
	if m.take("speed", &x) && x >= 0 {
		e.SetSpeed(x * kmhOfMPS)
	}
	if m.take("heading", &x) && x >= 0 {
		e.SetCourse(x)
	}
	if m.take("altitude", &x) {
		e.SetAlt(x)
	}
	return !m.take("accuracy", &x) || c.setAccuracy(e, x)
}

// addMembers keeps the numbers, truth values and texts of an object, in the order of their names.
func (x *extras) addMembers(prefix string, o object) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		raw := o[name]
		switch raw[0] {
		case 'n': // null
		case '{', '[':
			if compact := new(bytes.Buffer); string(raw) != "{}" && string(raw) != "[]" && json.Compact(compact, raw) == nil {
				x.add(prefix+name, compact.Bytes())
			}
		default:
			x.add(prefix+name, raw)
		}
	}
}
