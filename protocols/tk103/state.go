package tk103

import "github.com/trackgate/trackgate/protocols"

// stateSize is the number of characters of an I/O state.
const stateSize = 8

// Conditions that raise an alarm when they appear.
const (
	conditionPowerCut = 1
	conditionPanic    = 2
)

// state reads an I/O state: main power cut, ignition, then hex digits of inputs and outputs, sensors, sensors, and three of the fuel sensor. False: it is none,
// and nothing was read.
func (c *call) state(e *protocols.Event, b []byte) bool {
	word, ok := protocols.ParseHex(b)
	if !ok || b[0] > '1' || b[1] > '1' {
		return false
	}
	digit := func(place int) int64 { return int64(word >> (4 * (stateSize - place)) & 15) } // from 1
	bit := func(name string, place int, mask int64) {
		if digit(place)&mask != 0 {
			e.Bool(name, true)
		}
	}
	e.Bool("charging", digit(1) == 0)
	e.Bool("ignition", digit(2) == 1)
	bit("in2", 3, 1)
	bit("out2", 3, 4)
	bit("blocked", 3, 8)
	bit("door", 4, 8)
	if v := digit(4) & 7; v != 0 {
		e.Int("sensors_high", v)
	}
	if v := digit(5) & 14; v != 0 {
		e.Int("sensors_low", v)
	}
	e.Int("fuel_adc", int64(word&0xfff))
	if e.Kind == protocols.CommandResult {
		return true // the next report raises what there is to raise
	}
	var now byte
	if digit(1) == 1 {
		now |= conditionPowerCut
	}
	if digit(3)&2 != 0 {
		now |= conditionPanic
	}
	switch raised := now &^ c.conditions(); {
	case raised&conditionPanic != 0:
		e.Alarm = "sos"
	case raised&conditionPowerCut != 0:
		e.Alarm = "power_cut"
	}
	c.setConditions(now)
	return true
}
