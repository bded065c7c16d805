package queclink

import "github.com/trackgate/trackgate/protocols"

// ahead reads what stands between the names and the first group, which begins at g: counted from the group backwards, because models
// differ in what they put in front.
func (c *call) ahead(e *protocols.Event, l layout, g int) {
	c.alarm(e, l.alarm)
	if l.shape == numbered {
		c.numbered(e, g)
		return
	}
	switch l.name {
	case "IGN", "VGN":
		e.Bool("ignition", true)
		c.number(e, "duration_s", g-1)
	case "IGF", "VGF":
		e.Bool("ignition", false)
		c.number(e, "duration_s", g-1)
	case "STT":
		if b := c.m.at(g - 1); len(b) == 2 && (string(b) == "16") {
			e.Alarm = "tow"
		}
		c.stateField(e, g-1)
	case "IOB":
		c.number(e, "input", g-1)
	case "GIN", "GOT":
		if g > c.body {
			c.number(e, "geofence", g-1)
		}
	case "LSW", "TSW":
		name := "in1"
		if l.name == "TSW" {
			name = "in2"
		}
		c.flag(e, name, g-1)
		c.number(e, "report_type", g-2)
	case "BPL":
		c.number(e, "battery_v", g-1)
	case "BTC":
		e.Bool("charging", true)
	case "STC":
		e.Bool("charging", false)
	case "IDF":
		if g > c.body {
			c.number(e, "duration_s", g-1)
		}
	case "JDS":
		if string(c.m.at(g-1)) == "2" {
			e.Alarm = "jamming"
		}
		c.number(e, "jamming_status", g-1)
	case "ANT":
		switch string(c.m.at(g - 1)) {
		case "1":
			e.Alarm = "gps_antenna_cut"
		case "2":
			e.Alarm = "gps_antenna_short"
		}
		c.number(e, "antenna", g-1)
	case "TEM", "TMP":
		c.number(e, "temp1_c", g-1)
		if g-2 >= c.body {
			c.number(e, "temp_state", g-2)
		}
	case "SWG":
		c.number(e, "mode", g-1)
	case "IDA":
		c.driver(e, g)
	case "DAR":
		c.fatigue(e)
	case "BAA", "BID":
		c.accessory(e, l.name == "BAA", g)
	case "DAT":
		if c.number(e, "report_type", c.body); g-1 > c.body {
			c.text(e, "serial_data", g-1)
		}
	case "LBC":
		c.text(e, "phone", g-1)
	case "OBD":
		c.obd(e, g)
	}
}

// numbered reads what a report with a number of groups has in front of them:
//
//	vehicles           [ERI mask] power mV | report id and type | number
//	GL200, GL300       [ERI mask] report id | report type | number
//	GL500              report id | report type | mode | temperature | battery %
//	GT501              flag | report id | report type | 0 | number, or without one of them
func (c *call) numbered(e *protocols.Event, g int) {
	n := g - c.body
	if c.report == "ERI" && n >= 4 {
		if b := c.m.at(c.body); len(b) == 8 && isHex(b) {
			c.hex(e, "eri_mask", c.body)
			n--
		}
	}
	if n == 4 && c.model.family != wearable && string(c.m.at(g-1)) == string(c.m.at(g-2)) { // the number twice
		c.m.take(g - 1)
		g--
		n--
	}
	id, kind, ok := int64(0), int64(0), false
	switch pair := c.m.at(g - 2); {
	case n < 2:
	case c.model.family == sleeper && n == 5:
		id, kind, ok = c.single(g - 5)
		c.number(e, "mode", g-3)
		c.number(e, "temp_device_c", g-2)
		c.percent(e, "battery_pct", g-1)
	case c.model.family == wearable && n == 5:
		id, kind, ok = c.single(g - 4)
		if ok {
			e.Bool("motion", kind&1 != 0)
			e.Bool("charging", kind&2 != 0)
		}
		c.number(e, "number", g-1)
	case len(pair) == 2 && isHex(pair):
		c.m.take(g - 2)
		id, kind, ok = int64(hexDigit(pair[0])), int64(hexDigit(pair[1])), true
		if n >= 3 {
			c.milli(e, "power_v", g-3)
		}
		c.m.take(g - 1)
	case n >= 3:
		id, kind, ok = c.single(g - 3)
		c.m.take(g - 1)
	case n == 2: // only a kind and a number
		if v, one := digit(pair); one {
			kind, ok = v, true
			c.m.take(g - 2)
		}
		c.m.take(g - 1)
	}
	if !ok {
		return
	}
	e.Int("report_id", id)
	e.Int("report_type", kind)
	c.meaning(e, id, kind)
}

// single reads a report id and a report type of one digit each.
func (c *call) single(i int) (id, kind int64, ok bool) {
	kind, ok = digit(c.m.at(i + 1))
	if !ok {
		return 0, 0, false
	}
	c.m.take(i + 1)
	if v, one := readInt(c.m.at(i)); one && v >= 0 {
		id = v
		c.m.take(i)
	}
	return id, kind, true
}

// meaning is what report id and type mean in each report.
func (c *call) meaning(e *protocols.Event, id, kind int64) {
	switch c.report {
	case "GEO":
		e.Int("geofence", id)
		if e.Alarm = "geofence_exit"; kind == 1 {
			e.Alarm = "geofence_enter"
		}
	case "NMR":
		addBool(e, "motion", kind == 1)
	case "STR":
		addBool(e, "motion", true)
	case "STP", "LSP":
		addBool(e, "motion", false)
	case "IGL":
		addBool(e, "ignition", kind == 1)
	case "DIS":
		if names := [...]string{"", "in1", "in2", "in3", "in4"}; id > 0 && int(id) < len(names) && kind <= 1 {
			addBool(e, names[id], kind == 1)
		}
	case "HBM":
		switch kind {
		case 0, 3:
			e.Alarm = "harsh_brake"
		case 1, 4:
			e.Alarm = "harsh_accel"
		case 2:
			e.Alarm = "harsh_corner"
		default:
			e.Alarm = "general"
			e.Int("alarm_code", kind)
		}
	}
}

// addBool adds a truth value unless the event has it already.
func addBool(e *protocols.Event, name string, v bool) {
	if !has(e, name) {
		e.Bool(name, v)
	}
}

// driver reads what stands in front of the group of GTIDA: reserved, id of the tag, report type, number.
func (c *call) driver(e *protocols.Event, g int) {
	for i := c.body; i < g; i++ {
		if b := c.m.at(i); len(b) >= 8 && isHex(b) {
			c.text(e, "driver_id", i)
			c.number(e, "report_type", i+1)
			c.m.take(i + 2)
			return
		}
	}
}

// fatigue reads a driver's warning: type, degree, two reserved.
func (c *call) fatigue(e *protocols.Event) {
	kind, ok := readInt(c.m.at(c.body))
	if !ok {
		return
	}
	c.m.take(c.body)
	e.Int("warning_type", kind)
	c.number(e, "warning_degree", c.body+1)
	if e.Alarm = "fatigue"; kind != 1 {
		e.Alarm = "general"
		e.Int("alarm_code", kind)
	}
}
