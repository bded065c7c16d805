package queclink

import "github.com/trackgate/trackgate/protocols"

// behind reads what stands between the last group and the send time, by its form: see tail shapes in the functions below.
func (c *call) behind(e *protocols.Event, l layout, t int) {
	switch l.name {
	case "IGN", "IGF", "VGN", "VGF":
		c.hours(e, t)
		c.odometer(e, t+1)
		return
	}
	status := -1
	for i := t; i < c.end; i++ {
		if isStatus(c.m.at(i)) {
			status = i
			break
		}
	}
	switch n := c.end - t; {
	case n <= 0:
	case status >= 0:
		c.vehicleTail(e, t, status)
	case c.model.ports && n >= 8:
		c.portsTail(e, t)
	case c.model.family == sleeper && n >= 4:
		c.sleeperTail(e, t)
	case c.model.family == wearable && n >= 2:
		c.wearableTail(e, t)
	default:
		c.plainTail(e, t)
	}
}

// vehicleTail reads
//
//	mileage | hour meter | analog inputs... | backup battery % | device status | rpm | consumption | fuel %
//
// and behind the status of an extended report the blocks that its mask announces.
func (c *call) vehicleTail(e *protocols.Event, t, status int) {
	if status-t >= 2 {
		c.odometer(e, t)
	}
	if status-t >= 3 {
		c.hours(e, t+1)
		c.analog(e, t+2, status-1)
	}
	if status > t {
		c.percent(e, "battery_pct", status-1)
	}
	c.status(e, status)
	if c.report == "ERI" {
		c.blocks(e, status+1)
		return
	}
	c.number(e, "rpm", status+1)
	if !c.number(e, "fuel_rate", status+2) {
		if b := string(c.m.at(status + 2)); b == "nan" || b == "inf" {
			c.m.take(status + 2) // what is no number
		}
	}
	c.percent(e, "fuel_pct", status+3)
}

// analog reads analog inputs in [from, to): millivolts, or a percentage of fuel behind an F.
func (c *call) analog(e *protocols.Event, from, to int) {
	names := [...]string{"adc1_v", "adc2_v", "adc3_v", "adc4_v"}
	fuel := [...]string{"fuel_pct", "fuel2_pct", "fuel3_pct", "fuel4_pct"}
	for k := 0; k < len(names) && from+k < to; k++ {
		b := c.m.at(from + k)
		if len(b) > 1 && b[0] == 'F' {
			if v, ok := readInt(b[1:]); ok && v >= 0 && v <= 100 && !has(e, fuel[k]) {
				e.Int(fuel[k], v)
				c.m.take(from + k)
			}
			continue
		}
		c.milli(e, names[k], from+k)
	}
}

// portsTail reads the tail of a GV200: mileage | hour meter | three analog inputs | inputs | outputs | UART type, in hex.
func (c *call) portsTail(e *protocols.Event, t int) {
	c.odometer(e, t)
	c.hours(e, t+1)
	c.analog(e, t+2, t+5)
	if v, ok := readHex(c.m.at(t + 5)); ok && v <= 0xff {
		c.m.take(t + 5)
		inputs(e, byte(v))
	}
	if v, ok := readHex(c.m.at(t + 6)); ok && v <= 0xff {
		c.m.take(t + 6)
		outputs(e, byte(v))
	}
	if c.report == "ERI" {
		c.blocks(e, t+7)
	}
}

// sleeperTail reads the tail of a GL500: light | battery % | mode | motion | temperature.
func (c *call) sleeperTail(e *protocols.Event, t int) {
	if !c.percent(e, "battery_pct", t+1) {
		return
	}
	c.number(e, "light", t)
	c.number(e, "mode", t+2)
	c.flag(e, "motion", t+3)
	if c.report != "ERI" {
		c.number(e, "temp_device_c", t+4)
	}
}

// wearableTail reads the tail of a GT501: signal | battery %.
func (c *call) wearableTail(e *protocols.Event, t int) {
	c.number(e, "rssi", c.end-2)
	c.percent(e, "battery_pct", c.end-1)
}

// plainTail reads the tail of anything else by the form of its fields: a mileage with its hour meter and analog inputs, a battery's percentage or
// a temperature at the end.
func (c *call) plainTail(e *protocols.Event, t int) {
	meter := -1
	for i := t; i < c.end; i++ {
		if isHours(c.m.at(i)) {
			meter = i
			break
		}
	}
	first, last := c.m.at(t), c.m.at(c.end-1)
	switch {
	case meter > t:
		c.odometer(e, meter-1)
		c.hours(e, meter)
		c.analog(e, meter+1, min(meter+3, c.end))
	case meter == t:
		c.hours(e, t)
		c.odometer(e, t+1)
	case c.model.name == "gl320m" && len(last) > 2 && last[len(last)-2] == '.':
		c.number(e, "temp_device_c", c.end-1)
		c.percent(e, "battery_pct", t)
	default:
		if _, scale, ok := readDecimal(first); ok && scale == 1 {
			c.odometer(e, t)
		}
	}
	if len(last) <= 3 && !c.m.isUsed(c.end-1) {
		c.percent(e, "battery_pct", c.end-1)
	}
	for i := t; i < c.end; i++ { // OBD and braking reports repeat the send time
		if b := c.m.at(i); len(b) >= 12 && string(b) == string(c.m.at(c.end)) {
			c.m.take(i)
		}
	}
}
