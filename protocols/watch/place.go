package watch

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// fields are what commas separate.
type fields struct{ rest []byte }

// more tells whether there is another field; next takes it, empty where there is none. One field is always there.
func (f *fields) more() bool { return f.rest != nil }

func (f *fields) next() (field []byte) {
	at := bytes.IndexByte(f.rest, ',')
	if at < 0 {
		field, f.rest = f.rest, nil
		return field
	}
	field, f.rest = f.rest[:at], f.rest[at+1:]
	return field
}

// count is how many fields are left.
func (f *fields) count() int {
	if f.rest == nil {
		return 0
	}
	return bytes.Count(f.rest, []byte(",")) + 1
}

// minFields is how many fields a position has at least: up to the status.
const minFields = 16

// place reads the position of UD, AL and WT:
//
//	date,time,A|V,latitude,N|S,longitude,E|W,speed,course,altitude,satellites,signal,battery,steps,tumbles,status,cells…
func (c *call) place(alarm bool) {
	e := c.add(protocols.Status)
	e.FP = protocols.Fingerprint(c.word[:2], c.data) // sent again as UD2, a UD is the same record
	v := fields{c.data}
	if v.count() < minFields {
		c.unread(e)
		if alarm {
			e.Kind, e.Alarm = protocols.Alarm, "general"
		}
		return
	}
	odd := !c.setTime(e, v.next(), v.next())
	valid := string(v.next())
	odd = !setFix(e, v.next(), v.next(), v.next(), v.next(), valid == "A") || odd
	odd = !c.setMotion(e, &v) || odd
	if c.word[0] == 'U' && len(c.word) > 2 && c.word[2] == '2' { // UD2, UD2_LTE: from where there was no network
		e.Stored = true
		e.Bool("archive", true)
	}
	addWhole(e, "rssi", v.next())
	addPercent(e, "battery_pct", v.next())
	addWhole(e, "steps", v.next())
	addWhole(e, "tumbles", v.next())
	if status, ok := protocols.ParseHex(v.next()); ok && status < 1<<32 {
		setStatus(e, status, alarm)
	} else {
		odd = true
		if alarm {
			e.Alarm = "general"
		}
	}
	if v.more() {
		surroundings(e, &v)
	}
	if odd {
		if n := len(e.Attrs) - 1; n >= 0 && e.Attrs[n].Name == "data" {
			e.Attrs = e.Attrs[:n] // what was left is in it
		}
		e.Text("data", text(c.data))
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// setTime reads ddmmyy and hhmmss, UTC unless the operator says otherwise. A clock that was never set is none. False: no date.
func (c *call) setTime(e *protocols.Event, date, clock []byte) bool {
	d, ok1 := whole(date)
	h, ok2 := whole(clock)
	if !ok1 || !ok2 || len(date) != 6 || len(clock) != 6 {
		return false
	}
	if d == 0 {
		return true
	}
	at, ok := protocols.Civil(2000+int(d%100), int(d/100%100), int(d/10000), int(h/10000), int(h/100%100), int(h%100), c.s.Options.Zone)
	if ok && at > 0 {
		e.Time = at
	}
	return ok
}

// setFix reads degrees and their letters. Where a letter says the hemisphere, a sign beside it says nothing. False: no coordinates.
func setFix(e *protocols.Event, lat, north, lng, east []byte, valid bool) bool {
	y, ok1 := signed(lat, north, 's')
	x, ok2 := signed(lng, east, 'w')
	if !ok1 || !ok2 {
		return len(lat)+len(lng) == 0
	}
	return e.SetFix(y, x, valid) || y == 0 && x == 0
}

func signed(b, letter []byte, negative byte) (float64, bool) {
	v, ok := number(bytes.TrimSpace(b))
	if len(letter) == 1 {
		if v < 0 {
			v = -v
		}
		if letter[0]|0x20 == negative {
			v = -v
		}
	}
	return v, ok
}

// setMotion reads speed, course, altitude and satellites. False: one of them is no number.
func (c *call) setMotion(e *protocols.Event, v *fields) bool {
	speed, ok1 := number(v.next())
	course, ok2 := number(v.next())
	alt, ok3 := number(v.next())
	sats, ok4 := number(v.next())
	if ok1 = ok1 && speed >= 0 && speed < 1e5; ok1 {
		switch c.s.Options.Unit {
		case "knots":
			speed *= 1.852
		case "mph":
			speed *= 1.609344
		}
		e.SetSpeed(speed)
	}
	ok2 = ok2 && e.SetCourse(course)
	if ok3 {
		e.SetAlt(alt)
	}
	if ok4 = ok4 && sats >= 0 && sats <= 255; ok4 {
		e.SetSats(uint8(sats))
	}
	return ok1 && ok2 && ok3 && ok4
}

// alarmBits are the alarms of the status in the order of their weight; those of the state count in AL only.
var alarmBits = [...]struct {
	bit   uint8
	state bool
	alarm string
}{
	{16, false, "sos"}, {21, false, "fall"}, {22, false, "fall"}, {20, false, "tampering"}, {18, false, "geofence_exit"},
	{19, false, "geofence_enter"}, {14, false, "power_cut"}, {17, false, "low_battery"}, {1, true, "geofence_exit"}, {2, true, "geofence_enter"},
	{0, true, "low_battery"},
}

// setStatus reads the status: states in its low half, alarms in its high one. A state that is not set is not reported: what its absence
// means depends on the maker.
func setStatus(e *protocols.Event, status uint64, alarm bool) {
	e.Int("status", int64(status))
	bit := func(n uint8) bool { return status>>n&1 == 1 }
	if bit(4) {
		e.Bool("motion", true)
	}
	if bit(3) {
		e.Bool("off_wrist", true)
	}
	for _, a := range alarmBits {
		if bit(a.bit) && (alarm || !a.state) {
			e.Alarm = a.alarm
			return
		}
	}
	if alarm {
		e.Alarm = "general"
		e.Int("alarm_code", int64(status))
	}
}

// surroundings reads what follows the status:
//
//	n,timing advance,mcc,mnc, n times lac,cell,signal, m, m times name,mac,level, accuracy
//
// Without cells the three fields behind n may be missing, and m and the accuracy anywhere.
func surroundings(e *protocols.Event, v *fields) {
	all := *v
	n, ok := whole(v.next())
	if !ok || n > 0 && v.count() < 3+3*int(min(n, maxText)) {
		*v = all
		leave(e, v)
		return
	}
	rest := *v
	advance, mcc, mnc := v.next(), v.next(), v.next()
	country, ok1 := whole(mcc)
	network, ok2 := whole(mnc)
	switch network := ok1 && ok2 && country >= 100; {
	case n > 0 && !network, n == 0 && (rest.count() < 3 || !network && len(mcc)+len(mnc) > 0 || !fits(*v)):
		if *v = rest; n > 0 {
			*v = all
			leave(e, v)
			return
		}
		if !fits(*v) && v.count() > 1 {
			v.next() // a timing advance alone
		}
		if !fits(*v) {
			*v = rest
			leave(e, v)
			return
		}
	default:
		if t, ok := whole(advance); ok && t < 255 && n > 0 {
			e.Int("timing_advance", t)
		}
	}
	if n > 0 {
		cells(e, v, int(n), country, network)
	}
	points(e, v)
	if v.more() {
		before := *v
		field := v.next()
		if m, ok := number(field); !ok && len(field) > 0 {
			*v = before
		} else if m > 0 {
			e.Float("accuracy_m", m)
		}
	}
	leave(e, v)
}

// fits tells whether access points and an accuracy are what is left: their number, three fields for each, at most one behind them.
func fits(v fields) bool {
	if !v.more() {
		return true
	}
	field := v.next()
	m, ok := whole(field)
	if left := v.count(); (ok || len(field) == 0) && m <= maxText {
		return left == 3*int(m) || left == 3*int(m)+1
	}
	return false
}

// leave keeps what is left of the fields.
func leave(e *protocols.Event, v *fields) {
	if len(v.rest) > 0 {
		e.Text("data", text(v.rest))
		v.rest = nil
	}
}

// cells reads n cells. Where one number has a digit beyond 9, all are hexadecimal.
func cells(e *protocols.Event, v *fields, n int, mcc, mnc int64) {
	hex := false
	for look, i := *v, 0; i < 3*n; i++ {
		if field := look.next(); i%3 != 2 {
			_, decimal := whole(field)
			hex = hex || !decimal && len(field) > 0
		}
	}
	var storage [512]byte
	list := storage[:0]
	for range n {
		lac, ok1 := cellNumber(v.next(), hex)
		cid, ok2 := cellNumber(v.next(), hex)
		signal, ok3 := whole(v.next())
		if !ok1 || !ok2 {
			continue
		}
		list = strconv.AppendInt(append(list, `,{"mcc":`...), mcc, 10)
		list = strconv.AppendInt(append(list, `,"mnc":`...), mnc, 10)
		list = strconv.AppendInt(append(list, `,"lac":`...), lac, 10)
		list = strconv.AppendInt(append(list, `,"cid":`...), cid, 10)
		if ok3 {
			list = strconv.AppendInt(append(list, `,"rssi":`...), signal, 10)
		}
		list = append(list, '}')
	}
	addList(e, "cells", list)
}

func cellNumber(b []byte, hex bool) (int64, bool) {
	if !hex {
		return whole(b)
	}
	v, ok := protocols.ParseHex(b)
	return int64(v), ok && len(b) < 16
}

// points reads the access points.
func points(e *protocols.Event, v *fields) {
	if !v.more() {
		return
	}
	m, ok := whole(v.next())
	if !ok {
		return // left empty
	}
	var storage [512]byte
	list := storage[:0]
	for ; m > 0 && v.count() >= 3; m-- {
		ssid, mac := v.next(), v.next()
		level, ok := number(v.next())
		if len(mac) < 12 || len(mac) > 17 {
			continue // 0: none
		}
		list = appendQuoted(append(list, `,{"mac":`...), mac)
		for i := range mac {
			if x := &list[len(list)-2-i]; *x >= 'A' && *x <= 'F' {
				*x |= 0x20
			}
		}
		if ok {
			list = strconv.AppendFloat(append(list, `,"rssi_dbm":`...), level, 'f', -1, 64)
		}
		if len(ssid) > 0 {
			list = appendQuoted(append(list, `,"ssid":`...), ssid)
		}
		list = append(list, '}')
	}
	addList(e, "wifi", list)
}

// addList adds a list whose items each begin with a comma.
func addList(e *protocols.Event, name string, items []byte) {
	if len(items) > 0 {
		items[0] = '['
		e.JSON(name, string(append(items, ']')))
	}
}

// appendQuoted appends b as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst, b []byte) []byte {
	for _, x := range b {
		if x < ' ' || x >= 0x7f || x == '"' || x == '\\' {
			q, _ := json.Marshal(string(b)) // a string always has a JSON form
			return append(dst, q...)
		}
	}
	return append(append(append(dst, '"'), b...), '"')
}

func addWhole(e *protocols.Event, name string, b []byte) {
	if v, ok := whole(b); ok {
		e.Int(name, v)
	}
}

// addPercent adds a number of 0 to 100.
func addPercent(e *protocols.Event, name string, b []byte) {
	if v, ok := whole(b); ok && v <= 100 {
		e.Int(name, v)
	}
}

// text is b as people read it, or in hex where they can not.
func text(b []byte) string {
	b = b[:min(len(b), protocols.MaxText)]
	for _, x := range b {
		if x < ' ' && x != '\t' && x != '\r' && x != '\n' {
			return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)])
		}
	}
	return string(b)
}
