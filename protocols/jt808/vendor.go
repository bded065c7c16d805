package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/trackgate/trackgate/protocols"
)

// vendor reads an item of a vendor: the same number means different things, told apart by length, then by model. False: it is none that
// is known, and what was added for it is dropped.
func (c *call) vendor(e *protocols.Event, id byte, v []byte) bool {
	switch {
	case id < 0x50:
		return c.vendorLow(e, id, v)
	case id < 0xe0:
		return c.vendorMiddle(e, id, v)
	}
	return c.vendorHigh(e, id, v)
}

// vendorLow reads items below 0x50.
func (c *call) vendorLow(e *protocols.Event, id byte, v []byte) bool {
	switch id {
	case 0x0b:
		return lockEvent(e, v)
	case 0x33:
		if len(v) == 1 {
			e.Int("mode", int64(v[0]))
			return true
		}
		return lockStatus(e, v)
	}
	return false
}

// vendorMiddle reads items 0x50 to 0xdf.
func (c *call) vendorMiddle(e *protocols.Event, id byte, v []byte) bool {
	switch id {
	case 0x51:
		return temperatures(e, v)
	case 0x52:
		return small(e, "drum", v, 1)
	case 0x53, 0x5d:
		return c.countedCells(id, v)
	case 0x54:
		if len(v) == 0 || len(v) != 1+7*int(v[0]) {
			return false
		}
		c.record.wifi.points(v[1:])
	case 0x56:
		return levelAndPercent(e, v)
	case 0x57:
		return c.switches(e, v)
	case 0x60:
		return cardEvent(e, v)
	case 0x61:
		return decimal(e, "power_v", v, 2, 2)
	case 0x63:
		return sealLocks(e, v)
	case 0x64:
		return safetyAlarm(e, "adas_alarm", v)
	case 0x65:
		return safetyAlarm(e, "dms_alarm", v)
	case 0x67:
		if len(v) != 8 || !printable(v) {
			return false
		}
		e.Text("lock_password", string(v))
	case 0x68:
		return decimal(e, "battery_pct", v, 2, 2)
	case 0x69:
		return decimal(e, "battery_v", v, 2, 2)
	case 0x70:
		return harshEvent(e, v)
	case 0x77:
		return tyres(e, v)
	case 0x80:
		return c.obdParts(e, v)
	case 0x82, 0xd3:
		return decimal(e, "power_v", v, 2, 1)
	case 0x91:
		return obdBlock(e, v)
	case 0x94:
		return words(e, "vin", v)
	case 0xa7:
		if len(v) != 4 {
			return false
		}
		e.Dec("adc1_v", int64(number(v[:2])), 2)
		e.Dec("adc2_v", int64(number(v[2:])), 2)
	case 0xac:
		return small(e, "odometer_m", v, 4)
	case 0xbc:
		return words(e, "driver_name", v)
	case 0xbd:
		return words(e, "driver_id", v)
	case 0xcc:
		return words(e, "iccid", v)
	case 0xce:
		return decimal(e, "power_v", v, 2, 2)
	case 0xd0:
		return userStatus(e, v)
	case 0xd4:
		return batteryOrDriver(e, v)
	case 0xd5:
		if len(v) == 2 {
			return decimal(e, "battery_v", v, 2, 2)
		}
		return cardLocks(e, v)
	case 0xda:
		return sealString(e, v)
	default:
		return false
	}
	return true
}

// vendorHigh reads items from 0xe0 on.
func (c *call) vendorHigh(e *protocols.Event, id byte, v []byte) bool {
	switch id {
	case 0xe1:
		return c.itemE1(e, v)
	case 0xe2:
		return c.family() != familyDT800 && decimal(e, "fuel_l", v, 4, 1)
	case 0xe3:
		if len(v) != 4 && len(v) != 6 {
			return false
		}
		percent(e, v[1])
		e.Dec("battery_v", int64(number(v[2:4])), 2)
		return allZero(v[4:])
	case 0xe4:
		if len(v) != 2 {
			return false
		}
		e.Bool("charging", v[0] == 0)
		percent(e, v[1])
	case 0xe5:
		if len(v) != 1 {
			return false
		}
		e.Bool("motion", v[0] == 1)
	case 0xe6:
		return obdText(e, v) || sensors(e, v)
	case 0xe7:
		if len(v) == 8 {
			stateAlarm(e, binary.BigEndian.Uint16(v))
		}
		return false // what else its bits say stays
	case 0xe8:
		return camera(e, v)
	case 0xe9:
		return batteryOrDriver(e, v)
	case 0xea:
		return c.climateParts(e, v)
	case 0xeb:
		return c.itemEB(e, v)
	case 0xec, 0xf4:
		if len(v) == 0 || len(v)%7 != 0 {
			return false
		}
		c.record.wifi.points(v)
	case 0xed:
		return words(e, "card", v)
	case 0xee:
		if len(v) != 6 {
			return false
		}
		e.Int("rssi", int64(v[0]))
		e.Dec("power_v", int64(number(v[1:3])), 3)
		e.Dec("battery_v", int64(number(v[3:5])), 3)
		e.SetSats(v[5])
	case 0xf0:
		return c.cellsF0(v)
	case 0xf1:
		if len(v) == 4 {
			return decimal(e, "power_v", v, 4, 3)
		}
		return len(v) == 20 && words(e, "iccid", v)
	case 0xf2:
		c.record.family = familyOf(v)
		return words(e, "software", v)
	default:
		return c.vendorLast(e, id, v)
	}
	return true
}

