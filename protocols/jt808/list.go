package jt808

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

const hexDigits = "0123456789abcdef"

// list is a JSON list under construction; its zero value is empty.
type list struct{ b []byte }

func newList() list { return list{make([]byte, 0, 256)} }

// open begins an element.
func (l *list) open() {
	if len(l.b) == 0 {
		l.b = append(l.b, '[')
	} else {
		l.b = append(l.b, ',')
	}
}

// add makes the list an attribute, unless it is empty.
func (l *list) add(e *protocols.Event, name string) {
	if len(l.b) > 0 {
		e.JSON(name, string(append(l.b, ']')))
	}
}

func (l *list) uint(v uint64) { l.b = strconv.AppendUint(l.b, v, 10) }

// key begins a member of an object: key(`{"mcc":`).
func (l *list) key(text string) { l.b = append(l.b, text...) }

// num appends a member with a number.
func (l *list) num(key string, v int64) { l.b = strconv.AppendInt(append(l.b, key...), v, 10) }

// dec appends a member with the decimal number v / 10^scale.
func (l *list) dec(key string, v int64, scale int) {
	l.b = append(l.b, key...)
	if v < 0 {
		l.b = append(l.b, '-')
		v = -v
	}
	digits := strconv.AppendInt(make([]byte, 0, 20), v, 10)
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	l.b = append(l.b, digits[:len(digits)-scale]...)
	if scale > 0 {
		l.b = append(append(l.b, '.'), digits[len(digits)-scale:]...)
	}
}

// float appends a member with a number.
func (l *list) float(key string, v float64) {
	l.b = strconv.AppendFloat(append(l.b, key...), v, 'f', -1, 64)
}

// hex appends a member with bytes in hex.
func (l *list) hex(key string, v []byte) {
	l.b = append(append(l.b, key...), '"')
	for _, x := range v {
		l.b = append(l.b, hexDigits[x>>4], hexDigits[x&15])
	}
	l.b = append(l.b, '"')
}

// mac appends a member with a MAC address of six bytes.
func (l *list) mac(key string, v []byte) {
	l.b = append(append(l.b, key...), '"')
	for i, x := range v[:6] {
		if i > 0 {
			l.b = append(l.b, ':')
		}
		l.b = append(l.b, hexDigits[x>>4], hexDigits[x&15])
	}
	l.b = append(l.b, '"')
}

// bool appends a member with a truth value.
func (l *list) bool(key string, v bool) { l.b = strconv.AppendBool(append(l.b, key...), v) }

// end closes an object.
func (l *list) end() { l.b = append(l.b, '}') }

// cell appends a radio cell, unless its area or id says that it is filler. signal is the byte as sent: beyond 127 it is dBm in two's
// complement.
func (l *list) cell(mcc, mnc uint16, lac, id uint32, signal int) {
	if lac == 0 || id == 0 || lac == 0xffff || id == 0xffff {
		return
	}
	l.open()
	l.num(`{"mcc":`, int64(mcc))
	l.num(`,"mnc":`, int64(mnc))
	l.num(`,"lac":`, int64(lac))
	l.num(`,"cid":`, int64(id))
	switch {
	case signal < 0:
	case signal > 127:
		l.num(`,"rssi_dbm":`, int64(int8(signal)))
	default:
		l.num(`,"rssi":`, int64(signal))
	}
	l.end()
}

// points appends access points of address 6 and signal 1, dBm. What is left of b is no whole one.
func (l *list) points(b []byte) {
	for ; len(b) >= 7; b = b[7:] {
		if allZero(b[:6]) {
			continue
		}
		l.open()
		l.mac(`{"mac":`, b)
		l.num(`,"rssi_dbm":`, int64(int8(b[6])))
		l.end()
	}
}
