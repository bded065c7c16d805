package jt808

import (
	"encoding/binary"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// countedCells reads items 0x53 and 0x5d: count 1, then cells of MCC 2, MNC 1, LAC 2, id 2 or 4, signal 1.
func (c *call) countedCells(id byte, v []byte) bool {
	if len(v) < 1 || v[0] == 0 {
		return false
	}
	n := int(v[0])
	size := (len(v) - 1) / n
	if size != 8 && size != 10 || n*size != len(v)-1 || id == 0x5d && size != 10 {
		return false
	}
	for b := v[1:]; len(b) >= size; b = b[size:] {
		c.record.cells.cell(binary.BigEndian.Uint16(b), uint16(b[2]), uint32(binary.BigEndian.Uint16(b[3:])), uint32(number(b[5:size-1])), int(b[size-1]))
	}
	return true
}

// cellsF0 reads item 0xf0: MCC 2, MNC 2, id 4, LAC 4, signal 1 for each cell.
func (c *call) cellsF0(v []byte) bool {
	if len(v) == 0 || len(v)%13 != 0 {
		return false
	}
	for b := v; len(b) >= 13; b = b[13:] {
		c.record.cells.cell(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[4:]), int(b[12]))
	}
	return true
}

// itemE1 reads item 0xe1: charge; external supply in tenths; a driver's card; or MCC 2, MNC 2 and cells of LAC 3, id 4, signal 1.
func (c *call) itemE1(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 1:
		percent(e, v[0])
		return true
	case len(v) == 2:
		return decimal(e, "power_v", v, 2, 1)
	case len(v) == 4:
		e.Text("driver_id", decimalText(v))
		return true
	case len(v) < 12 || (len(v)-4)%8 != 0:
		return false
	}
	mcc, mnc := binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:])
	for b := v[4:]; len(b) >= 8; b = b[8:] {
		c.record.cells.cell(mcc, mnc, uint32(number(b[:3])), binary.BigEndian.Uint32(b[3:]), int(b[7]))
	}
	return true
}

// itemEB reads item 0xeb: cells, the name of a time zone, or parts.
func (c *call) itemEB(e *protocols.Event, v []byte) bool {
	switch {
	case len(v) == 0:
		return false
	case printable(v):
		return words(e, "zone", v)
	case len(v) >= 8 && (len(v)-3)%5 == 0:
		mcc := binary.BigEndian.Uint16(v)
		if mcc <= 200 || mcc >= 1000 {
			break
		}
		for b := v[3:]; len(b) >= 5; b = b[5:] {
			c.record.cells.cell(mcc, uint16(v[2]), uint32(binary.BigEndian.Uint16(b)), uint32(binary.BigEndian.Uint16(b[2:])), int(b[4]))
		}
		return true
	}
	return c.partsEB(e, v)
}

// partsEB reads parts of length 2, which counts the id, id 2, value. What has no meaning here is kept together.
func (c *call) partsEB(e *protocols.Event, v []byte) bool {
	var rest []byte
	for len(v) >= 4 {
		n := int(binary.BigEndian.Uint16(v))
		if n < 2 || n > len(v)-2 {
			break
		}
		first := len(e.Attrs)
		if !c.partEB(e, binary.BigEndian.Uint16(v[2:]), v[4:2+n]) || clash(e, first) {
			e.Attrs = e.Attrs[:first]
			rest = append(rest, v[:2+n]...)
		}
		v = v[2+n:]
	}
	if rest = append(rest, v...); len(rest) > 0 {
		hexText(e, protocols.IOKey(0xeb), rest)
	}
	return true
}

// partEB reads one part of item 0xeb.
func (c *call) partEB(e *protocols.Event, id uint16, v []byte) bool {
	switch {
	case id == 0x0001 && len(v) >= 2:
		e.Dec("fuel_l", int64(binary.BigEndian.Uint16(v)), 1)
		return allZero(v[2:])
	case id == 0x0023:
		return fuelText(e, v)
	case id == 0x002d && len(v) == 6:
		e.Dec("power_v", int64(number(v[:4])), 3)
		e.Dec("battery_v", int64(number(v[4:])), 3)
	case id == 0x002d:
		return decimalUpTo4(e, "battery_v", v, 3)
	case id == 0x0089 && len(v) == 4:
		n := ^binary.BigEndian.Uint32(v)
		switch {
		case n&1 != 0:
			raise(e, "power_off")
		case n>>12&1 != 0:
			raise(e, "tampering")
		}
		e.Int("alarms_inverted", int64(binary.BigEndian.Uint32(v)))
	case (id == 0x00a8 || id == 0x00e1) && len(v) == 1:
		percent(e, v[0])
	case id == 0x00b2 && len(v) == 10:
		e.Text("iccid", digitsOf(v))
	case id == 0x00b9:
		return c.pointsText(v)
	case id == 0x00c5 && len(v) == 4:
		n := binary.BigEndian.Uint32(v)
		if n>>6&1 == 0 {
			raise(e, "vibration")
		}
		switch n >> 23 & 3 {
		case 0:
			e.Bool("motion", true)
		case 1:
			e.Bool("motion", false)
		}
		e.Int("states_inverted", int64(n))
	case id == 0x00c6 && len(v) == 1:
		if v[0] == 3 || v[0] == 4 {
			raise(e, "low_battery")
		}
		e.Int("event", int64(v[0]))
	case id == 0x00ce:
		return decimal(e, "power_v", v, 2, 2)
	case id == 0x00d5:
		return words(e, "imei", v)
	case id == 0x00d8 && len(v) == 9:
		c.record.cells.cell(binary.BigEndian.Uint16(v), uint16(v[2]), uint32(binary.BigEndian.Uint16(v[3:])), binary.BigEndian.Uint32(v[5:]), -1)
	default:
		return false
	}
	return true
}

// decimalUpTo4 adds a number of two or four bytes in units of 10^-scale.
func decimalUpTo4(e *protocols.Event, name string, v []byte, scale uint8) bool {
	return decimal(e, name, v, 2, scale) || decimal(e, name, v, 4, scale)
}

// fuelText reads a fuel level in digits with a point.
func fuelText(e *protocols.Event, v []byte) bool {
	n, scale, point := int64(0), uint8(0), false
	for _, x := range v {
		switch {
		case x == '.' && !point:
			point = true
		case x < '0' || x > '9' || n > 1e9:
			return false
		default:
			n = n*10 + int64(x-'0')
			if point {
				scale++
			}
		}
	}
	if len(v) == 0 {
		return false
	}
	e.Dec("fuel2_l", n, scale)
	return true
}

// pointsText reads a count 1 and access points as text: address, signal, ... separated by commas.
func (c *call) pointsText(v []byte) bool {
	if len(v) < 1 {
		return false
	}
	fields := splitComma(v[1:])
	if len(fields)%2 != 0 {
		return false
	}
	for i := 0; i < len(fields); i += 2 {
		if !isMAC(fields[i]) || !isSignal(fields[i+1]) {
			return false
		}
	}
	l := &c.record.wifi
	for i := 0; i < len(fields); i += 2 {
		l.open()
		l.key(`{"mac":"` + strings.ToLower(fields[i]) + `","rssi_dbm":` + fields[i+1] + `}`)
	}
	return true
}