// vendorLast reads items from 0xf3 on.
func (c *call) vendorLast(e *protocols.Event, id byte, v []byte) bool {
	switch id {
	case 0xf3:
		if len(v) == 1 {
			e.Bool("armed", v[0] != 0)
			return true
		}
		return c.obdItems(e, v)
	case 0xf5:
		if len(v) == 2 {
			return small(e, "light_lux", v, 2)
		}
		return len(v) == 6 && accel(e, v)
	case 0xf6:
		return c.itemF6(e, v)
	case 0xf7:
		return batteryBlock(e, v)
	case 0xf8:
		return c.itemF8(e, v)
	case 0xf9:
		return c.itemF9(e, v)
	case 0xfb:
		return words(e, "container", v)
	case 0xfc:
		return small(e, "geofence", v, 1)
	case 0xfe:
		return c.itemFE(e, v)
	}
	return false
}

// small adds a whole number of size bytes.
func small(e *protocols.Event, name string, v []byte, size int) bool {
	if len(v) != size {
		return false
	}
	e.Int(name, int64(number(v)))
	return true
}

// decimal adds a number of size bytes in units of 10^-scale.
func decimal(e *protocols.Event, name string, v []byte, size int, scale uint8) bool {
	if len(v) != size {
		return false
	}
	e.Dec(name, int64(number(v)), scale)
	return true
}

// words adds a text of ASCII; anything else is none.
func words(e *protocols.Event, name string, v []byte) bool {
	if len(v) == 0 || !printable(v) {
		return false
	}
	text(e, name, v)
	return true
}

// percent adds the charge of the battery; more than 100 is none.
func percent(e *protocols.Event, v byte) {
	if v <= 100 {
		e.Int("battery_pct", int64(v))
	} else {
		e.Int("battery_level", int64(v))
	}
}

// temperatures reads one or eight temperatures in tenths, of which four have names.
func temperatures(e *protocols.Event, v []byte) bool {
	if len(v) != 2 && len(v) != 16 {
		return false
	}
	names := [...]string{"temp1_c", "temp2_c", "temp3_c", "temp4_c", "temp5_c", "temp6_c", "temp7_c", "temp8_c"}
	for i := 0; 2*i < len(v); i++ {
		signMagnitude(e, names[i], v[2*i:], 1)
	}
	return true
}

// levelAndPercent reads a battery level 0 to 10 and its charge, 0 where the device does not know.
func levelAndPercent(e *protocols.Event, v []byte) bool {
	if len(v) != 2 || v[0] > 10 {
		return false
	}
	if v[1] != 0 {
		percent(e, v[1])
	} else {
		e.Int("battery_pct", 10*int64(v[0]))
	}
	return true
}

// batteryOrDriver reads a charge, ff while charging, or a driver's card.
func batteryOrDriver(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 1 && v[0] == 0xff:
		e.Bool("charging", true)
	case len(v) == 1:
		percent(e, v[0])
	case len(v) == 4:
		e.Text("driver_id", decimalText(v))
	default:
		return false
	}
	return true
}

// switches reads item 0x57: alarms 2, switches 2, more 4.
func (c *call) switches(e *protocols.Event, v []byte) bool {
	if len(v) != 8 {
		return false
	}
	alarms, more := binary.BigEndian.Uint16(v), binary.BigEndian.Uint32(v[4:])
	switch {
	case alarms>>8&1 != 0:
		raise(e, "harsh_accel")
	case alarms>>9&1 != 0:
		raise(e, "harsh_brake")
	case alarms>>10&1 != 0:
		raise(e, "harsh_corner")
	case c.family() == familyVideo && more>>16&1 != 0:
		raise(e, "door")
	}
	if !allZero(v) {
		e.Text("switches", hex.EncodeToString(v))
	}
	return true
}

