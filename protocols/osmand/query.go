package osmand

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// query is a report under way: what its parameters said so far.
type query struct {
	call     call // a copy, so that both stay on the stack
	e        *protocols.Event
	id       string
	named    bool // there is an id
	lat, lng float64
	has      uint8 // bits hasLat and hasLng
	invalid  bool
	poor     bool // less accurate than the operator wants
	cells    []byte
	wifi     []byte
	extras   extras
	room     [256]byte // for names and values without their escapes
	used     int       // of room
}

const (
	hasLat = 1 << iota
	hasLng
)

// parameters reads a report from a query, a form, or one after the other. It returns the status it deserves.
func (c *call) parameters(first, second []byte) int {
	q := query{call: *c, e: c.f.Add(protocols.Status)}
	ok := q.each(first) && q.each(second)
	if !c.identify(q.id) || !ok {
		return 400
	}
	e := q.e
	switch q.has {
	case 0:
	case hasLat | hasLng:
		if !e.SetFix(q.lat, q.lng, !q.invalid) && (q.lat != 0 || q.lng != 0) {
			return 400
		}
	default:
		return 400
	}
	if q.poor {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return 200
	}
	addList(e, "cells", q.cells)
	addList(e, "wifi", q.wifi)
	q.extras.finish(e)
	finish(e)
	e.FP = protocols.Fingerprint(first, second)
	return 200
}

// each reads parameters `name=value&…`. False: one of them is none.
func (q *query) each(b []byte) bool {
	for len(b) > 0 {
		var pair []byte
		pair, b, _ = bytes.Cut(b, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		name, ok1 := q.unescape(name)
		value, ok2 := q.unescape(value)
		if !ok1 || !ok2 {
			return false
		}
		if len(name) > 0 && !q.take(name, value) {
			return false
		}
	}
	return true
}

// unescape undoes the percent encoding. False: it is broken. Without any, it is b itself.
func (q *query) unescape(b []byte) ([]byte, bool) {
	if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return b, true
	}
	var out []byte
	if len(b) <= len(q.room)-q.used {
		out = q.room[q.used:q.used:len(q.room)]
	} else {
		out = make([]byte, 0, len(b))
	}
	for i := 0; i < len(b); i++ {
		x := b[i]
		switch x {
		case '+':
			x = ' '
		case '%':
			if i+2 >= len(b) {
				return nil, false
			}
			high, ok1 := protocols.HexDigit(b[i+1])
			low, ok2 := protocols.HexDigit(b[i+2])
			if !ok1 || !ok2 {
				return nil, false
			}
			x = high<<4 | low
			i += 2
		}
		out = append(out, x)
	}
	if len(b) <= len(q.room)-q.used {
		q.used += len(out)
	}
	return out, true
}

// take reads one parameter. False: the report can not be read.
func (q *query) take(name, value []byte) bool {
	switch string(name) {
	case "id", "deviceid":
		if q.named && q.id != string(value) {
			return false
		}
		q.id, q.named = q.call.known(value), true
		return true
	case "lat":
		v, ok := degrees(value)
		q.lat, q.has = v, q.has|hasLat
		return ok
	case "lon":
		v, ok := degrees(value)
		q.lng, q.has = v, q.has|hasLng
		return ok
	case "location":
		lat, lng, _ := bytes.Cut(value, []byte(","))
		v, ok1 := number(bytes.TrimSpace(lat))
		w, ok2 := number(bytes.TrimSpace(lng))
		q.lat, q.lng, q.has = v, w, hasLat|hasLng
		return ok1 && ok2
	case "timestamp":
		return q.call.setTime(q.e, value)
	case "valid":
		v, _ := truth(value)
		q.invalid = !v
		return true
	case "notificationToken", "token", "model":
		return true // of the client, and a secret: no telemetry
	}
	return q.takeNumber(name, value)
}

// takeNumber reads the parameters that must be numbers.
func (q *query) takeNumber(name, value []byte) bool {
	e := q.e
	switch string(name) {
	case "speed", "bearing", "heading", "altitude", "accuracy", "hdop", "batt":
	default:
		q.takeOther(name, value)
		return true
	}
	if len(value) == 0 {
		return true // a client that has none
	}
	v, ok := number(value)
	if !ok {
		return false
	}
	switch string(name) {
	case "speed":
		if v >= 0 {
			e.SetSpeed(v * q.call.speedFactor())
		}
	case "bearing", "heading":
		if !e.SetCourse(v) && v >= 0 {
			q.extras.addWord(string(name), value)
		}
	case "altitude":
		e.SetAlt(v)
	case "accuracy":
		q.poor = !q.call.setAccuracy(e, v)
	case "hdop":
		if v >= 0 {
			e.SetHDOP(v)
		}
	case "batt":
		if v > 100 {
			q.extras.addWord("batt", value)
		} else if v >= 0 {
			drop(e, "battery_pct")
			e.Float("battery_pct", v)
		}
	}
	return true
}

