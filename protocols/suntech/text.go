package suntech

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// names of the messages, for metrics.
var names = map[string]string{
	"STT": "STT", "EMG": "EMG", "EVT": "EVT", "ALT": "ALT", "ALV": "ALV", "UEX": "UEX", "HTE": "HTE", "CMD": "CMD", "RES": "RES",
	"BLE": "BLE", "CRR": "CRR", "SNB": "SNB", "DEX": "DEX", "NAK": "NAK",
}

// text reads one line.
func (c *call) text() error {
	to := len(c.line)
	if c.data != nil {
		to = c.dataAt - 1 // up to the semicolon before the data
	}
	c.split(c.line, 0, to)
	if c.data != nil {
		if behind := to + 1 + len(c.data) + 1; behind <= len(c.line) {
			c.after.split(c.line, behind, len(c.line))
		}
	}
	head := c.get(0)
	if head[0] == '-' {
		c.f.Type = "error"
		return nil // -Error and the like: words for people at a terminal
	}
	if len(head) == 5 && isModel(head) {
		c.f.Type = "ST9"
		return c.st9()
	}
	model, word := "", head
	if len(head) >= 8 && isModel(head[:5]) {
		model, word = c.str(&c.fields, 0)[:5], head[5:]
	}
	if len(word) < 2 || len(word) > 4 || !upper(word) || c.n < 2 {
		return errText
	}
	c.f.Type = "other"
	if name, ok := names[string(word)]; ok {
		c.f.Type = name
	}
	switch {
	case c.f.Type == "CMD" || c.f.Type == "RES":
		return c.result(model)
	case model == "":
		return c.universal()
	case c.f.Type == "HTE":
		return c.travel(model)
	case model[2] == '4' && c.f.Type != "UEX":
		return c.st4(model)
	}
	return c.legacy(model)
}

// isModel tells whether b is a model like ST300 or SA200.
func isModel(b []byte) bool {
	return b[0] == 'S' && (b[1] == 'T' || b[1] == 'A') && allDigits(b[2:5])
}

func upper(b []byte) bool {
	for _, x := range b {
		if x < 'A' || x > 'Z' {
			return false
		}
	}
	return true
}

// alive reads ALV: nothing but the id.
func (c *call) alive(head string) error { return c.learn(c.get(1), head) }

// other keeps a message that has no meaning here.
func (c *call) other(head string, from int) error {
	if err := c.learn(c.get(1), head); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	c.keep(c.get(0))
	c.keepFrom(&c.fields, from)
	c.serial(e)
	c.finish(e)
	return nil
}

// result reads the answer to a command:
//
//	ST300CMD;Res;id;version;command;...
//	RES;id;command;...
func (c *call) result(model string) error {
	id, head, command := 1, "u", 2
	if model != "" {
		id, head, command = 2, model, 4
		if !bytes.EqualFold(c.get(1), []byte("Res")) {
			return c.other(model, 2)
		}
	}
	if c.n <= id+1 {
		return errShort
	}
	if err := c.learn(c.get(id), head); err != nil {
		return err
	}
	e := c.f.Add(protocols.CommandResult)
	if c.n > command {
		e.Text("command", c.str(&c.fields, command))
	}
	c.str(&c.fields, id)
	e.Text("result", c.whole[c.at[id+1]:])
	c.finish(e)
	return nil
}

