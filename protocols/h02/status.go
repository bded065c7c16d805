package h02

import "github.com/trackgate/trackgate/protocols"

// Conditions of the status word, which are present where the bit is 0.
const (
	statusIgnitionOff = 1 << 10
	statusBlocked     = 1 << 27
)

// alarmBits are the conditions that raise an alarm, the gravest first. The place in this list is the bit in Session.State.
var alarmBits = [...]struct {
	mask  uint32 // any of these bits 0
	alarm string
}{
	{1<<1 | 1<<18, "sos"},
	{1 << 19, "power_cut"},
	{1 << 0, "vibration"},
	{1 << 2, "overspeed"},
	{1 << 4, "geofence_enter"},
	{1 << 7, "geofence_exit"},
}

// status adds what the status word says. A condition raises its alarm when it appears, not in each record while it lasts.
func (c *call) status(e *protocols.Event, word uint32, ignition bool) {
	e.Int("status", int64(word))
	if acc, _ := c.s.Options.Get("acc"); ignition && acc != "false" {
		e.Bool("ignition", word&statusIgnitionOff != 0)
	}
	if word&statusBlocked == 0 {
		e.Bool("blocked", true)
	}
	if e.Kind == protocols.CommandResult {
		return // the next record raises what there is to raise
	}
	var now uint8
	for i := range alarmBits {
		if word&alarmBits[i].mask != alarmBits[i].mask {
			now |= 1 << i
		}
	}
	before := alarms(c.s.State)
	for i := range alarmBits {
		if now&^before&(1<<i) != 0 {
			e.Alarm = alarmBits[i].alarm
			break
		}
	}
	setAlarms(c.s, now)
}

// batteryPct reads a battery code: levels 1 to 6, or a percentage from 7 on. False: not known.
func batteryPct(code int) (pct int, ok bool) {
	if code >= 0xf1 && code <= 0xf6 {
		code -= 0xf0
	}
	switch {
	case code >= 1 && code <= 3:
		return (code - 1) * 10, true
	case code >= 4 && code <= 6:
		return (code - 1) * 20, true
	case code >= 7 && code <= 100:
		return code, true
	}
	return 0, false
}
