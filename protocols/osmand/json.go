package osmand

import (
	"bytes"
	"encoding/json"
	"math"

	"github.com/trackgate/trackgate/protocols"
)

// maxLocations is the most reports of a batch.
const maxLocations = 4096

// batch reads {"device_id":…,"location":…}, where location is an object or a list of them. It returns the status it deserves: one report that
// can not be read refuses them all, since the client repeats what was not answered 200 as it was.
func (c *call) batch(body []byte) int {
	if tooDeep(body) || !json.Valid(body) {
		return 400
	}
	var id, where []byte
	members(body, func(name, value []byte) bool {
		switch string(name) {
		case "device_id":
			id = value
		case "location":
			where = value
		}
		return true
	})
	if len(id) > 0 && id[0] == '"' {
		id = unquoted(id)
	} else if _, ok := number(id); !ok {
		return 400
	}
	switch {
	case !c.identify(c.known(id)) || len(where) == 0:
		return 400
	case where[0] == '{':
		return c.location(where)
	case where[0] != '[':
		return 400
	}
	count, status := 0, 400
	items(where, func(raw []byte) bool {
		if count++; count > maxLocations {
			status = 413
			return false
		}
		status = 400
		if raw[0] == '{' {
			status = c.location(raw)
		}
		return status == 200
	})
	return status
}

// location is a report under way: what its members said so far.
type location struct {
	reader
	call         *call
	e            *protocols.Event
	at, id       []byte // timestamp and uuid
	lat, lng     float64
	has          uint8 // bits hasLat and hasLng
	poor         bool  // less accurate than the operator wants
	alarm, other []byte
	extras       extras
}

// location reads one report.
func (c *call) location(raw []byte) int {
	l := location{call: c, e: c.f.Add(protocols.Status)}
	e := l.e
	members(raw, l.member)
	if l.bad || len(l.at) == 0 || !c.setTime(e, l.at) {
		return 400
	}
	switch l.has {
	case 0:
	case hasLat | hasLng:
		if !e.SetFix(l.lat, l.lng, true) && (l.lat != 0 || l.lng != 0) {
			return 400
		}
	default:
		return 400
	}
	if l.poor {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return 200
	}
	if l.alarm == nil {
		l.alarm = l.other
	}
	setAlarm(e, string(l.alarm))
	e.FP = protocols.Fingerprint(raw)
	if l.id != nil {
		e.FP = protocols.Fingerprint(l.id) // of what a client repeats, it may count the age on
	}
	l.extras.finish(e)
	finish(e)
	return 200
}

// member reads a member of location.
func (l *location) member(name, value []byte) bool {
	switch string(name) {
	case "timestamp":
		l.at = value
		if value[0] == '"' {
			l.at = unquoted(value)
		}
	case "is_moving":
		l.setTruth("motion", value)
	case "mock":
		l.setTruth("mock", value)
	case "odometer":
		if v, ok := l.number(value); ok && v >= 0 {
			l.set("odometer_m", v)
		}
	case "event":
		if v, ok := l.text(value); ok {
			setEvent(l.e, string(v))
		}
	case "alarm":
		l.alarm, _ = l.text(value)
	case "uuid":
		l.id, _ = l.text(value)
	case "coords", "battery", "activity", "extras":
		if value[0] == '{' {
			return members(value, l.inner(string(name)))
		}
		l.keep("", name, value)
	default:
		l.keep("", name, value)
	}
	return true
}

// inner is what reads the members of a member.
func (l *location) inner(name string) func(name, value []byte) bool {
	switch name {
	case "coords":
		return l.coordinate
	case "battery":
		return l.battery
	case "activity":
		return l.activity
	}
	return l.extra
}

func (l *location) coordinate(name, value []byte) bool {
	var bit uint8
	switch string(name) {
	case "latitude":
		bit = hasLat
	case "longitude":
		bit = hasLng
	case "speed", "heading", "altitude", "accuracy":
	default:
		l.keep("", name, value)
		return true
	}
	v, ok := l.number(value)
	if !ok {
		return true
	}
	switch l.has |= bit; string(name) {
	case "latitude":
		l.lat = v
	case "longitude":
		l.lng = v
	case "speed":
		if v >= 0 {
			l.e.SetSpeed(v * kmhOfMPS)
		}
	case "heading":
		l.e.SetCourse(v) // -1 is unknown
	case "altitude":
		l.e.SetAlt(v)
	case "accuracy":
		l.poor = !l.call.setAccuracy(l.e, v)
	}
	return true
}

func (l *location) battery(name, value []byte) bool {
	switch string(name) {
	case "level":
		if v, ok := l.number(value); ok && v >= 0 && v <= 1 {
			l.set("battery_pct", math.Round(v*1000)/10)
		}
	case "is_charging":
		l.setTruth("charging", value)
	default:
		l.keep("battery_", name, value)
	}
	return true
}

func (l *location) activity(name, value []byte) bool {
	if string(name) != "type" {
		l.keep("activity_", name, value)
	} else if v, ok := l.text(value); ok {
		drop(l.e, "activity")
		l.e.Text("activity", string(v))
	}
	return true
}

func (l *location) extra(name, value []byte) bool {
	if string(name) == "alarm" && value[0] == '"' {
		l.other = unquoted(value)
	} else {
		l.keep("", name, value)
	}
	return true
}

// set adds a number under a name.
func (l *location) set(name string, v float64) {
	drop(l.e, name)
	l.e.Float(name, v)
}

// setTruth adds a truth value under a name.
func (l *location) setTruth(name string, value []byte) {
	if v, ok := l.truth(value); ok {
		drop(l.e, name)
		l.e.Bool(name, v)
	}
}

// keep keeps a member that has no name here.
func (l *location) keep(prefix string, name, value []byte) {
	switch value[0] {
	case 'n': // null
		return
	case '{', '[':
		compact := new(bytes.Buffer)
		if json.Compact(compact, value) != nil || compact.Len() == 2 {
			return
		}
		value = compact.Bytes()
	}
	l.extras.add(prefix+string(name), value)
}
