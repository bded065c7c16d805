package jt808

import (
	"math/bits"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// alarmBits are the meanings of the alarm flags. Those that the editions or vendors read differently are in alarmOf.
var alarmBits = [32]string{
	0: "sos", 1: "overspeed", 2: "fatigue", 3: "general", 4: "fault", 5: "gps_antenna_cut", 6: "gps_antenna_short", 7: "low_power",
	8: "power_cut", 9: "fault", 10: "fault", 11: "fault", 12: "fault", 13: "general", 14: "general", 15: "vibration",
	16: "tampering", 17: "tampering", 18: "fatigue", 19: "parking", 20: "geofence", 21: "geofence", 22: "general", 23: "general",
	24: "fault", 25: "fuel_leak", 26: "theft", 27: "illegal_start", 28: "movement", 29: "collision", 30: "rollover", 31: "door",
}

// alarmOrder is which of several flags names the event: what endangers people first, what lasts for hours last.
var alarmOrder = [32]byte{0, 29, 30, 26, 8, 28, 17, 16, 15, 27, 31, 25, 1, 2, 18, 20, 21, 7, 23, 22, 19, 3, 5, 6, 13, 14, 4, 24, 9, 10, 11, 12}

// alarmOf is the meaning of one flag for this device; empty: none.
func (c *call) alarmOf(bit int) string {
	if c.s.Options.Extra != "" {
		if name, ok := c.s.Options.Get("alarm_" + strconv.Itoa(bit)); ok {
			if _, known := protocols.Alarms[name]; known {
				return name
			}
			return ""
		}
	}
	switch c.family() {
	case familyPadlock:
		switch bit {
		case 0, 4:
			return "unlock"
		case 1:
			return "tampering"
		}
	case familyAsset:
		if bit == 16 {
			return "movement"
		}
		return ""
	case familyVL300:
		if bit == 29 || bit == 30 {
			return ""
		}
	}
	if c.is2019() && bit >= 15 && bit <= 17 {
		return "general" // illegal driving, tyre pressure, blind area
	}
	return alarmBits[bit]
}

// alarms reads the alarm flags. They are states that last: the record says which are on, and the first of them in alarmOrder is its alarm,
// unless an item said more exactly what happened.
func (c *call) alarms(e *protocols.Event, flags uint32) {
	if flags == 0 {
		return
	}
	e.Int("alarm_bits", int64(flags))
	if e.Alarm != "" || bits.OnesCount32(flags) == 32 {
		return
	}
	for _, bit := range alarmOrder {
		if flags>>bit&1 == 0 {
			continue
		}
		name := c.alarmOf(int(bit))
		if name == "" {
			continue
		}
		if name == "geofence" && c.record.fence != 0 {
			name = [...]string{"geofence", "geofence_enter", "geofence_exit"}[c.record.fence]
		}
		e.Alarm = name
		if _, ok := e.Attrs.Get("alarm_code"); name == "general" && !ok {
			e.Int("alarm_code", int64(bit))
		}
		return
	}
}

// raise sets the alarm that an item names, unless there is one.
func raise(e *protocols.Event, name string) {
	if e.Alarm == "" {
		e.Alarm = name
	}
}
