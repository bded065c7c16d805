package jt808

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// cameraAlarms are the event codes of JC dash cameras that are alarms.
func cameraAlarm(code uint16) string {
	switch code {
	case 0x0001:
		return "fault"
	case 0x0400, 0x0412:
		return "harsh_accel"
	case 0x0401, 0x0413:
		return "harsh_brake"
	case 0x0402, 0x0414:
		return "harsh_corner"
	case 0x0403:
		return "overspeed"
	case 0x0405, 0x0416, 0x0417:
		return "collision"
	case 0x0406:
		return "vibration"
	case 0x0407:
		return "tow"
	case 0x0408:
		return "geofence_enter"
	case 0x0409:
		return "geofence_exit"
	case 0x040c:
		return "door"
	case 0x0415:
		return "lane_change"
	case 0x0c01:
		return "sos"
	case 0x0c02:
		return "low_power"
	case 0x0c03:
		return "ignition_on"
	case 0x0c04:
		return "ignition_off"
	case 0x0c0e:
		return "power_cut"
	case 0x0c0f:
		return "low_battery"
	case 0x0c10:
		return "power_off"
	case 0x0c12:
		return "tampering"
	}
	return ""
}

// camera reads item 0xe8: code 2, length 1, details.
func camera(e *protocols.Event, v []byte) bool {
	if len(v) < 2 {
		return false
	}
	code := binary.BigEndian.Uint16(v)
	if len(v) == 2 {
		if cameraAlarm(code) == "" {
			e.Int("lock_status_code", int64(code))
			return true
		}
		v = append(v[:2:2], 0)
	}
	if len(v) == 3 && v[2] != 0 {
		e.Int("lock_status_code", int64(number(v)))
		return true
	}
	d := v[3:]
	if int(v[2]) != len(d) {
		return false
	}
	switch {
	case code == 0x2002 && len(d) == 1:
		e.Int("upload_mode", int64(d[0]))
		return true
	case code == 0x2003 && len(d) == 7:
		e.Bool("charging", d[0] == 1)
		e.Int("battery_level", int64(d[1]))
		if d[1] <= 6 {
			e.Int("battery_pct", int64(d[1])*100/6)
		}
		e.Dec("battery_v", int64(number(d[2:4])), 2)
		// The signal is also item 0x30, on another scale.
		e.Int("signal_level", int64(d[4]))
		e.Dec("power_v", int64(number(d[5:7])), 2)
		return true
	case code == 0x2005:
		return cameraStates(e, d)
	}
	if name := cameraAlarm(code); name != "" {
		raise(e, name)
	}
	e.Int("event", int64(code))
	if len(d) > 0 {
		hexText(e, "event_data", d)
	}
	return true
}

// cameraStates reads parts of id 2, length 1, value.
func cameraStates(e *protocols.Event, b []byte) bool {
	var rest []byte
	for len(b) >= 3 {
		n := int(b[2])
		if n > len(b)-3 {
			break
		}
		first := len(e.Attrs)
		if !cameraState(e, binary.BigEndian.Uint16(b), b[3:3+n]) || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, b[:3+n]...)
		}
		b = b[3+n:]
	}
	if rest = append(rest, b...); len(rest) > 0 {
		hexText(e, protocols.IOKey(0xe8), rest)
	}
	return true
}

func cameraState(e *protocols.Event, id uint16, v []byte) bool {
	switch id {
	case 0x0001:
		return decimal(e, "battery_v", v, 2, 2)
	case 0x0002:
		if len(v) == 0 || len(v) > 4 {
			return false
		}
		e.Int("data_used", int64(number(v)))
		return true
	case 0x0003:
		return small(e, "battery_pct", v, 1)
	case 0x0004:
		if len(v) != 1 {
			return false
		}
		e.Bool("charging", v[0] == 0)
		return true
	case 0x0005:
		if len(v) != 10 {
			return false
		}
		e.Text("iccid", digitsOf(v))
		return true
	case 0x0007:
		if len(v) != 2 {
			return false
		}
		e.SetHDOP(float64(binary.BigEndian.Uint16(v)) / 10)
		return true
	case 0x2001:
		return decimal(e, "power_v", v, 2, 1)
	}
	return false
}

// climateParts reads item 0xea: kind 1, then parts of id 1, length 1, value.
func (c *call) climateParts(e *protocols.Event, v []byte) bool {
	if len(v) < 1 || !listed(v[1:]) {
		return false
	}
	e.Int("climate_kind", int64(v[0]))
	var rest []byte
	for v = v[1:]; len(v) >= 2; v = v[2+int(v[1]):] {
		id, part := v[0], v[2:2+int(v[1])]
		first := len(e.Attrs)
		if !climate(e, id, part) || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, v[:2+len(part)]...)
		}
	}
	if len(rest) > 0 {
		hexText(e, protocols.IOKey(0xea), rest)
	}
	return true
}

func climate(e *protocols.Event, id byte, v []byte) bool {
	if len(v) == 0 || len(v) > 4 {
		return false
	}
	n := int64(number(v))
	switch id {
	case 0x11:
		e.Int("sensor_alarm", n)
	case 0x13:
		e.Int("light_lux", n)
	case 0x14:
		e.Int("air_pressure", n)
	case 0x15:
		e.Dec("humidity_pct", n, 1)
	case 0x16:
		e.Dec("temp1_c", n-500, 1)
	default:
		return false
	}
	return true
}
