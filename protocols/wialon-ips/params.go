package wialonips

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// places is how many cells and how many access points a record can name, by the suffixes of their parameters.
const places = 10

// surroundings collects the parameters that make up cells and access points.
type surroundings struct {
	cells [places]struct {
		value [4]uint64 // mcc, mnc, lac, cell id
		text  [4][]byte // as sent
		seen  uint8     // bits, of value
	}
	wifi [places]struct {
		mac  []byte
		rssi []byte
	}
	any bool
}

const wholeCell = 1<<4 - 1

var cellNames = [...]string{"mcc", "mnc", "lac", "cell_id"}

// params reads `name:type:value,...`: type 1 is a whole number, 2 a decimal one, 3 a text. What has a name in the dictionary goes there,
// cells and access points to their lists, and the rest to the object `params` by the device's own names.
func (c *call) params(e *protocols.Event, list []byte) {
	if absent(list) {
		return
	}
	var around surroundings
	mapped := strings.Contains(c.s.Options.Extra, "param_")
	var object []byte
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		name, rest, ok := bytes.Cut(item, []byte(":"))
		kind, value, ok2 := bytes.Cut(rest, []byte(":"))
		if name = bytes.TrimSpace(name); len(name) == 0 {
			continue
		}
		if !ok || !ok2 {
			kind, value = []byte("3"), rest // no type: a text
		}
		if mapped && c.option(e, name, value) || around.take(name, value) || convention(e, name, value) {
			continue
		}
		object = appendParam(object, name, kind, value)
	}
	if around.any {
		object = around.add(e, object)
	}
	if object != nil {
		e.JSON("params", string(append(object, '}')))
	}
}

// appendParam appends a member to the object under way.
func appendParam(b, name, kind, value []byte) []byte {
	if b == nil {
		b = append(make([]byte, 0, 128), '{')
	} else {
		b = append(b, ',')
	}
	b = append(appendQuoted(b, name), ':')
	switch text := string(value); {
	case string(kind) != "3":
		if json.Valid(value) && len(value) <= 32 && value[0] != '"' && value[0] != '{' && value[0] != '[' && value[0] != 'n' {
			return append(b, text...)
		}
		if v, ok := number(value); ok {
			return strconv.AppendFloat(b, v, 'f', -1, 64)
		}
	case text == "true" || text == "false":
		return append(b, text...)
	}
	return appendQuoted(b, value)
}

// appendQuoted appends b as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst, b []byte) []byte {
	plain := true
	for _, x := range b {
		plain = plain && x >= ' ' && x < 0x7f && x != '"' && x != '\\'
	}
	if plain {
		return append(append(append(dst, '"'), b...), '"')
	}
	q, _ := json.Marshal(string(b)) // a string always has a JSON form
	return append(dst, q...)
}

// convention reads the parameters whose names mean the same on every device. False: it is none of them, or its value does not fit.
func convention(e *protocols.Event, name, value []byte) bool {
	switch string(name) {
	case "SOS":
		if string(value) != "1" {
			return false
		}
		e.Alarm = "sos"
		return true
	case "text":
		return addText(e, "result", value)
	case "ign", "ignition":
		return addBool(e, "ignition", value)
	case "motion":
		return addBool(e, "motion", value)
	case "pwr_ext":
		return addNumber(e, "power_v", value, 1)
	case "pwr_int":
		return addNumber(e, "battery_v", value, 1)
	case "temp":
		return addNumber(e, "temp1_c", value, 1)
	case "accuracy":
		return addNumber(e, "accuracy_m", value, 1)
	}
	return false
}

// option reads a parameter that the operator named, see the package comment. False: there is no such option, or the value does not fit.
func (c *call) option(e *protocols.Event, name, value []byte) bool {
	target, ok := c.s.Options.Get("param_" + string(name))
	if !ok {
		return false
	}
	target, times, scaled := strings.Cut(target, "*")
	factor := 1.0
	if scaled {
		var err error
		if factor, err = strconv.ParseFloat(times, 64); err != nil {
			return false
		}
	}
	for known := range protocols.Dictionary { // the dictionary's own string: an attribute's name outlives the options
		if known == target {
			target = known
		}
	}
	switch protocols.Dictionary[target].Type {
	case "number":
		return addNumber(e, target, value, factor)
	case "bool":
		return addBool(e, target, value)
	case "text":
		return addText(e, target, value)
	}
	return false
}

