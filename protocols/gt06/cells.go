package gt06

import (
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Sizes of a serving cell with a one-byte network code; with bit 15 of MCC set the network code has two bytes.
const (
	lbsSize  = 8  // MCC 2 | MNC 1 | LAC 2 | cell id 3
	lbs4Size = 15 // MCC 2 | MNC 1 | LAC or TAC 4 | cell id 8
	lbsxSize = 10 // MCC 2 | MNC 2 | LAC 2 | cell id 4
)

// cellSize is the size of the serving cell at the start of b.
func cellSize(b []byte, wide bool) int {
	size := lbsSize
	if wide {
		size = lbs4Size
	}
	return size + int(b[0]>>7)
}

type network struct{ mcc, mnc uint16 }

// readNetwork reads MCC 2 and MNC 1, or 2 where bit 15 of MCC is set.
func readNetwork(b []byte) (n network, size int) {
	n.mcc = binary.BigEndian.Uint16(b)
	if n.mcc&0x8000 == 0 {
		n.mnc = uint16(b[2])
		return n, 3
	}
	if len(b) < 4 {
		return n, 4
	}
	n.mcc &= 0x7fff
	n.mnc = binary.BigEndian.Uint16(b[2:])
	return n, 4
}

// servingCell reads a serving cell of cellSize bytes.
func (c *call) servingCell(e *protocols.Event, b []byte, wide bool) {
	n, at := readNetwork(b)
	lac, id := uint32(0), uint64(0)
	if wide {
		lac, id = binary.BigEndian.Uint32(b[at:]), binary.BigEndian.Uint64(b[at+4:])
	} else {
		lac = uint32(binary.BigEndian.Uint16(b[at:]))
		id = uint64(b[at+2])<<16 | uint64(b[at+3])<<8 | uint64(b[at+4])
	}
	if lac|uint32(id)|uint32(n.mcc) != 0 || id != 0 {
		e.Cell(n.mcc, n.mnc, lac, id)
	}
}

// cellX reads a serving cell MCC 2, MNC 2, LAC 2, cell id 4.
func (c *call) cellX(e *protocols.Event, b []byte) {
	if allZero(b[:lbsxSize]) {
		return
	}
	e.Cell(binary.BigEndian.Uint16(b)&0x7fff, binary.BigEndian.Uint16(b[2:]), uint32(binary.BigEndian.Uint16(b[4:])),
		uint64(binary.BigEndian.Uint32(b[6:])))
}

// cellLong reads a serving cell MCC 2, MNC 1, LAC 2, cell id 4.
func (c *call) cellLong(e *protocols.Event, b []byte) {
	if allZero(b[:9]) {
		return
	}
	e.Cell(binary.BigEndian.Uint16(b)&0x7fff, uint16(b[2]), uint32(binary.BigEndian.Uint16(b[3:])),
		uint64(binary.BigEndian.Uint32(b[5:])))
}

// slot is the layout of one cell in a list: the sizes of LAC, cell id and signal.
type slot struct{ lac, id, rssi int }

func (s slot) size() int { return s.lac + s.id + s.rssi }

var (
	gsmCell  = slot{2, 3, 1}
	oldCell  = slot{2, 2, 1} // of GT03 and of the sibling protocol
	lteCell  = slot{4, 8, 1}
	lteCell2 = slot{4, 8, 2} // signal of two bytes
	longCell = slot{2, 4, 1}
)

// list is a JSON list under construction.
type list struct {
	b []byte
}

func newCells() list { return list{b: make([]byte, 1, 512)} }

func (l *list) open() {
	if len(l.b) == 1 {
		l.b[0] = '['
	} else {
		l.b = append(l.b, ',')
	}
}

// add makes the list an attribute, unless it is empty.
func (l *list) add(e *protocols.Event) { l.addAs(e, "cells") }

func (l *list) addAs(e *protocols.Event, name string) {
	if len(l.b) > 1 {
		e.JSON(name, string(append(l.b, ']')))
	}
}

// cell appends one cell unless it is empty; signal below zero means that none was sent.
func (l *list) cell(n network, lac uint32, id uint64, signal int) {
	if lac == 0 && id == 0 {
		return
	}
	l.open()
	l.number(`{"mcc":`, uint64(n.mcc))
	l.number(`,"mnc":`, uint64(n.mnc))
	l.number(`,"lac":`, uint64(lac))
	l.number(`,"cid":`, id)
	l.signal(signal)
	l.b = append(l.b, '}')
}

func (l *list) number(name string, v uint64) {
	l.b = strconv.AppendUint(append(l.b, name...), v, 10)
}

// signal appends a level as dBm where it can be the magnitude of one, else as sent.
func (l *list) signal(v int) {
	switch {
	case v < 0:
	case v >= 30 && v <= 140:
		l.number(`,"rssi_dbm":-`, uint64(v))
	default:
		l.number(`,"rssi":`, uint64(v))
	}
}

// slots reads count cells at that offset and returns the offset behind them, or as many as there are.
func (l *list) slots(b []byte, at, count int, n network, s slot) int {
	for ; count > 0 && at+s.size() <= len(b); count-- {
		lac, id, signal := uint32(0), uint64(0), -1
		for _, x := range b[at : at+s.lac] {
			lac = lac<<8 | uint32(x)
		}
		for _, x := range b[at+s.lac : at+s.lac+s.id] {
			id = id<<8 | uint64(x)
		}
		if s.rssi > 0 {
			signal = int(b[at+s.size()-1])
			if s.rssi == 2 {
				signal |= int(b[at+s.size()-2]) << 8
			}
		}
		l.cell(n, lac, id, signal)
		at += s.size()
	}
	return at
}

// cells reads messages 0x18, 0x24, 0x28, 0x2E and 0xA1: date 6, network, seven cells, timing advance 1, language 2.
func (c *call) cells(e *protocols.Event) bool {
	b := c.info
	if len(b) < 9 {
		return false
	}
	n, size := readNetwork(b[6:])
	at := 6 + size
	kind := gsmCell
	switch len(b) - at - 3 {
	case 7 * 6:
	case 7 * 5:
		kind = oldCell
	case 7 * 13:
		kind = lteCell
	default:
		return false
	}
	c.date = b[:6]
	l := newCells()
	at = l.slots(b, at, 7, n, kind)
	l.add(e)
	c.advance(e, b[at])
	c.language(e, b[at+1:])
	return true
}

// cellsS20 reads message 0x24 of the WanWay S20: date 6, timing advance 1, network, count 1, cells, zeros.
func (c *call) cellsS20(e *protocols.Event) bool {
	b := c.info
	if len(b) < 11 || !plausibleDate(b) {
		return false
	}
	n, size := readNetwork(b[7:])
	at := 7 + size
	if at >= len(b) {
		return false
	}
	count := int(b[at])
	at++
	if at+count*6 > len(b) || !allZero(b[at+count*6:]) || count > 7 {
		return false
	}
	c.date = b[:6]
	l := newCells()
	l.slots(b, at, count, n, gsmCell)
	l.add(e)
	c.advance(e, b[6])
	return true
}

// cellsSL4X reads message 0x34 of the SL4X: date 6, timing advance 1, MCC 2, MNC 2, cells, spare bytes.
func (c *call) cellsSL4X(e *protocols.Event) bool {
	b := c.info
	if len(b) < 11 || !plausibleDate(b) {
		return false
	}
	c.date = b[:6]
	n := network{binary.BigEndian.Uint16(b[7:]) & 0x7fff, binary.BigEndian.Uint16(b[9:])}
	l := newCells()
	at := l.slots(b, 11, 7, n, longCell)
	l.add(e)
	c.advance(e, b[6])
	if !allZero(b[at:]) {
		c.unread(e, b[at:])
	}
	return true
}

// advance keeps the timing advance, unless it is unknown.
func (c *call) advance(e *protocols.Event, v byte) {
	if v != 0xff {
		e.Int("timing_advance", int64(v))
	}
}
