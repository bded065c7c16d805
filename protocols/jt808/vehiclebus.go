package jt808

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Subtypes of the vehicle bus data.
const (
	busValues  = 0x01
	busCodes   = 0x02
	busAlarms  = 0x03
	busVIN     = 0x0b
	busDriving = 0x15
)

// vehicleBus reads type 0xf0: time 6, stored 1, vehicle type 1, subtype 1, data, and in most subtypes status 4, latitude 4, longitude 4.
func (c *call) vehicleBus(e *protocols.Event, b []byte) bool {
	if len(b) < 9 || !plausible(b) {
		return false
	}
	c.setTime(e, b, false)
	if b[6] == 1 {
		e.Stored = true
		e.Bool("archive", true)
	}
	e.Int("vehicle_type", int64(b[7]))
	e.Int("subtype", int64(b[8]))
	r := protocols.NewReader(b[9:])
	ok := true
	switch b[8] {
	case busValues:
		ok = busItems(e, &r) && c.busPlace(e, &r)
	case busCodes:
		ok = faultCodes(e, &r) && c.busPlace(e, &r)
	case busAlarms:
		ok = busAlarmList(e, &r) && c.busPlace(e, &r)
	case busVIN:
		e.Int("vin_flag", int64(r.U8()))
		ok = r.Err() == nil && words(e, "vin", r.Rest())
	case busDriving:
		drivingEvent(e, r.U32())
	}
	if !ok || r.Err() != nil {
		return false
	}
	if r.Len() > 0 {
		hexText(e, "raw", r.Rest())
	}
	return true
}

// busPlace reads status 4, latitude 4, longitude 4, which stand behind the data.
func (c *call) busPlace(e *protocols.Event, r *protocols.Reader) bool {
	b := r.Bytes(12)
	if b == nil {
		return false
	}
	status := binary.BigEndian.Uint32(b)
	e.Kind = protocols.Position
	c.place(e, status, b[4:])
	c.states(e, status)
	return true
}

// busItem is the meaning of the values of subtype 01.
func busItem(id uint16) meaning {
	switch id {
	case 0x0102, 0x0528, 0x0546:
		return meaning{name: "obd_odometer_m", factor: 100}
	case 0x0103, 0x052a:
		return meaning{name: "fuel_l", scale: 2}
	case 0x0105, 0x052c:
		return meaning{name: "fuel_used_l", scale: 2}
	case 0x0111:
		return meaning{name: "fuel_temp_c", offset: -40}
	case 0x052b:
		return meaning{name: "fuel_pct"}
	case 0x052d:
		return meaning{name: "coolant_c", offset: -40}
	case 0x052e:
		return meaning{name: "intake_air_c", offset: -40}
	case 0x0530:
		return meaning{name: "power_v", scale: 3}
	case 0x0535:
		return meaning{name: "vehicle_speed_kmh", scale: 1}
	case 0x0536:
		return meaning{name: "rpm"}
	case 0x0547:
		return meaning{name: "throttle_pct"}
	}
	return meaning{}
}

// busItems reads count 1, then id 2, length 1 and value of each.
func busItems(e *protocols.Event, r *protocols.Reader) bool {
	var rest []byte
	for count := int(r.U8()); count > 0; count-- {
		whole := r.Peek(3)
		if whole == nil {
			return false
		}
		if whole = r.Bytes(3 + int(whole[2])); whole == nil {
			return false
		}
		id, v := binary.BigEndian.Uint16(whole), whole[3:]
		first := len(e.Attrs)
		ok := false
		if id == 0xfeec {
			ok = words(e, "vin", v)
		} else {
			ok = busItem(id).add(e, v)
		}
		if !ok || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, whole...)
		}
	}
	if len(rest) > 0 {
		hexText(e, "bus_data", rest)
	}
	return r.Err() == nil
}

// faultCodes reads count 2, then for each system its id 4, count 2, and for each code 4, status 4, length 2, text.
func faultCodes(e *protocols.Event, r *protocols.Reader) bool {
	l := newList()
	for systems := int(r.U16()); systems > 0 && r.Err() == nil; systems-- {
		system := r.U32()
		for codes := int(r.U16()); codes > 0; codes-- {
			code, status := r.U32(), r.U32()
			words := r.Bytes(int(r.U16()))
			if r.Err() != nil {
				return false
			}
			l.open()
			l.num(`{"system":`, int64(system))
			l.num(`,"code":`, int64(code))
			l.num(`,"status":`, int64(status))
			if len(words) > 0 {
				l.hex(`,"text":`, words)
			}
			l.end()
		}
	}
	l.add(e, "fault_codes")
	return r.Err() == nil
}

// busAlarm is the alarm of an id of subtype 03.
func busAlarm(id byte) string {
	switch id {
	case 0x01:
		return "power_restored"
	case 0x02:
		return "power_cut"
	case 0x0e:
		return "idling"
	case 0x1a:
		return "harsh_accel"
	case 0x1b:
		return "harsh_brake"
	case 0x1c:
		return "harsh_corner"
	case 0x1d, 0x1e, 0x1f:
		return "lane_change"
	case 0x23:
		return "fatigue"
	case 0x25:
		return "overspeed"
	case 0x26, 0x27, 0x28:
		return "collision"
	case 0x31, 0x32:
		return "door"
	}
	return ""
}

// busAlarmList reads count 1, then id 1, length 1 and value of each.
func busAlarmList(e *protocols.Event, r *protocols.Reader) bool {
	l := newList()
	for count := int(r.U8()); count > 0; count-- {
		id := r.U8()
		v := r.Bytes(int(r.U8()))
		if r.Err() != nil {
			return false
		}
		if name := busAlarm(id); name != "" {
			raise(e, name)
		}
		l.open()
		l.num(`{"id":`, int64(id))
		l.hex(`,"data":`, v)
		l.end()
	}
	l.add(e, "bus_alarms")
	return r.Err() == nil
}

// drivingEvent reads subtype 15.
func drivingEvent(e *protocols.Event, event uint32) {
	e.Text("event_text", fmt.Sprintf("%02x", event))
	switch event {
	case 0x51:
		raise(e, "harsh_accel")
	case 0x52:
		raise(e, "harsh_brake")
	case 0x53:
		raise(e, "harsh_corner")
	case 0x54:
		raise(e, "lane_change")
	case 0x56:
		raise(e, "collision")
	}
}
