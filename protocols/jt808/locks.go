package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// lockExtension is the size of what a family of locks sends in the place of items.
const lockExtension = 18

// lockExtension reads battery and mileage left 4, odometer 4, km, battery 2, 0.1 V, area 4, signal 1, spare 3.
func (c *call) lockExtension(e *protocols.Event, b []byte) {
	e.Int("odometer_m", int64(binary.BigEndian.Uint32(b[4:]))*1000)
	e.Dec("battery_v", int64(binary.BigEndian.Uint16(b[8:])), 1)
	e.Int("area", int64(binary.BigEndian.Uint32(b[10:])))
	e.Int("rssi", int64(b[14]))
	if !allZero(b[:4]) || !allZero(b[15:]) {
		hexText(e, "raw", b)
	}
}

// lockEvent reads item 0x0b: command 1; of five bytes and more a card 4 or six digits of a password; where the length is even, the last
// byte is the result.
func lockEvent(e *protocols.Event, v []byte) bool {
	if len(v) == 0 {
		return false
	}
	switch n := len(v); {
	case n == 5 || n == 6:
		e.Text("card", decimalText(v[1:5]))
	case n >= 7:
		if !isDigits(string(v[1:7])) || n > 8 {
			return false
		}
		e.Text("lock_password", string(v[1:7]))
	case n > 2:
		return false
	}
	e.Int("lock_command", int64(v[0]))
	if len(v)%2 == 0 {
		e.Int("unlock_result", int64(v[len(v)-1]))
	}
	return true
}

// lockStatus reads the text of item 0x33, whose characters 10 to 12 are the battery in hundredths of a volt.
func lockStatus(e *protocols.Event, v []byte) bool {
	if !printable(v) || len(v) < 4 || string(v[:4]) != "*M00" {
		return false
	}
	e.Text("lock_status", string(trimmed(v)))
	if len(v) >= 13 {
		if n, err := strconv.ParseUint(string(v[10:13]), 10, 16); err == nil {
			e.Dec("battery_v", int64(n), 2)
		}
	}
	return true
}

// cardEvent reads item 0x60: event 2; events 0061 to 0066 name the lock, 6 bytes, and the card, 8 digits.
func cardEvent(e *protocols.Event, v []byte) bool {
	if len(v) < 2 {
		return false
	}
	event := binary.BigEndian.Uint16(v)
	if rest := v[2:]; event >= 0x61 && event <= 0x66 && len(rest) == 14 && printable(rest[6:]) {
		e.Text("lock_id", hex.EncodeToString(rest[:6]))
		e.Text("card", string(rest[6:]))
	} else if len(rest) > 0 {
		return false
	}
	e.Int("lock_event", int64(event))
	return true
}

// sealLocks reads eleven bytes for each lock: id 6, battery 2, mV, sealed 1 ('1'), state 1, signal 1.
func sealLocks(e *protocols.Event, v []byte) bool {
	if len(v) == 0 || len(v)%11 != 0 {
		return false
	}
	l := newList()
	for ; len(v) >= 11; v = v[11:] {
		l.open()
		l.hex(`{"id":`, v[:6])
		l.dec(`,"battery_v":`, int64(binary.BigEndian.Uint16(v[6:])), 3)
		l.bool(`,"sealed":`, v[8] == '1')
		l.num(`,"state":`, int64(v[9]))
		l.num(`,"rssi":`, int64(v[10]))
		l.end()
	}
	l.add(e, "locks")
	return true
}

// cardLocks reads item 0xd5: count 1, then thirteen bytes for each lock: id 5, card 5, battery 1, %, status 2, whose bit 5 is set while
// the lock is open.
func cardLocks(e *protocols.Event, v []byte) bool {
	if len(v) < 14 || len(v) != 1+13*int(v[0]) {
		return false
	}
	closed := true
	l := newList()
	for b := v[1:]; len(b) >= 13; b = b[13:] {
		status := binary.BigEndian.Uint16(b[11:])
		open := status>>5&1 != 0
		closed = closed && !open
		l.open()
		l.hex(`{"id":`, b[:5])
		l.hex(`,"card":`, b[5:10])
		l.num(`,"battery_pct":`, int64(b[10]))
		l.num(`,"status":`, int64(status))
		l.bool(`,"locked":`, !open)
		l.end()
	}
	e.Bool("lock", closed)
	l.add(e, "locks")
	return true
}

// sealString reads item 0xda of a seal with a string: cuts 2, where sent, and state 1: bit 0 the string is whole, 2 it moves, 3 cover.
func sealString(e *protocols.Event, v []byte) bool {
	if len(v) != 1 && len(v) != 3 {
		return false
	}
	if len(v) == 3 {
		e.Int("string_cuts", int64(number(v[:2])))
	}
	state := v[len(v)-1]
	e.Bool("string", state&1 != 0)
	e.Bool("motion", state>>2&1 != 0)
	e.Bool("cover", state>>3&1 != 0)
	return true
}