// named are the parameters that are attributes by another name: numbers, and truth values where flag is set.
var named = map[string]struct {
	attribute string
	flag      bool
}{
	"charge": {"charging", true}, "fuel": {"fuel", false}, "ignition": {"ignition", true}, "input": {"inputs", false}, "motion": {"motion", true},
	"odometer": {"odometer_m", false}, "output": {"outputs", false}, "rpm": {"rpm", false}, "rssi": {"rssi", false},
	"temp1": {"temp1_c", false}, "temp2": {"temp2_c", false}, "temp3": {"temp3_c", false}, "temp4": {"temp4_c", false},
}

// takeOther reads the parameters whose values may be anything.
func (q *query) takeOther(name, value []byte) {
	e := q.e
	switch string(name) {
	case "alarm":
		setAlarm(e, string(value[:min(len(value), maxValue)]))
		return
	case "event":
		if len(value) > 0 {
			setEvent(e, string(value[:min(len(value), maxValue)]))
		}
		return
	case "driverUniqueId":
		if len(value) > 0 {
			drop(e, "driver_id")
			e.Text("driver_id", string(value))
		}
		return
	case "cell":
		if cell, ok := appendCell(q.cells, value); ok && len(cell) <= maxList {
			q.cells = cell
			return
		}
	case "wifi":
		if point, ok := appendAccessPoint(q.wifi, value); ok && len(point) <= maxList {
			q.wifi = point
			return
		}
	case "sat":
		if n, err := strconv.ParseUint(string(value), 10, 8); err == nil {
			e.SetSats(uint8(n))
			return
		}
	}
	if to, ok := named[string(name)]; ok {
		if v, ok := truth(value); ok && to.flag {
			drop(e, to.attribute)
			e.Bool(to.attribute, v)
			return
		}
		if v, ok := number(value); ok && !to.flag {
			drop(e, to.attribute)
			e.Float(to.attribute, v)
			return
		}
	}
	q.extras.addWord(string(name), value)
}

// maxList is the most bytes of a list of cells or access points.
const maxList = 8 << 10

// appendCell appends `mcc,mnc,lac,cid[,dBm]` as an item that begins with a comma.
func appendCell(b, value []byte) ([]byte, bool) {
	keys := [...]string{`,{"mcc":`, `,"mnc":`, `,"lac":`, `,"cid":`, `,"rssi_dbm":`}
	rest, at := value, 0
	for ; at < len(keys) && rest != nil; at++ {
		var field []byte
		var more bool
		if field, rest, more = bytes.Cut(rest, []byte(",")); !more {
			rest = nil
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(field)), 10, 40)
		if err != nil || (n < 0) != (at == 4 && n < 0) {
			return nil, false
		}
		b = strconv.AppendInt(append(b, keys[at]...), n, 10)
	}
	return append(b, '}'), at >= 4 && rest == nil
}

// appendAccessPoint appends `mac,dBm` as an item that begins with a comma; the MAC is written with - or :.
func appendAccessPoint(b, value []byte) ([]byte, bool) {
	mac, level, _ := bytes.Cut(value, []byte(","))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(level)), 10, 16)
	if len(mac) != 17 || err != nil {
		return nil, false
	}
	b = append(b, `,{"mac":"`...)
	for i, x := range mac {
		switch {
		case i%3 == 2 && (x == '-' || x == ':'):
			x = ':'
		case i%3 != 2 && (x >= '0' && x <= '9' || x >= 'a' && x <= 'f'):
		case i%3 != 2 && x >= 'A' && x <= 'F':
			x |= 0x20
		default:
			return nil, false
		}
		b = append(b, x)
	}
	return append(strconv.AppendInt(append(b, `","rssi_dbm":`...), n, 10), '}'), true
}

// addList adds a list whose items each begin with a comma.
func addList(e *protocols.Event, name string, items []byte) {
	if len(items) > 0 {
		items[0] = '['
		e.JSON(name, string(append(items, ']')))
	}
}
