package castel

import (
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// alarmNames are the alarms by type.
var alarmNames = [...]string{0x01: "overspeed", 0x02: "low_power", 0x03: "coolant_high", 0x04: "harsh_accel", 0x05: "harsh_brake", 0x06: "idling",
	0x07: "tow", 0x08: "high_rpm", 0x09: "power_on", 0x0a: "fault", 0x0b: "lane_change", 0x0c: "harsh_corner", 0x0d: "fatigue",
	0x0e: "power_off", 0x0f: "geofence", 0x10: "sos", 0x11: "collision", 0x12: "tampering", 0x13: "theft", 0x14: "illegal_start",
	0x15: "fault", 0x16: "ignition_on", 0x17: "ignition_off", 0x18: "fault", 0x19: "unlock", 0x1a: "driver", 0x1b: "general", 0x1c: "vibration"}

// Alarms that say how the ignition is.
const (
	alarmIgnitionOn  = 0x16
	alarmIgnitionOff = 0x17
)

// alarmSize is that of an alarm: 1 new or 0 ended 1 | type 1 | value 2 | threshold 2.
const alarmSize = 6

// alarms reads 4007 behind its index: state | positions | alarms.
func (c *call) alarms(r *protocols.Reader) error {
	s, err := readStat(r)
	if err != nil {
		return err
	}
	list, err := items(r)
	if err != nil {
		return err
	}
	if head := r.Peek(1 + alarmSize); head != nil && head[0] > 0 {
		if on, ok := ignitionOf(head[1:]); ok {
			s.on = on // the state may be older than what the alarm says
		}
	}
	settle(c.positions(s, list, false))
	if r.Len() == 0 {
		return nil
	}
	rest := c.raise(r)
	if len(rest) > 0 {
		hexText(&c.f.Events[len(c.f.Events)-1], "raw", rest)
	}
	return nil
}

// raise reads count 1 and alarms. The first belongs to the last event, each other gets one of its own at the same place and time. It
// returns what is left.
func (c *call) raise(r *protocols.Reader) []byte {
	n := int(r.U8())
	for i := 0; i < n && r.Len() >= alarmSize; i++ {
		b := r.Bytes(alarmSize)
		at := len(c.f.Events) - 1
		if i > 0 {
			c.f.Add(protocols.Status)
			last, e := &c.f.Events[at], &c.f.Events[at+1]
			attrs := e.Attrs
			*e = *last
			e.Attrs, e.Kind, e.Alarm = attrs, protocols.Status, ""
			e.Int("type", int64(c.kind))
			if on, ok := ignitionOf(b); ok {
				e.Bool("ignition", on)
			}
			at++
		}
		e := &c.f.Events[at]
		e.FP ^= protocols.Fingerprint(b)
		alarm(e, b)
		settle(e)
	}
	return r.Rest()
}

// alarm reads one alarm: raised when it is new.
func alarm(e *protocols.Event, b []byte) {
	code := b[1]
	value, threshold := int64(b[2])|int64(b[3])<<8, int64(b[4])|int64(b[5])<<8
	e.Int("alarm_code", int64(code))
	e.Int("alarm_value", value)
	e.Int("alarm_threshold", threshold)
	if b[0] == 0 {
		e.Bool("alarm_ended", true)
		return
	}
	e.Alarm = "general"
	if int(code) < len(alarmNames) && alarmNames[code] != "" {
		e.Alarm = alarmNames[code]
	}
}

// ignitionOf is what an alarm says of the ignition, if it does.
func ignitionOf(b []byte) (on, ok bool) {
	switch {
	case b[0] == 0:
		return false, false
	case b[1] == alarmIgnitionOn:
		return true, true
	}
	return false, b[1] == alarmIgnitionOff
}

func hexText(e *protocols.Event, name string, b []byte) { e.Text(name, hex.EncodeToString(b)) }
