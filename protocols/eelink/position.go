package eelink

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Bits of a position's mask, in the order of the parts.
const (
	maskFix        = 1 << 0
	maskCell       = 1 << 1
	maskNeighbour1 = 1 << 2
	maskNeighbour2 = 1 << 3
	maskWiFi1      = 1 << 4
	maskWiFi2      = 1 << 5
	maskWiFi3      = 1 << 6
	mask4G         = 1 << 7
)

// oldest is 2010-01-01: a clock that says less was never set.
const oldest protocols.Millis = 1262304000 * 1000

// unixTime reads seconds since 1970; 0 when the clock was never set.
func unixTime(r *protocols.Reader) protocols.Millis {
	if t := protocols.Millis(r.U32()) * 1000; t >= oldest {
		return t
	}
	return 0
}

// degrees converts ten-thousandths of a minute, thrice as fine.
func degrees(v int32) float64 { return float64(v) / 1_800_000 }

// position reads the block that begins packages of V2:
//
//	Unix time 4 | mask 1 | bit 0: latitude 4, longitude 4, m 2, km/h 2, course 2, satellites 1 | bit 1: MCC 2, MNC 2, LAC 2, cell id 4, level 1 |
//	bits 2, 3: LAC 2, cell id 4, level 1 | bits 4 to 6: MAC 6, level 1 | bit 7: 4G
//
// It returns false where the content ends before the block does; what is complete is kept.
func (c *call) position(e *protocols.Event, r *protocols.Reader) bool {
	if r.Len() < 5 {
		return false
	}
	e.Time = unixTime(r)
	mask := r.U8()
	if mask&maskFix != 0 {
		if r.Len() < 15 {
			return false
		}
		lat, lng := degrees(r.I32()), degrees(r.I32())
		e.SetFix(lat, lng, true)
		e.SetAlt(float64(r.I16()))
		e.SetSpeed(float64(r.U16()))
		e.SetCourse(float64(r.U16()))
		e.SetSats(r.U8())
	}
	var cells, wifi list
	ok := radio(e, r, mask, &cells, &wifi)
	cells.add(e, "cells")
	wifi.add(e, "wifi")
	return ok
}

// radio reads cells and access points. A serving cell alone stays out of the list: it costs less so.
func radio(e *protocols.Event, r *protocols.Reader, mask byte, cells, wifi *list) bool {
	var mcc, mnc uint16
	if mask&maskCell != 0 {
		if r.Len() < 11 {
			return false
		}
		mcc, mnc = r.U16(), r.U16()
		lac, cid, level := r.U16(), r.U32(), r.U8()
		if mask&(maskNeighbour1|maskNeighbour2|mask4G) == 0 {
			e.Cell(mcc, mnc, uint32(lac), uint64(cid))
			e.Int("rssi", int64(level))
			if level < 64 {
				e.Int("rssi_dbm", int64(level)-110)
			}
		} else {
			cells.cell(mcc, mnc, lac, cid)
			cells.signal(level)
		}
	}
	for _, bit := range [...]byte{maskNeighbour1, maskNeighbour2} {
		if mask&bit == 0 {
			continue
		}
		if r.Len() < 7 {
			return false
		}
		lac, cid, level := r.U16(), r.U32(), r.U8()
		cells.cell(mcc, mnc, lac, cid)
		cells.signal(level)
	}
	for _, bit := range [...]byte{maskWiFi1, maskWiFi2, maskWiFi3} {
		if mask&bit == 0 {
			continue
		}
		if r.Len() < 7 {
			return false
		}
		wifi.point(r.Bytes(6), r.U8())
	}
	return mask&mask4G == 0 || lte(e, r, cells)
}

// lte reads the 4G block: technology 1 | n 1 | where n is not 0: MCC 2, MNC 2, LAC 2, TAC 2, cell id 4, timing advance 2 | n times physical
// cell 2, frequency 2, level 1.
func lte(e *protocols.Event, r *protocols.Reader, cells *list) bool {
	if r.Len() < 2 {
		return false
	}
	e.Int("radio", int64(r.U8()))
	n := int(r.U8())
	if n == 0 {
		return true
	}
	if r.Len() < 14 {
		return false
	}
	mcc, mnc, lac := r.U16(), r.U16(), r.U16()
	tac, cid := r.U16(), r.U32()
	cells.cell(mcc, mnc, lac, cid)
	cells.number("tac", int64(tac))
	e.Int("timing_advance", int64(r.U16()))
	for ; n > 0; n-- {
		if r.Len() < 5 {
			return false
		}
		cells.open()
		cells.number("physical_cell", int64(r.U16()))
		cells.number("frequency", int64(r.U16()))
		cells.number("rssi", int64(r.U8()))
	}
	return true
}

// list is a JSON list of objects under construction. An object stays open until the next begins.
type list struct{ b []byte }

func (l *list) open() {
	if len(l.b) == 0 {
		l.b = append(make([]byte, 0, 256), "[{"...)
	} else {
		l.b = append(l.b, "},{"...)
	}
}

// name writes the name of a member, with a comma before all but the first.
func (l *list) name(name string) {
	if l.b[len(l.b)-1] != '{' {
		l.b = append(l.b, ',')
	}
	l.b = append(append(append(l.b, '"'), name...), `":`...)
}

func (l *list) number(name string, v int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, v, 10)
}

func (l *list) cell(mcc, mnc, lac uint16, cid uint32) {
	l.open()
	l.number("mcc", int64(mcc))
	l.number("mnc", int64(mnc))
	l.number("lac", int64(lac))
	l.number("cid", int64(cid))
}

// signal writes the level of a GSM cell: up to 63 it is 110 above the dBm.
func (l *list) signal(level byte) {
	if level < 64 {
		l.number("rssi_dbm", int64(level)-110)
	} else {
		l.number("rssi", int64(level))
	}
}

func (l *list) mac(b []byte) {
	l.name("mac")
	l.b = append(l.b, '"')
	for i, x := range b {
		const digits = "0123456789abcdef"
		if i > 0 {
			l.b = append(l.b, ':')
		}
		l.b = append(l.b, digits[x>>4], digits[x&15])
	}
	l.b = append(l.b, '"')
}

// point writes an access point: its level is the dBm without sign, or, above 127, with it.
func (l *list) point(mac []byte, level byte) {
	l.open()
	l.mac(mac)
	dbm := -int64(level)
	if level > 127 {
		dbm = int64(int8(level))
	}
	l.number("rssi_dbm", dbm)
}

// add makes the list an attribute, unless it is empty.
func (l *list) add(e *protocols.Event, name string) {
	if len(l.b) > 0 {
		e.JSON(name, string(append(l.b, "}]"...)))
	}
}
