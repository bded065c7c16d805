package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// deviceStatus reads message 0xF1: Unix time 4, items of id 2, length 1, data.
func (c *call) deviceStatus(e *protocols.Event) bool {
	b := c.info
	if len(b) < 4 {
		return false
	}
	c.many = true
	c.at = unix(b)
	b = b[4:]
	for count := 0; len(b) > 0; count++ {
		if len(b) < 3 || len(b) < 3+int(b[2]) || count == maxModules {
			c.unread(e, b)
			break
		}
		id, data := binary.BigEndian.Uint16(b), b[3:3+int(b[2])]
		b = b[3+len(data):]
		switch {
		case id == 0x0001 && len(data) == 1:
			e.Bool("motion", data[0] == 2 || data[0] == 4)
		case id == 0x0002 && len(data) == 1:
			e.Bool("armed", data[0] != 0)
		case id == 0x0004 && len(data) == 1:
			e.Bool("ignition", data[0] != 0)
		case id == 0x0005 && len(data) == 2:
			e.Dec("power_v", u16(data), 2)
		case id == 0x0007 && len(data) == 1:
			e.Bool("charging", data[0] != 0)
		case id == 0x000a && len(data) == 2:
			e.Dec("charge_v", u16(data), 2)
		case id == 0x000b && len(data) == 2:
			e.Dec("battery_c", int64(int16(u16(data))), 1)
		default:
			e.Text(protocols.IOKey(id), hexText(data))
		}
	}
	return true
}

// peripherals reads message 0xF2: Unix time 4, items of id 2, length 1 (0: the next byte is it; item 000A: two bytes), data.
func (c *call) peripherals(e *protocols.Event) bool {
	if len(c.info) < 4 {
		return false
	}
	c.many = true
	c.at = unix(c.info)
	tags := newCells()
	r := protocols.NewReader(c.info[4:])
	for count := 0; r.Len() > 0; count++ {
		from := r.Offset()
		if count == maxModules {
			c.unread(e, r.Rest())
			break
		}
		id := r.U16()
		var n int
		if id == 0x000a && r.Len() >= 2 && int(binary.BigEndian.Uint16(r.Peek(2))) <= r.Len()-2 {
			n = int(r.U16())
		} else if n = int(r.U8()); n == 0 && r.Len() > 0 {
			n = int(r.U8())
		}
		data := r.Bytes(n)
		if r.Err() != nil {
			c.unread(e, c.info[4+from:])
			break
		}
		switch {
		case id == 0x000c && len(data) >= 4:
			if data[0] <= 100 {
				e.Int("external_battery_pct", int64(data[0]))
			}
			e.Bool("external_battery_charging", data[1] != 0)
			e.Int("external_battery_cycles", u16(data[2:]))
			if rest := data[4:]; !allZero(rest) {
				e.Text(protocols.IOKey(id), hexText(rest))
			}
		case id == 0x000a && len(data) >= 10:
			tags.open()
			tags.mac(data[1:])
			tags.number(`,"event":`, uint64(data[7]))
			tags.number(`,"event_value":`, uint64(data[8]))
			tags.number(`,"type":`, uint64(data[9]))
			tags.b = append(append(append(tags.b, `,"data":"`...), hexText(data[10:])...), '"', '}')
		default:
			e.Text(protocols.IOKey(id), hexText(data))
		}
	}
	tags.addAs(e, "beacons")
	return true
}

// battery reads message 0x40 of the WD-209's battery management, 105 bytes.
func (c *call) battery(e *protocols.Event) bool {
	b := c.info
	if len(b) != 105 {
		return false
	}
	e.Text("serial", hexText(b[:8]))
	c.at = unix(b[8:])
	c.percent(e, b[12])
	e.Int("battery_capacity", u16(b[13:]))
	e.Int("battery_absolute_pct", int64(b[15]))
	e.Int("battery_full_capacity", u16(b[16:]))
	e.Int("battery_health_pct", int64(b[18]))
	e.Dec("battery_c", u16(b[19:])-2731, 1)
	e.Int("battery_current", int64(int16(u16(b[21:]))))
	e.Dec("battery_v", u16(b[23:]), 3)
	e.Int("battery_cycles", u16(b[25:]))
	volts := list{b: make([]byte, 1, 128)}
	for i := range 14 {
		volts.open()
		volts.number("", uint64(u16(b[27+2*i:])))
	}
	volts.addAs(e, "battery_cells_mv")
	e.Int("charge_interval", u16(b[55:]))
	e.Int("charge_interval_max", u16(b[57:]))
	e.Text("barcode", text(b[59:75]))
	e.Int("battery_version", u16(b[75:]))
	e.Text("maker", text(b[77:93]))
	e.Int("battery_status", u32(b[93:]))
	e.Int("controller_status", u32(b[97:]))
	e.Int("controller_fault", u32(b[101:]))
	return true
}
