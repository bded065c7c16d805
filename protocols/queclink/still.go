package queclink

import "github.com/trackgate/trackgate/protocols"

// readStill reads a report that has no location group.
func (c *call) readStill(e *protocols.Event) {
	i := c.body
	switch c.report {
	case "INF":
		c.information(e)
	case "WIF":
		c.survey(e)
	case "LBS":
		c.stations(e)
	case "GSM":
		c.network(e)
	case "VER":
		c.text(e, "device_type", i)
		c.text(e, "software", i+1)
		c.text(e, "hardware", i+2)
	case "CID":
		c.text(e, "iccid", i)
	case "CSQ":
		c.number(e, "rssi", i)
		c.number(e, "bit_errors", i+1)
	case "BAT":
		c.number(e, "external_power", i)
		c.battery(e, i+1)
	case "TMZ":
		c.text(e, "zone", i)
		c.flag(e, "dst", i+1)
	case "DTT":
		c.serialData(e)
	}
}

// battery reads external voltage, charge, battery voltage, charging and LED of GTBAT.
func (c *call) battery(e *protocols.Event, i int) {
	c.supply(e, i)
	c.percent(e, "battery_pct", i+1)
	c.number(e, "battery_v", i+2)
	c.flag(e, "charging", i+3)
	c.number(e, "led", i+4)
}

// supply reads an external voltage: volts with a decimal point, else millivolts.
func (c *call) supply(e *protocols.Event, i int) {
	if _, scale, ok := readDecimal(c.m.at(i)); ok && scale > 0 {
		c.number(e, "power_v", i)
		return
	}
	c.milli(e, "power_v", i)
}

// information reads GTINF:
//
//	state | ICCID | RSSI | bit errors | external power | mV or mileage | second mV | battery V | charging | LED | GPS on | antenna... |
//	last fix time | vehicles: pin mask, analog inputs, inputs, outputs, zone, DST; others: battery %, flash type, temperature
func (c *call) information(e *protocols.Event) {
	i := c.body
	c.stateField(e, i)
	c.text(e, "iccid", i+1)
	if v, ok := readInt(c.m.at(i + 2)); ok && v < 99 {
		c.number(e, "rssi", i+2)
	}
	c.number(e, "bit_errors", i+3)
	c.number(e, "external_power", i+4)
	isAsset := c.kilometres(e, i+5)
	if !isAsset {
		c.milli(e, "power_v", i+5)
	}
	if v, ok := readInt(c.m.at(i + 6)); ok && v > 100 {
		c.milli(e, "power2_v", i+6)
	}
	c.number(e, "battery_v", i+7)
	c.flag(e, "charging", i+8)
	c.number(e, "led", i+9)
	last := i + 10
	for last < c.end && !isTime(c.m.at(last)) {
		last++
	}
	if last >= c.end {
		return
	}
	for k, name := range [...]string{"gps_mode", "antenna_type", "antenna"} {
		if i+10+k < last {
			c.number(e, name, i+10+k)
		}
	}
	if t, ok := readTime(c.m.at(last), protocols.Zone{}); ok {
		if c.m.take(last); c.sent != 0 {
			e.Int("fix_age_s", int64(c.sent-t)/1000)
		}
	}
	if c.zone(e, c.end-2) {
		c.flag(e, "dst", c.end-1)
		c.ports(e, last+1, c.end-4)
		return
	}
	if isAsset || c.model.family != vehicle {
		c.percent(e, "battery_pct", last+1)
		c.number(e, "flash_type", last+2)
		c.number(e, "temp_device_c", last+3)
	}
}

// zone reads an offset from UTC, +HHMM.
func (c *call) zone(e *protocols.Event, i int) bool {
	b := c.m.at(i)
	return len(b) == 5 && (b[0] == '+' || b[0] == '-') && isDigits(b[1:]) && c.text(e, "zone", i)
}

// ports reads a mask of pins and the analog inputs from i, and the digital inputs and outputs, two hex digits each, at io.
func (c *call) ports(e *protocols.Event, i, io int) {
	if io < i {
		return
	}
	if v, ok := readHex(c.m.at(io)); ok && len(c.m.at(io)) == 2 {
		c.m.take(io)
		inputs(e, byte(v))
	}
	if v, ok := readHex(c.m.at(io + 1)); ok && len(c.m.at(io+1)) == 2 {
		c.m.take(io + 1)
		outputs(e, byte(v))
	}
	if io > i {
		c.number(e, "pin_mask", i)
		c.analog(e, i+1, io)
	}
}

// serialData reads GTDTT: reserved fields, type, length, and the data in hex. A fuel sensor's text COMB,0,<litres>,... has its level third.
func (c *call) serialData(e *protocols.Event) {
	i := c.end - 1
	b := c.m.at(i)
	if n, ok := readInt(c.m.at(i - 1)); !ok || i-1 < c.body || n*2 != int64(len(b)) || !isHex(b) {
		return
	}
	c.m.take(i)
	c.m.take(i - 1)
	c.number(e, "data_type", i-2)
	data := make([]byte, len(b)/2)
	printable := true
	for k := range data {
		x := hexDigit(b[2*k])<<4 | hexDigit(b[2*k+1])
		data[k] = x
		printable = printable && (x >= ' ' && x < 0x7f || x == '\r' || x == '\n' || x == '\t')
	}
	if !printable {
		e.Text("serial_data", string(b))
		return
	}
	e.Text("serial_data", string(data))
	if v, scale, ok := combLevel(data); ok {
		e.Dec("fuel_level", v, scale)
	}
}

// combLevel finds the third value of a sensor's text that begins with COMB.
func combLevel(data []byte) (v int64, scale uint8, ok bool) {
	for i := 0; i+5 < len(data); i++ {
		if string(data[i:i+5]) != "COMB," {
			continue
		}
		var m message
		m.split(data[i:min(len(data), i+64)])
		return readDecimal(m.at(2))
	}
	return 0, 0, false
}
