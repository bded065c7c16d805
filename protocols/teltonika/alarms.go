package teltonika

import "github.com/trackgate/trackgate/protocols"

// alarm is what it means that an element caused a record.
type alarm uint8

const (
	noAlarm alarm = iota
	sosAlarm
	towAlarm
	collisionAlarm
	jammingAlarm
	idlingAlarm
	powerCutAlarm
	gnssJammingAlarm
	fallAlarm
	greenDrivingAlarm
	overspeedAlarm
	geofenceAlarm
)

// The alarms up to fallAlarm are states that last: each has a bit in the masks.
const lastState = fallAlarm

func (a alarm) bit() byte { return 1 << (a - 1) }

var stateNames = [...]string{sosAlarm: "sos", towAlarm: "tow", collisionAlarm: "collision", jammingAlarm: "jamming",
	idlingAlarm: "idling", powerCutAlarm: "power_cut", gnssJammingAlarm: "jamming", fallAlarm: "fall"}

// name is the alarm that a value of the element stands for; empty for none.
func (a alarm) name(raw uint64) string {
	switch a {
	case greenDrivingAlarm:
		switch raw {
		case 1:
			return "harsh_accel"
		case 2:
			return "harsh_brake"
		case 3:
			return "harsh_corner"
		}
	case overspeedAlarm: // start or end: the value is the speed
		return "overspeed"
	case geofenceAlarm:
		switch raw {
		case 0:
			return "geofence_exit"
		case 1:
			return "geofence_enter"
		case 3:
			return "overspeed"
		}
	case gnssJammingAlarm:
		if raw >= 2 { // 1 is a warning
			return stateNames[a]
		}
	default:
		if raw > 0 {
			return stateNames[a]
		}
	}
	return ""
}

// alarm notes an element that can be one. It is one when it caused the record.
func (r *recordReader) alarm(el *element, id uint16, raw uint64, i int) {
	name := el.alarm.name(raw)
	if id == r.cause && name != "" {
		r.raised = name
	}
	if el.alarm <= lastState {
		r.alarms = true
		r.known[i] |= el.alarm.bit()
		if name != "" {
			r.on[i] |= el.alarm.bit()
		}
	}
}

// changes raises the alarms of records that say no cause: a state that came on since the record before. What is not known
// of the state before is no change. The packet is gone through in the order of its times, whichever way it was sent.
func (r *recordReader) changes(events []protocols.Event, m *memory) {
	n := len(events)
	first, step := 0, 1
	if n > 1 && events[0].Time > events[n-1].Time {
		first, step = n-1, -1
	}
	for k, i := 0, first; k < n; k, i = k+1, i+step {
		risen := r.known[i] & m.known & r.on[i] &^ m.on
		m.known |= r.known[i]
		m.on = m.on&^r.known[i] | r.on[i]
		e := &events[i]
		if risen == 0 || e.Alarm != "" {
			continue
		}
		if _, caused := e.Attrs.Get("event"); caused {
			continue
		}
		for a := sosAlarm; a <= lastState; a++ {
			if risen&a.bit() != 0 {
				e.Alarm, e.Kind = stateNames[a], protocols.Alarm
				break
			}
		}
	}
}

// panicPriority is the priority of a panic button.
const panicPriority = 2

// kind settles what the record is. A panic priority without a cause that has a name is a panic.
func (r *recordReader) kind() {
	e := r.event
	if r.raised == "" && r.priority == panicPriority && (r.cause == 0 || r.family.element(r.cause).rule == unknownRule) {
		r.raised = "sos"
	}
	switch {
	case r.raised != "":
		e.Alarm, e.Kind = r.raised, protocols.Alarm
	case e.Has&protocols.HasFix == 0:
		e.Kind = protocols.Status
	}
}
