package queclink

import "github.com/trackgate/trackgate/protocols"

// has says whether the event has the attribute: what came first counts, and a field that says it again stays where it is.
func has(e *protocols.Event, name string) bool {
	_, ok := e.Attrs.Get(name)
	return ok
}

// number adds field i as it is, where it is a number.
func (c *call) number(e *protocols.Event, name string, i int) bool {
	v, scale, ok := readDecimal(c.m.at(i))
	if ok = ok && i < c.end && !has(e, name); ok {
		e.Dec(name, v, scale)
		c.m.take(i)
	}
	return ok
}

// milli adds field i in volts, where it is a number of millivolts.
func (c *call) milli(e *protocols.Event, name string, i int) bool {
	v, scale, ok := readDecimal(c.m.at(i))
	if ok = ok && scale <= 6 && i < c.end && !has(e, name); ok {
		e.Dec(name, v, scale+3)
		c.m.take(i)
	}
	return ok
}

// kilometres adds field i as the odometer, where it is a number with a decimal point.
func (c *call) kilometres(e *protocols.Event, i int) bool {
	_, scale, ok := readDecimal(c.m.at(i))
	return ok && scale > 0 && c.odometer(e, i)
}

// odometer adds field i as the odometer: kilometres, whole or with a decimal.
func (c *call) odometer(e *protocols.Event, i int) bool {
	v, scale, ok := readDecimal(c.m.at(i))
	if ok = ok && i < c.end && v >= 0 && v < 1e12 && !has(e, "odometer_m"); ok {
		e.Dec("odometer_m", v*1000, scale)
		c.m.take(i)
	}
	return ok
}

// hours adds field i as the hour meter.
func (c *call) hours(e *protocols.Event, i int) bool {
	v, ok := readHours(c.m.at(i))
	if ok = ok && i < c.end && !has(e, "hours_s"); ok {
		e.Int("hours_s", v)
		c.m.take(i)
	}
	return ok
}

// percent adds field i where it is 0 to 100.
func (c *call) percent(e *protocols.Event, name string, i int) bool {
	v, ok := readInt(c.m.at(i))
	if ok = ok && i < c.end && v >= 0 && v <= 100 && len(c.m.at(i)) <= 3 && !has(e, name); ok {
		e.Int(name, v)
		c.m.take(i)
	}
	return ok
}

// flag adds field i where it is 0 or 1.
func (c *call) flag(e *protocols.Event, name string, i int) bool {
	v := c.m.at(i)
	ok := i < c.end && len(v) == 1 && (v[0] == '0' || v[0] == '1') && !has(e, name)
	if ok {
		e.Bool(name, v[0] == '1')
		c.m.take(i)
	}
	return ok
}

// hex adds field i as a number, where it is hex.
func (c *call) hex(e *protocols.Event, name string, i int) bool {
	v, ok := readHex(c.m.at(i))
	if ok = ok && i < c.end && v < 1<<62 && !has(e, name); ok {
		e.Int(name, int64(v))
		c.m.take(i)
	}
	return ok
}

// text adds field i as a text, unless it is empty.
func (c *call) text(e *protocols.Event, name string, i int) bool {
	if i >= c.end || len(c.m.at(i)) == 0 || has(e, name) {
		return false
	}
	e.Text(name, string(c.m.take(i)))
	return true
}

// states are the codes of motion and ignition that device status and GTSTT have.
var states = [256]struct{ known, ignition, on, motion bool }{
	0x16: {true, true, false, true},   // towed
	0x1a: {true, true, false, true},   // may be towed
	0x11: {true, true, false, false},  // ignition off, at rest
	0x12: {true, true, false, true},   // ignition off, moving
	0x21: {true, true, true, false},   // ignition on, at rest
	0x22: {true, true, true, true},    // ignition on, moving
	0x41: {true, false, false, false}, // no ignition known, at rest
	0x42: {true, false, false, true},  // no ignition known, moving
}

// state adds a code of motion and ignition.
func state(e *protocols.Event, code byte) {
	st := states[code]
	e.Int("state", int64(code))
	if !st.known {
		return
	}
	if st.ignition {
		addBool(e, "ignition", st.on)
	}
	addBool(e, "motion", st.motion)
}

// stateField adds field i where it is such a code in two hex digits.
func (c *call) stateField(e *protocols.Event, i int) bool {
	b := c.m.at(i)
	v, ok := readHex(b)
	if ok = ok && len(b) == 2 && i < c.end; ok {
		state(e, byte(v))
		c.m.take(i)
	}
	return ok
}

// isStatus is true of a device status: state, inputs and outputs in six hex digits.
func isStatus(b []byte) bool {
	if len(b) != 6 {
		return false
	}
	v, ok := readHex(b)
	return ok && states[v>>16].known
}

// status reads a device status at i.
func (c *call) status(e *protocols.Event, i int) {
	v, _ := readHex(c.m.take(i))
	state(e, byte(v>>16))
	inputs(e, byte(v>>8))
	outputs(e, byte(v))
}

// inputs adds the digital inputs: bit 0 is the ignition line.
func inputs(e *protocols.Event, v byte) {
	e.Int("inputs", int64(v))
	e.Bool("in1", v&2 != 0)
	e.Bool("in2", v&4 != 0)
	if v > 7 {
		e.Bool("in3", v&8 != 0)
	}
}

// outputs adds the digital outputs.
func outputs(e *protocols.Event, v byte) {
	e.Int("outputs", int64(v))
	e.Bool("out1", v&1 != 0)
	e.Bool("out2", v&2 != 0)
	if v > 3 {
		e.Bool("out3", v&4 != 0)
	}
}
