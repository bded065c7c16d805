package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Bits of the terminal information byte.
const (
	statusArmed    = 1 << 0
	statusIgnition = 1 << 1
	statusCharging = 1 << 2
	statusFixed    = 1 << 6
	statusBlocked  = 1 << 7
)

// status reads the terminal information byte and returns the alarm code in its bits 5 to 3.
func (c *call) status(e *protocols.Event, v byte) (alarm byte) {
	e.Int("status", int64(v))
	e.Bool("blocked", v&statusBlocked != 0)
	e.Bool("gps_on", v&statusFixed != 0)
	e.Bool("charging", v&statusCharging != 0)
	e.Bool("ignition", v&statusIgnition != 0)
	e.Bool("armed", v&statusArmed != 0)
	return v >> 3 & 7
}

// level raises the alarm of a status byte when it appears. The code is a level that can stay for hours: it is an alarm once.
func (c *call) level(e *protocols.Event, alarm byte, meaning string) {
	if alarm != 0 && alarm != alarmLevel(c.s.State) {
		e.Alarm = meaning
		e.Int("alarm_level", int64(alarm))
	}
	setAlarmLevel(c.s, alarm)
}

// charge reads a voltage level: 0 to 6 in steps, above that a percentage; beyond 100 it says nothing of the battery.
func (c *call) charge(e *protocols.Event, v byte) {
	switch {
	case v <= 6:
		e.Int("battery_pct", int64(v)*100/6)
	case v <= 100:
		e.Int("battery_pct", int64(v))
	default:
		e.Int("voltage_level", int64(v))
	}
}

// percent reads a percentage; beyond 100 it is kept as a level.
func (c *call) percent(e *protocols.Event, v byte) {
	if v <= 100 {
		e.Int("battery_pct", int64(v))
	} else {
		e.Int("battery_level", int64(v))
	}
}

// heartbeat reads messages 0x13 and 0x23. They have no time.
func (c *call) heartbeat(e *protocols.Event) bool {
	b := c.info
	switch {
	case c.number == msgHeartbeatVolts && len(b) == 6:
		// status 1 | external volts/100 2 | signal 1 | language 2
		c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
		e.Dec("power_v", int64(binary.BigEndian.Uint16(b[1:])), 2)
		e.Int("rssi", int64(b[3]))
		c.language(e, b[4:])
	case c.number == msgHeartbeat && len(b) == 14, c.number == msgHeartbeat && len(b) == 16:
		c.heartbeatWord(e)
	case len(b) == 5 && c.model("R11"):
		// status 1 | external volts/100 2 | signal 1 | extension 1
		c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
		e.Dec("power_v", int64(binary.BigEndian.Uint16(b[1:])), 2)
		e.Int("rssi", int64(b[3]))
		e.Int("extension", int64(b[4]))
	case len(b) == 5 && c.model("LW"):
		// status 1 | voltage level 1 | signal 1 | external volts/10 2, low 12 bits
		c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
		c.charge(e, b[1])
		e.Int("rssi", int64(b[2]))
		e.Dec("power_v", int64(binary.BigEndian.Uint16(b[3:])&0xfff), 1)
		if b[3]>>4 != 0 {
			e.Int("extension", int64(b[3]>>4))
		}
	case len(b) == 5 && c.model("SEEWORLD"):
		// status 1 | battery 1 | signal 1 | external volts 1 | language 1
		c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
		c.charge(e, b[1])
		e.Int("rssi", int64(b[2]))
		e.Int("power_v", int64(b[3]))
		c.language(e, b[4:])
	case len(b) >= 5:
		// status 1 | voltage level 1 | signal 1 | extended port status 1 | language 1
		c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
		c.charge(e, b[1])
		e.Int("rssi", int64(b[2]))
		if b[3] != 0 {
			e.Int("extension", int64(b[3]))
		}
		c.language(e, b[4:5])
		c.unread(e, b[5:])
	default:
		return false
	}
	return true
}

// heartbeatWord reads the heartbeat of portable trackers, 14 or 16 bytes:
//
//	status 1 | word 2 | alarm 1 | language 1 | battery % 1 | mode 1 | volts/100 2 | reserved 1
//	14: working time 2 | value 2, a temperature in mode 4
//	16: work count 2 | working time 2 | temperature 2, bit 15 set where it is positive
//
// The word: satellites used in bits 14-10, seen in bits 9-5, signal in bits 4-0.
func (c *call) heartbeatWord(e *protocols.Event) {
	b := c.info
	c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
	word := binary.BigEndian.Uint16(b[1:])
	e.SetSats(uint8(word >> 10 & 31))
	e.Int("sats_visible", int64(word>>5&31))
	e.Int("rssi", int64(word&31))
	c.raise(e, uint16(b[3]), false)
	c.language(e, b[4:5])
	c.percent(e, b[5])
	e.Int("mode", int64(b[6]))
	e.Dec("power_v", int64(binary.BigEndian.Uint16(b[7:])), 2)
	if len(b) == 14 {
		e.Int("working_time", int64(binary.BigEndian.Uint16(b[10:])))
		value := binary.BigEndian.Uint16(b[12:])
		if b[6] == 4 {
			e.Dec("temp1_c", int64(int16(value)), 1)
		} else {
			e.Int("value", int64(value))
		}
		return
	}
	e.Int("work_count", int64(binary.BigEndian.Uint16(b[10:])))
	e.Int("working_time", int64(binary.BigEndian.Uint16(b[12:])))
	value := binary.BigEndian.Uint16(b[14:])
	t := int64(value & 0x7fff)
	if value&0x8000 == 0 {
		t = -t
	}
	e.Dec("temp1_c", t, 1)
}

// heartbeat4G reads message 0x36 of Jimi's 4G models: the five bytes of a heartbeat, then modules.
func (c *call) heartbeat4G(e *protocols.Event) bool {
	b := c.info
	if len(b) < 5 || !areModules(b[5:]) {
		return false
	}
	c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
	c.charge(e, b[1])
	e.Int("rssi", int64(b[2]))
	c.raise(e, uint16(b[3]), false)
	c.language(e, b[4:5])
	c.modules(e, b[5:])
	return true
}

// statusSEEWORLD reads message 0xA3 of SEEWORLD, 7 or 19 bytes:
//
//	status 1 | extension 2 | voltage level 1 | signal 1 | external volts 1 | language 1
//	sound 1 | light 1 | steps 4 | battery % 1 | charging 1 | moving 1 | spare 3
func (c *call) statusSEEWORLD(e *protocols.Event) bool {
	b := c.info
	c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
	e.Int("extension", int64(binary.BigEndian.Uint16(b[1:])))
	if len(b) == 7 {
		c.charge(e, b[3])
	} else {
		e.Int("voltage_level", int64(b[3]))
	}
	e.Int("rssi", int64(b[4]))
	e.Int("power_v", int64(b[5]))
	c.language(e, b[6:7])
	if len(b) == 7 {
		return true
	}
	e.Int("sound", int64(b[7]))
	e.Int("light", int64(b[8]))
	e.Int("steps", int64(binary.BigEndian.Uint32(b[9:])))
	c.percent(e, b[13])
	e.Bool("charger", b[14] != 0)
	e.Bool("motion", b[15] != 0)
	if !allZero(b[16:]) {
		c.unread(e, b[16:])
	}
	return true
}