// safetyAlarm reads an alarm of driver assistance: id 4, flag 1, type 1, level 1, more; the last 16 of 47 bytes name its files.
func safetyAlarm(e *protocols.Event, name string, v []byte) bool {
	if len(v) < 7 {
		return false
	}
	e.Int(name, int64(v[5]))
	e.Int(name+"_flag", int64(v[4]))
	e.Int(name+"_level", int64(v[6]))
	if len(v) >= 47 {
		hexText(e, "alarm_label", v[len(v)-16:])
	}
	hexText(e, name+"_data", v)
	return true
}

// harshEvent reads item 0x70: id 4, flag 1, type 1.
func harshEvent(e *protocols.Event, v []byte) bool {
	if len(v) < 6 {
		return false
	}
	switch v[5] {
	case 1:
		raise(e, "harsh_accel")
	case 2:
		raise(e, "harsh_brake")
	case 3:
		raise(e, "harsh_corner")
	case 16:
		raise(e, "collision")
	}
	hexText(e, "driving_event", v)
	return true
}

// tyres reads eight bytes for each tyre: index 1, sensor 3, pressure 2 (bits 0 to 9, 1/40 bar), temperature 1 + 50, status 1.
func tyres(e *protocols.Event, v []byte) bool {
	if len(v) == 0 || len(v)%8 != 0 {
		return false
	}
	l := newList()
	for ; len(v) >= 8; v = v[8:] {
		l.open()
		l.num(`{"index":`, int64(v[0]))
		l.hex(`,"sensor":`, v[1:4])
		l.dec(`,"pressure_kpa":`, int64(binary.BigEndian.Uint16(v[4:])&0x3ff)*25, 1)
		l.num(`,"temp_c":`, int64(v[6])-50)
		l.num(`,"status":`, int64(v[7]))
		l.end()
	}
	l.add(e, "tyres")
	return true
}

// userStatus reads item 0xd0; its bit 3 is a vibration.
func userStatus(e *protocols.Event, v []byte) bool {
	if len(v) == 0 || len(v) > 4 {
		return false
	}
	n := number(v)
	if n>>3&1 != 0 {
		raise(e, "vibration")
	}
	e.Int("user_status", int64(n))
	return true
}

// stateAlarm reads the first word of item 0xe7.
func stateAlarm(e *protocols.Event, v uint16) {
	switch {
	case v&0xe != 0:
		raise(e, "sos")
	case v&1 != 0:
		raise(e, "vibration")
	}
}

// sensors reads eleven bytes for each sensor: index 1, address 6, temperature and humidity 2 each, whole part and 255ths.
func sensors(e *protocols.Event, v []byte) bool {
	if len(v) == 0 || len(v)%11 != 0 {
		return false
	}
	l := newList()
	temps := [...]string{"temp1_c", "temp2_c", "temp3_c", "temp4_c"}
	damp := [...]string{"humidity1_pct", "humidity2_pct", "humidity3_pct", "humidity4_pct"}
	for ; len(v) >= 11; v = v[11:] {
		temp := float64(int8(v[7])) + float64(v[8])/255
		if int8(v[7]) < 0 {
			temp = float64(int8(v[7])) - float64(v[8])/255
		}
		humidity := float64(int8(v[9])) + float64(v[10])/255
		if i := int(v[0]) - 1; i >= 0 && i < len(temps) {
			e.Float(temps[i], temp)
			e.Float(damp[i], humidity)
		}
		l.open()
		l.num(`{"index":`, int64(v[0]))
		l.mac(`,"mac":`, v[1:7])
		l.float(`,"temp_c":`, temp)
		l.float(`,"humidity_pct":`, humidity)
		l.end()
	}
	l.add(e, "sensors")
	return true
}

// accel adds an acceleration of three signed numbers, as sent.
func accel(e *protocols.Event, v []byte) bool {
	l := newList()
	for i := range 3 {
		l.open()
		l.num("", int64(int16(binary.BigEndian.Uint16(v[2*i:]))))
	}
	l.add(e, "accel")
	return true
}

// batteryBlock reads item 0xf7: humidity in tenths, or battery 4, mV, charger 1, charge 1.
func batteryBlock(e *protocols.Event, v []byte) bool {
	if len(v) == 2 {
		return decimal(e, "humidity_pct", v, 2, 1)
	}
	if len(v) < 4 || len(v) > 6 {
		return false
	}
	e.Dec("battery_v", int64(number(v[:4])), 3)
	if len(v) >= 5 {
		e.Bool("charging", v[4] == 2 || v[4] == 3)
	}
	if len(v) == 6 {
		percent(e, v[5])
	}
	return true
}

