package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// dashcam reads message 0x95 of the JC100 and JC400:
//
//	date 6 | event 1
//	date 6 | latitude 4 | longitude 4 | course word 2 | event 1 | data 2 | file names
//	FFFF | version 1 | date 6 | satellites 1 | latitude 4 | longitude 4 | course word 2 | speed 2 | volts/10 2 | event 1 | data 2 | file names
func (c *call) dashcam(e *protocols.Event) bool {
	b := c.info
	switch {
	case len(b) >= 27 && b[0] == 0xff && b[1] == 0xff:
		e.Int("version", int64(b[2]))
		c.date = b[3:9]
		e.SetSats(b[9] & 15)
		e.SetSpeed(float64(u16(b[20:])))
		c.place(e, b[10:], binary.BigEndian.Uint16(b[18:]))
		e.Dec("power_v", u16(b[22:]), 1)
		b = b[24:]
	case len(b) >= 19 && plausibleDate(b):
		c.date = b[:6]
		c.place(e, b[6:], binary.BigEndian.Uint16(b[14:]))
		b = b[16:]
	case len(b) == 7 && plausibleDate(b):
		c.date = b[:6]
		c.dashcamEvent(e, b[6], true)
		return true
	default:
		return false
	}
	c.dashcamEvent(e, b[0], false)
	e.Int("event_value", u16(b[1:]))
	if len(b) > 3 {
		e.Text("files", text(b[3:]))
	}
	return true
}

// dashcamEvent reads the event of a dash camera. Events without a name are not alarms.
func (c *call) dashcamEvent(e *protocols.Event, code byte, brief bool) {
	e.Int("event", int64(code))
	switch code {
	case 0x01:
		e.Alarm = "sos"
		if brief {
			e.Alarm = "general"
		}
	case 0x0e:
		e.Alarm = "low_power"
	case 0x76:
		e.Alarm = "temperature"
	case 0x80:
		e.Alarm = "vibration"
	case 0x87:
		e.Alarm = "overspeed"
	case 0x88:
		e.Alarm = "power_cut"
	case 0x90:
		e.Alarm = "harsh_accel"
	case 0x91:
		e.Alarm = "harsh_brake"
	case 0x92:
		e.Alarm = "harsh_corner"
	case 0x93:
		e.Alarm = "collision"
	}
	if e.Alarm != "" {
		e.Int("alarm_code", int64(code))
	}
}
