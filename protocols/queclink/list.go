package queclink

import (
	"encoding/json"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// list builds a list in JSON.
type list struct{ b []byte }

func (l *list) begin() {
	if len(l.b) == 0 {
		l.b = append(l.b, '[')
	} else {
		l.b = append(l.b, ',')
	}
	l.b = append(l.b, '{')
}

func (l *list) name(name string) {
	if l.b[len(l.b)-1] != '{' {
		l.b = append(l.b, ',')
	}
	l.b = append(l.b, '"')
	l.b = append(append(l.b, name...), `":`...)
}

func (l *list) int(name string, v int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, v, 10)
}

func (l *list) text(name string, v []byte) {
	quoted, err := json.Marshal(string(v))
	if err != nil {
		return
	}
	l.name(name)
	l.b = append(l.b, quoted...)
}

// float adds a number.
func (l *list) float(name string, v float64) {
	l.name(name)
	l.b = strconv.AppendFloat(l.b, v, 'f', -1, 64)
}

// decimal adds a field divided by 10^shift where it is a number; anything else that is not empty as a text.
func (l *list) decimal(name string, field []byte, shift uint8) {
	if v, scale, ok := readDecimal(field); ok && scale+shift <= 9 {
		l.float(name, float64(v)/pow10[scale+shift])
	} else if len(field) > 0 {
		l.text(name, field)
	}
}

func (l *list) end() { l.b = append(l.b, '}') }

// add adds the list to the event, unless it is empty.
func (l *list) add(e *protocols.Event, name string) {
	if len(l.b) > 0 && !has(e, name) {
		e.JSON(name, string(append(l.b, ']')))
	}
}

// mac appends a MAC address of 12 hex digits with colons, in lower case.
func (l *list) mac(v []byte) {
	if len(v) != 12 || !isHex(v) {
		l.text("mac", v)
		return
	}
	l.name("mac")
	l.b = append(l.b, '"')
	for i, x := range v {
		if i > 0 && i%2 == 0 {
			l.b = append(l.b, ':')
		}
		if x >= 'A' && x <= 'F' {
			x |= 0x20
		}
		l.b = append(l.b, x)
	}
	l.b = append(l.b, '"')
}

// accessPoint adds one WiFi access point.
func (l *list) accessPoint(mac, level []byte) {
	l.begin()
	l.mac(mac)
	if v, ok := readInt(level); ok {
		l.int("rssi_dbm", v)
	}
	l.end()
}
