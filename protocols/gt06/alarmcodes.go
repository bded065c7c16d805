package gt06

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// raise makes the record an alarm by the code of an alarm byte; 0 is none. clone says that the message has traits of firmware
// that is not Concox's.
func (c *call) raise(e *protocols.Event, code uint16, clone bool) {
	if code == 0 {
		return
	}
	e.Alarm = c.meaning(code, clone)
	e.Int("alarm_code", int64(code))
}

// meaning is the alarm of a code: by the operator's option alarm_<hex>=<alarm>, by the model, else as Concox and Jimi document it.
func (c *call) meaning(code uint16, clone bool) string {
	if name, ok := c.alarmOption(code); ok {
		return name
	}
	switch {
	case c.model("LW"):
		switch code {
		case 0x18:
			return "collision"
		case 0x19:
			return "harsh_accel"
		case 0x1a:
			return "harsh_brake"
		case 0x1b:
			return "harsh_corner"
		}
	case c.model("SEEWORLD"):
		switch code {
		case 0x28:
			return "harsh_corner"
		case 0x29:
			return "collision"
		}
	case c.model("TRX16"):
		switch code {
		case 0x09:
			return "geofence"
		case 0x0e:
			return "low_power"
		}
	case c.model("VL103"), c.model("LL303"), c.model("VL512"), c.model("G18"):
		if code == 0x28 {
			return "power_off"
		}
	}
	if clone {
		switch code {
		case 0x09:
			return "vibration"
		case 0x0c:
			return "tampering"
		}
	}
	return alarmOf(code)
}

// model tells whether the operator named a model of that family.
func (c *call) model(family string) bool {
	m := c.s.Options.Model
	for len(m) >= len(family) {
		if strings.EqualFold(m[:len(family)], family) {
			return true
		}
		// JM-VL103 and VL103 are the same.
		_, rest, found := strings.Cut(m, "-")
		if !found {
			return false
		}
		m = rest
	}
	return false
}

// alarmOption is the operator's own meaning of a code.
func (c *call) alarmOption(code uint16) (string, bool) {
	if !strings.Contains(c.s.Options.Extra, "alarm_") {
		return "", false
	}
	key := "alarm_" + string(appendCode(nil, code))
	name, ok := c.s.Options.Get(key)
	if !ok {
		return "", false
	}
	_, ok = protocols.Alarms[name]
	return name, ok
}

// appendCode appends a code as two hex digits, or three where it needs them.
func appendCode(b []byte, code uint16) []byte {
	if code > 0xff {
		b = append(b, digits[code>>8&15])
	}
	return append(b, digits[code>>4&15], digits[code&15])
}

// levelAlarm is the alarm of the code in a status byte.
func levelAlarm(code byte) string {
	switch code {
	case 1:
		return "vibration"
	case 2:
		return "power_cut"
	case 3:
		return "low_battery"
	case 4:
		return "sos"
	case 6:
		return "geofence"
	case 7:
		return "tampering"
	}
	return "general"
}

// alarmOf is the alarm of a code as Concox and Jimi document it, with codes that were seen.
func alarmOf(code uint16) string {
	switch code {
	case 0x01:
		return "sos"
	case 0x02:
		return "power_cut"
	case 0x03:
		return "vibration"
	case 0x04:
		return "geofence_enter"
	case 0x05:
		return "geofence_exit"
	case 0x06:
		return "overspeed"
	case 0x09:
		return "movement"
	case 0x0a:
		return "gps_lost"
	case 0x0b, 0x0d:
		return "gps_found"
	case 0x0c:
		return "power_on"
	case 0x0e, 0x0f:
		return "low_power"
	case 0x10:
		return "sim_changed"
	case 0x11, 0x15:
		return "power_off"
	case 0x12:
		return "airplane_mode"
	case 0x13, 0x18, 0x25:
		return "tampering"
	case 0x14:
		return "door"
	case 0x16:
		return "sound"
	case 0x17:
		return "fake_cell"
	case 0x19:
		return "low_battery"
	case 0x20:
		return "sleep"
	case 0x23:
		return "fall"
	case 0x24:
		return "charging"
	case 0x26, 0x29, 0xf0:
		return "harsh_accel"
	case 0x27, 0x28, 0x30, 0xf1:
		return "harsh_brake"
	case 0x2a, 0x2b, 0x2e, 0x4c:
		return "harsh_corner"
	case 0x2c, 0xf2:
		return "collision"
	case 0x2d:
		return "rollover"
	case 0x32:
		return "unplugged"
	case 0x33:
		return "lock"
	case 0x34:
		return "unlock"
	case 0x3c:
		return "theft"
	case 0x3d:
		return "illegal_start"
	case 0x3e:
		return "button"
	case 0x4b, 0x4f:
		return "tilt"
	case 0x4d:
		return "lane_change"
	case 0x53:
		return "fuel_leak"
	case 0x5b:
		return "temperature_high"
	case 0x5c:
		return "temperature_low"
	case 0xc9:
		return "idling"
	case 0xea:
		return "driver"
	case 0xfe:
		return "ignition_on"
	case 0xff:
		return "ignition_off"
	case 0x107, 0x10b:
		return "jamming"
	}
	return "general"
}