// travel reads HTE, the summary of a trip:
//
//	id | model | version | date | time | distance | V | hour meter | backup V | type | ... | start | end | fastest | mean | ... | driver
func (c *call) travel(model string) error {
	i := c.dateField()
	if i == 0 || c.n < i+7 {
		return errShort
	}
	if err := c.learn(c.get(1), model); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	c.versions(e, 2, i)
	e.Time = dateTime(c.get(i), c.get(i+1))
	dec(e, "trip_m", c.get(i+2))
	dec(e, "power_v", c.get(i+3))
	c.hours(e, c.get(i+4))
	dec(e, "battery_v", c.get(i+5))
	if v := c.get(i + 6); len(v) == 1 {
		c.stored(e, v[0])
	}
	last := c.n
	if id := c.get(c.n - 1); c.n > i+7 && len(id) >= 14 && allHex(id) {
		last--
		e.Text("driver_id", c.str(&c.fields, last))
	}
	i += 7
	for i < last && !signed(c.get(i)) {
		c.keep(c.get(i))
		i++
	}
	for _, name := range [...]string{"start_lat", "start_lng", "end_lat", "end_lng", "max_speed_kmh", "average_speed_kmh"} {
		if i < last && !dec(e, name, c.get(i)) {
			c.keep(c.get(i))
		}
		i++
	}
	for ; i < last; i++ {
		c.keep(c.get(i))
	}
	c.finish(e)
	return nil
}

// signed tells whether a field is written as a coordinate: a sign and a point.
func signed(b []byte) bool { return len(b) > 2 && (b[0] == '+' || b[0] == '-') && hasPoint(b) }

func allHex(b []byte) bool {
	for _, x := range b {
		if _, ok := protocols.HexDigit(x); !ok {
			return false
		}
	}
	return len(b) > 0
}

// dateField is the place of the date, the first field of eight digits with a time behind it; 0: there is none.
func (t *fields) dateField() int {
	for i := 2; i < min(t.n-1, 6); i++ {
		if d := t.get(i); len(d) == 8 && isClock(t.get(i+1)) && allDigits(d) {
			return i
		}
	}
	return 0
}

// latitudeField is the place of the latitude: the first field with a decimal point behind the time; 0: there is none.
func latitudeField(t *fields) int {
	d := t.dateField()
	if d == 0 {
		return 0
	}
	for i := d + 2; i < min(t.n, d+8); i++ {
		if hasPoint(t.get(i)) {
			return i
		}
	}
	return 0
}

// versions reads what stands between id and date: model code, where it is sent, and software version.
func (c *call) versions(e *protocols.Event, from, date int) {
	switch {
	case date-from >= 2:
		e.Text("model", c.str(&c.fields, from))
		e.Text("software", c.str(&c.fields, from+1))
		for i := from + 2; i < date; i++ {
			c.keep(c.get(i))
		}
	case date-from == 1:
		e.Text("software", c.str(&c.fields, from))
	}
}

// hours reads the hour meter, in minutes.
func (c *call) hours(e *protocols.Event, b []byte) {
	if v, ok := integer(b); ok && v >= 0 && v < 1<<40 {
		e.Int("hours_s", v*60)
	}
}

// place reads latitude, longitude, speed in km/h and course from field i on, and the validity from field valid.
func (c *call) place(e *protocols.Event, i, valid int) {
	lat, ok1 := number(c.get(i))
	lng, ok2 := number(c.get(i + 1))
	if ok1 && ok2 {
		e.SetFix(lat, lng, string(c.get(valid)) == "1")
	}
	if v, ok := number(c.get(i + 2)); ok && v >= 0 && v < 2000 {
		e.SetSpeed(v)
	}
	if v, ok := number(c.get(i + 3)); ok {
		e.SetCourse(v)
	}
}

func (c *call) satellites(e *protocols.Event, b []byte) {
	if v, ok := integer(b); ok && v >= 0 && v <= 255 {
		e.SetSats(uint8(v))
	}
}

// cell reads a serving cell: MCC and MNC decimal, LAC and cell id in the given base.
func (c *call) cell(e *protocols.Event, mcc, mnc, lac, cid []byte) bool {
	m, ok1 := integer(mcc)
	n, ok2 := integer(mnc)
	l, ok3 := protocols.ParseHex(lac)
	id, ok4 := protocols.ParseHex(cid)
	if !ok1 || !ok2 || !ok3 || !ok4 || m < 0 || m > 999 || n < 0 || n > 999 || l > 1<<32-1 {
		return false
	}
	if m != 0 {
		e.Cell(uint16(m), uint16(n), uint32(l), id)
	}
	return true
}

var errPlace = fmt.Errorf("suntech: no date, time and place: %w", protocols.ErrMalformed)