func has(e *protocols.Event, name string) bool {
	_, ok := e.Attrs.Get(name)
	return ok
}

func addNumber(e *protocols.Event, name string, value []byte, factor float64) bool {
	v, ok := number(value)
	if ok = ok && !has(e, name); ok {
		e.Float(name, v*factor)
	}
	return ok
}

func addText(e *protocols.Event, name string, value []byte) bool {
	ok := !has(e, name)
	if ok {
		e.Text(name, string(value))
	}
	return ok
}

func addBool(e *protocols.Event, name string, value []byte) bool {
	if has(e, name) {
		return false
	}
	switch string(value) {
	case "1", "true":
		e.Bool(name, true)
	case "0", "false":
		e.Bool(name, false)
	default:
		return false
	}
	return true
}

// take collects a parameter of a cell (mcc, mnc1, ...) or of an access point (wifi_mac_0, wifi_rssi_0, ...).
func (a *surroundings) take(name, value []byte) bool {
	last := name[len(name)-1]
	if rest, ok := bytes.CutPrefix(name, []byte("wifi_")); ok {
		if last < '0' || last > '9' {
			return false
		}
		w := &a.wifi[last-'0']
		switch string(rest[:len(rest)-1]) {
		case "mac_":
			if w.mac == nil && len(value) > 0 {
				w.mac, a.any = value, true
				return true
			}
		case "rssi_":
			if _, ok := number(value); ok && w.rssi == nil {
				w.rssi, a.any = value, true
				return true
			}
		}
		return false
	}
	at := 0
	if last >= '1' && last <= '9' {
		at, name = int(last-'0'), name[:len(name)-1]
	}
	for i, known := range cellNames {
		if string(name) != known {
			continue
		}
		v, ok := whole(value)
		cell := &a.cells[at]
		if !ok || cell.seen&(1<<i) != 0 {
			return false
		}
		cell.value[i], cell.text[i] = uint64(v), value
		cell.seen |= 1 << i
		a.any = true
		return true
	}
	return false
}

// add adds what was collected to the event; what is half a cell or no access point goes to the object of the rest, which it returns.
func (a *surroundings) add(e *protocols.Event, object []byte) []byte {
	var cells, wifi []byte
	for at := range a.cells {
		cell := &a.cells[at]
		if cell.seen == wholeCell && cell.value[0] < 1000 && cell.value[1] < 1000 {
			cells = append(cells, `,{"mcc":`...)
			cells = strconv.AppendUint(cells, cell.value[0], 10)
			for i, key := range [...]string{`,"mnc":`, `,"lac":`, `,"cid":`} {
				cells = strconv.AppendUint(append(cells, key...), cell.value[i+1], 10)
			}
			cells = append(cells, '}')
			continue
		}
		for i, known := range cellNames {
			if cell.seen&(1<<i) != 0 {
				key := []byte(known)
				if at > 0 {
					key = append(key, '0'+byte(at))
				}
				object = appendParam(object, key, []byte("1"), cell.text[i])
			}
		}
	}
	for at, w := range a.wifi {
		switch {
		case w.mac != nil:
			wifi = appendQuoted(append(wifi, `,{"mac":`...), bytes.ToLower(w.mac))
			if w.rssi != nil {
				v, _ := number(w.rssi)
				wifi = strconv.AppendFloat(append(wifi, `,"rssi_dbm":`...), v, 'f', -1, 64)
			}
			wifi = append(wifi, '}')
		case w.rssi != nil:
			object = appendParam(object, append([]byte("wifi_rssi_"), '0'+byte(at)), []byte("1"), w.rssi)
		}
	}
	addList(e, "cells", cells)
	addList(e, "wifi", wifi)
	return object
}

// addList adds a list whose items each begin with a comma.
func addList(e *protocols.Event, name string, items []byte) {
	if len(items) > 0 {
		items[0] = '['
		e.JSON(name, string(append(items, ']')))
	}
}
