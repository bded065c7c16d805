package queclink

import "github.com/trackgate/trackgate/protocols"

// Bits of the mask of GTERI, in the order of the blocks that they announce.
const (
	eriFuel       = 1 << 0
	eriOneWire    = 1 << 1
	eriCAN        = 1 << 2
	eriLevel      = 1 << 3
	eriVolume     = 1 << 4
	eriRF433      = 1 << 7
	eriAccessory  = 1 << 8
	maxDevices    = 64 // bounds what a count in a message may announce
	oneWireTenths = 16 // steps of a 1-wire thermometer in a degree
)

// blocks reads the UART type, or a reserved field, at i and the blocks behind it.
func (c *call) blocks(e *protocols.Event, i int) {
	mask, ok := readHex(c.m.at(c.body))
	if !ok || i >= c.end {
		return
	}
	c.number(e, "uart", i)
	i++
	if mask&eriFuel != 0 {
		c.hex(e, "fuel_level", i)
		i++
	}
	if mask&eriOneWire != 0 {
		i = c.oneWire(e, i)
	}
	if mask&eriCAN != 0 {
		i = c.canValues(e, i, c.end)
	}
	if mask&(eriLevel|eriVolume) != 0 {
		i = c.fuelSensors(e, i, mask)
	}
	if mask&eriRF433 != 0 {
		i = c.radioSensors(e, i)
	}
	if mask&eriAccessory != 0 {
		c.accessories(e, i)
	}
}

// devices reads a count of devices.
func (c *call) devices(i int) int {
	n, ok := readInt(c.m.at(i))
	if !ok || n < 0 || n > maxDevices || i >= c.end {
		return 0
	}
	c.m.take(i)
	return int(n)
}

var thermometers = [...]string{"temp1_c", "temp2_c", "temp3_c", "temp4_c"}

// oneWire reads a count and id, type and data of each device: a signed number of sixteenths of a degree.
func (c *call) oneWire(e *protocols.Event, i int) int {
	var l list
	sensor := 0
	n := c.devices(i)
	for i++; n > 0 && i+2 < c.end; i, n = i+3, n-1 {
		data, kind := c.m.take(i+2), c.m.take(i+1)
		l.begin()
		l.text("id", c.m.take(i))
		l.text("type", kind)
		l.text("data", data)
		if v, ok := readHex(data); ok && len(data) == 4 && string(kind) == "1" && sensor < len(thermometers) && !has(e, thermometers[sensor]) {
			l.float("temp_c", float64(int16(v))/oneWireTenths)
			e.Dec(thermometers[sensor], int64(int16(v))*625, 4)
			sensor++
		}
		l.end()
	}
	l.add(e, "one_wire")
	return i
}

// fuelSensors reads a count and, of each sensor, its type, and level and volume as the mask says.
func (c *call) fuelSensors(e *protocols.Event, i int, mask uint64) int {
	n := c.devices(i)
	i++
	for k := range n {
		if i >= c.end {
			break
		}
		first := k == 0
		if first {
			c.number(e, "fuel_sensor", i)
		}
		i++
		if mask&eriLevel != 0 {
			if first {
				c.number(e, "fuel_pct", i)
			}
			i++
		}
		if mask&eriVolume != 0 {
			if first {
				c.number(e, "fuel_l", i)
			}
			i++
		}
	}
	return i
}

// radioSensors reads a count and, of each 433 MHz sensor, serial number, type, temperature and, of type 2, humidity.
func (c *call) radioSensors(e *protocols.Event, i int) int {
	var l list
	n := c.devices(i)
	for i++; n > 0 && i+2 < c.end; n-- {
		l.begin()
		l.text("id", c.m.take(i))
		kind := c.m.take(i + 1)
		l.text("type", kind)
		l.decimal("temp_c", c.m.take(i+2), 0)
		i += 3
		if string(kind) == "2" {
			l.decimal("humidity_pct", c.m.take(i), 0)
			i++
		}
		l.end()
	}
	l.add(e, "radio_sensors")
	return i
}

// accessories reads a count and, of each Bluetooth accessory: index, type, model, [GV600M: length], raw data, mask, and fields by mask.
func (c *call) accessories(e *protocols.Event, i int) {
	var l list
	n := c.devices(i)
	for i++; n > 0 && i+4 < c.end; n-- {
		l.begin()
		l.text("index", c.m.take(i))
		l.text("type", c.m.take(i+1))
		l.text("model", c.m.take(i+2))
		if i += 3; c.model.name == "gv600m" {
			c.m.take(i)
			i++
		}
		if raw := c.m.take(i); len(raw) > 0 {
			l.text("raw", raw)
		}
		mask, _ := readHex(c.m.take(i + 1))
		i = c.masked(&l, i+2, mask)
		l.end()
	}
	l.add(e, "beacons")
}

// masked reads the fields of an accessory that its mask announces. What one of them means is known up to bit 5; of the others some have
// more than one field on some models, so that the last accessory of a message takes all that is left.
func (c *call) masked(l *list, i int, mask uint64) int {
	for bit := 0; bit < 15 && i < c.end; bit++ {
		if mask>>bit&1 == 0 {
			continue
		}
		v := c.m.take(i)
		i++
		if len(v) == 0 {
			continue
		}
		switch bit {
		case 0:
			l.text("name", v)
		case 1:
			l.mac(v)
		case 2:
			l.name("available")
			l.b = append(l.b, map[bool]string{true: "true", false: "false"}[string(v) == "1"]...)
		case 3:
			l.decimal("battery_v", v, 3)
		case 4:
			l.decimal("temp_c", v, 0)
		case 5:
			l.decimal("humidity_pct", v, 0)
		case 9:
			l.decimal("pressure_kpa", v, 0)
		case 11:
			l.decimal("temp_fine_c", v, 0)
		case 13:
			l.decimal("battery_pct", v, 0)
		default:
			l.decimal(maskNames[bit], v, 0)
		}
	}
	return i
}

var maskNames = [15]string{6: "bit6", 7: "io", 8: "event", 10: "timestamp", 12: "magnet", 14: "relay"}

// accessory reads what stands in front of the group of GTBAA (index, type, model, alarm, mask) and of GTBID (count, model, mask), and the
// fields that the mask announces.
func (c *call) accessory(e *protocols.Event, alarm bool, g int) {
	i := c.body
	var l list
	l.begin()
	if alarm {
		l.text("index", c.m.take(i))
		l.text("type", c.m.take(i+1))
		l.text("model", c.m.take(i+2))
		if v, ok := readHex(c.m.take(i + 3)); ok && v <= 0xff {
			e.Int("alarm_code", int64(v))
			e.Alarm = "general"
		}
		i += 4
	} else {
		c.number(e, "accessory_count", i)
		l.text("model", c.m.take(i+1))
		i += 2
	}
	if mask, ok := readHex(c.m.at(i)); ok && i < g {
		c.m.take(i)
		end := c.end
		c.end = g
		c.masked(&l, i+1, mask)
		c.end = end
	}
	l.end()
	l.add(e, "beacons")
}