// itemF6 reads item 0xf6: air pressure; or the IMEI; or modes of a G10; or, after an event and a mask, what sensors measured.
func (c *call) itemF6(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 2:
		return small(e, "air_pressure", v, 2)
	case len(v) == 8 && v[1] != 8 && isDigits(hex.EncodeToString(v)):
		e.Text("imei", hex.EncodeToString(v)[1:])
		return true
	case len(v) == 4 && c.family() == familyG10:
		e.Int("mode", int64(v[0]))
		e.Int("fix_mode", int64(v[1]))
		e.Int("record_mode", int64(v[2]))
		e.Int("charger_bits", int64(v[3]))
		return true
	case len(v) < 2:
		return false
	}
	sizes := [...]int{2, 2, 2, 6, 10, 2}
	want := 2
	for i, n := range sizes {
		want += n * int(v[1]>>i&1)
	}
	if want != len(v) || v[1]>>len(sizes) != 0 {
		return false
	}
	e.Int("event", int64(v[0]))
	if v[0] == 2 {
		e.Bool("motion", true)
	}
	r := protocols.NewReader(v[2:])
	for i, n := range sizes {
		if v[1]>>i&1 == 0 {
			continue
		}
		b := r.Bytes(n)
		switch i {
		case 0:
			e.Int("light_lux", int64(number(b)))
		case 1:
			e.Dec("temp1_c", int64(int16(binary.BigEndian.Uint16(b))), 1)
		case 2:
			e.Dec("humidity_pct", int64(int16(binary.BigEndian.Uint16(b))), 1)
		case 3:
			accel(e, b)
		case 4:
			hexText(e, "thresholds", b)
		case 5:
			e.Int("air_pressure", int64(number(b)))
		}
	}
	return true
}

// itemF8 reads item 0xf8: steps of a watch, a temperature, or mode 1, IMEI 8, ICCID 10 and the model of an AOVX.
func (c *call) itemF8(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 2 && c.family() == familyWatch:
		return small(e, "steps", v, 2)
	case len(v) == 2:
		e.Dec("temp1_c", int64(binary.BigEndian.Uint16(v))-500, 1)
		return true
	case len(v) < 19:
		return false
	}
	e.Int("mode", int64(v[0]))
	e.Text("imei", hex.EncodeToString(v[1:9])[1:])
	e.Text("iccid", digitsOf(v[9:19]))
	if rest := v[19:]; len(rest) > 0 && !words(e, "model", rest) {
		return false
	}
	return true
}

// itemF9 reads item 0xf9: a mask 2 and what it announces.
func (c *call) itemF9(e *protocols.Event, v []byte) bool {
	if len(v) < 2 {
		return false
	}
	mask := binary.BigEndian.Uint16(v)
	r := protocols.NewReader(v[2:])
	if mask&1 != 0 {
		e.Int("fix_age_s", int64(r.U32()))
	}
	if mask&2 != 0 {
		e.Int("ignition_s", int64(r.U32()))
	}
	hdop := -1.0
	if mask&4 != 0 {
		hdop = float64(r.U16()) / 10
	}
	if mask&8 != 0 {
		if b := r.Bytes(6); b != nil && !allZero(b) {
			e.Text("gnss_date", hex.EncodeToString(b))
		}
	}
	if mask&0x20 != 0 {
		if b := r.Bytes(8); b != nil {
			hexText(e, "intervals", b)
		}
	}
	if mask&0x40 != 0 {
		e.Dec("temp_device_c", int64(r.I16()), 1)
		if b := r.Bytes(4); b != nil {
			hexText(e, "temp_thresholds", b)
		}
	}
	if r.Err() != nil || r.Len() > 0 || bits.OnesCount16(mask&^0x6f) > 0 {
		return false
	}
	if hdop >= 0 {
		e.SetHDOP(hdop)
	}
	return true
}

// itemFE reads item 0xfe: charge, external supply, odometer, or, behind the mark 7c, parts of id 1, length 1.
func (c *call) itemFE(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 1:
		percent(e, v[0])
		return true
	case len(v) == 2:
		return decimal(e, "power_v", v, 2, 1)
	case len(v) == 4:
		return small(e, "odometer_m", v, 4)
	case len(v) < 3 || v[0] != 0x7c:
		return false
	}
	rest := v[1:]
	for len(rest) >= 2 && int(rest[1]) <= len(rest)-2 {
		part := rest[2 : 2+int(rest[1])]
		if rest[0] == 1 && len(part) == 4 {
			names := [...]string{"harsh_accel", "harsh_brake", "harsh_corner", "collision", "tampering"}
			n := binary.BigEndian.Uint32(part)
			if bit := bits.TrailingZeros32(n); bit < len(names) {
				raise(e, names[bit])
			}
		}
		rest = rest[2+len(part):]
	}
	return false // the bits stay as well
}
