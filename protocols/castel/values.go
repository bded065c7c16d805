package castel

import "github.com/trackgate/trackgate/protocols"

// pidSizes are the sizes of values by the low byte of a PID, which is SAE's of mode 1; 0: not known.
var pidSizes = sizes()

func sizes() (list [256]uint8) {
	set := func(size uint8, ranges ...[2]int) {
		for _, r := range ranges {
			for i := r[0]; i <= r[1]; i++ {
				list[i] = size
			}
		}
	}
	set(1, [2]int{0x04, 0x09}, [2]int{0x0b, 0x0b}, [2]int{0x0d, 0x0f}, [2]int{0x11, 0x13}, [2]int{0x1c, 0x1e}, [2]int{0x2c, 0x30},
		[2]int{0x33, 0x33}, [2]int{0x43, 0x43}, [2]int{0x45, 0x4c}, [2]int{0x51, 0x52}, [2]int{0x5a, 0x5a})
	set(2, [2]int{0x02, 0x03}, [2]int{0x0a, 0x0a}, [2]int{0x0c, 0x0c}, [2]int{0x10, 0x10}, [2]int{0x14, 0x1b}, [2]int{0x1f, 0x1f},
		[2]int{0x21, 0x23}, [2]int{0x31, 0x32}, [2]int{0x3c, 0x3f}, [2]int{0x42, 0x42}, [2]int{0x44, 0x44}, [2]int{0x4d, 0x4e},
		[2]int{0x50, 0x50}, [2]int{0x53, 0x59}, [2]int{0x9d, 0x9d})
	set(4, [2]int{0x00, 0x01}, [2]int{0x20, 0x20}, [2]int{0x24, 0x2b}, [2]int{0x34, 0x3b}, [2]int{0x40, 0x41}, [2]int{0x4f, 0x4f},
		[2]int{0x67, 0x67}, [2]int{0xa6, 0xa6})
	return list
}

// meaning is what a PID is called here, and how its value becomes the unit's: (SAE's number * mul + add) / 10^scale, or, where per is set, SAE's number *
// mul / per.
type meaning struct {
	name  string
	mul   int64
	add   int64
	scale uint8
	per   int64
}

var meanings = [256]meaning{
	0x04: {name: "engine_load_pct", mul: 100, per: 255},
	0x05: {name: "coolant_c", mul: 1, add: -40},
	0x0b: {name: "intake_map_kpa", mul: 1},
	0x0c: {name: "rpm", mul: 25, scale: 2},
	0x0d: {name: "vehicle_speed_kmh", mul: 1},
	0x0f: {name: "intake_air_c", mul: 1, add: -40},
	0x11: {name: "throttle_pct", mul: 100, per: 255},
	0x1f: {name: "engine_runtime_s", mul: 1},
	0x21: {name: "mil_distance_km", mul: 1},
	0x2f: {name: "fuel_pct", mul: 100, per: 255},
	0x31: {name: "dtc_cleared_km", mul: 1},
	0x42: {name: "power_v", mul: 1, scale: 3},
	0x5e: {name: "fuel_rate_lph", mul: 5, scale: 2},
	0xa6: {name: "obd_odometer_m", mul: 100},
}

// value keeps the value of a PID, once. converted: it comes in its unit, but for volts, which are mV always, and the odometer.
func value(e *protocols.Event, pid uint16, v uint32, converted bool) {
	m := &meanings[pid&0xff]
	name := m.name
	if name == "" {
		name = protocols.IOKey(pid)
	}
	if _, told := e.Attrs.Get(name); told {
		return
	}
	switch raw := int64(v); {
	case m.name == "" || converted && pid&0xff != 0x42 && pid&0xff != 0xa6:
		e.Int(name, raw)
	case m.per != 0:
		e.Dec(name, (raw*m.mul*10+m.per/2)/m.per, 1)
	default:
		e.Dec(name, raw*m.mul+m.add, m.scale)
	}
}

// Tags of 401F.
const (
	tagPIDs       = 0x0002
	tagFaults     = 0x0006
	tagAlarms     = 0x0007
	tagTruck      = 0x000b
	tagTempDevice = 0x0010
	tagTemp1      = 0x0011
	tagTemp4      = 0x0014
	tagPower      = 0x0020
	tagBattery    = 0x0021
)

var tempNames = [...]string{"temp_device_c", "temp1_c", "temp2_c", "temp3_c", "temp4_c"}

// tag keeps an item of 401F:
//
//	PIDs           n 1, number 2, length 2, value
//	faults         flag 1 | n 1, trouble codes 2
//	truck          trouble codes 4 | lamp 2
//	temperatures   0.1 degree 2
//	voltages       0.01 V 2
//
// What is none of them, or no such, is kept in hex under its number.
func (c *call) tag(e *protocols.Event, tag uint16, b []byte) {
	name := ""
	switch {
	case tag == tagPIDs && c.pids(e, b):
		return
	case tag == tagFaults && len(b) >= 2 && len(b) == 2+2*int(b[1]):
		name = "dtcs"
	case tag == tagTruck && len(b) >= 2 && len(b)%4 == 2:
		name = "dtcs"
	case tag >= tagTempDevice && tag <= tagTemp4 && len(b) == 2:
		name = tempNames[tag-tagTempDevice]
	case tag == tagPower && len(b) == 2:
		name = "power_v"
	case tag == tagBattery && len(b) == 2:
		name = "battery_v"
	}
	if _, told := e.Attrs.Get(name); name == "" || told {
		if name = protocols.IOKey(tag); len(b) > 0 {
			if _, told := e.Attrs.Get(name); !told {
				hexText(e, name, b)
			}
		}
		return
	}
	switch tag {
	case tagFaults:
		e.Int("flag", int64(b[0]))
		troubles(e, b[2:], 2)
	case tagTruck:
		troubles(e, b[:len(b)-2], 4)
		e.Int("mil_state", int64(number(b[len(b)-2:])))
	case tagPower, tagBattery:
		e.Dec(name, int64(number(b)), 2)
	default:
		e.Dec(name, int64(int16(number(b))), 1)
	}
}

// pids reads count 1, and number 2, length 2 and value of each PID; false, and nothing kept, when they do not fit.
func (c *call) pids(e *protocols.Event, b []byte) bool {
	if len(b) < 1 {
		return false
	}
	n, list := int(b[0]), b[1:]
	for rest := list; ; n-- {
		if n == 0 {
			if len(rest) > 0 {
				return false
			}
			break
		}
		if len(rest) < 4 || int(number(rest[2:4])) > len(rest)-4 || number(rest[2:4]) > 4 {
			return false
		}
		rest = rest[4+int(number(rest[2:4])):]
	}
	converted := c.converted()
	for len(list) > 0 {
		size := int(number(list[2:4]))
		value(e, uint16(number(list[:2])), number(list[4:4+size]), converted)
		list = list[4+size:]
	}
	return true
}
