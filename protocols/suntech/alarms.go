package suntech

import "github.com/trackgate/trackgate/protocols"

// emergencies are the ids of EMG messages.
var emergencies = [...]string{1: "sos", 2: "parking", 3: "power_cut", 5: "door", 6: "door", 7: "movement", 8: "vibration"}

// alerts are the ids of ALT messages that raise an alarm; the others tell that something ended, or a state.
var alerts = [133]string{
	1: "overspeed", 3: "gps_antenna_cut", 5: "geofence_exit", 6: "geofence_enter", 8: "gps_antenna_short", 13: "fault", 14: "low_battery",
	15: "vibration", 16: "collision", 40: "power_restored", 41: "power_cut", 42: "sos", 46: "harsh_accel", 47: "harsh_brake",
	48: "harsh_corner", 50: "jamming", 68: "parking", 132: "door",
}

const (
	alertIgnitionOn  = 33
	alertIgnitionOff = 34
	alertDriver      = 59 // a driver's key was read
)

// emergency reads the id of an EMG message.
func emergency(e *protocols.Event, id int64) {
	e.Int("alarm_code", id)
	e.Alarm = "general"
	if id >= 0 && id < int64(len(emergencies)) && emergencies[id] != "" {
		e.Alarm = emergencies[id]
	}
}

// alert reads the id of an ALT message.
func alert(e *protocols.Event, id int64) {
	e.Int("alarm_code", id)
	if id >= 0 && id < int64(len(alerts)) {
		e.Alarm = alerts[id]
	}
	if id != alertIgnitionOn && id != alertIgnitionOff {
		return
	}
	if _, sent := e.Attrs.Get("ignition"); !sent {
		e.Bool("ignition", id == alertIgnitionOn)
	}
}
