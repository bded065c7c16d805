package teltonika

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// maxBeacons bounds a record's list in bytes of JSON. The longest packet of a device makes a quarter of it.
const maxBeacons = 32 << 10

// openBeacon starts another object in the record's list of beacons; false when the list is full.
func (r *recordReader) openBeacon() bool {
	if len(r.beacons) > maxBeacons {
		if !r.has("beacons_cut") {
			r.event.Bool("beacons_cut", true)
		}
		return false
	}
	if len(r.beacons) == 0 {
		r.beacons = append(r.beacons, '[')
	} else {
		r.beacons = append(r.beacons, ',')
	}
	r.beacons = append(r.beacons, '{')
	return true
}

// simpleBeacons reads element 385:
//
//	part 1 (number, of) | beacons: flags 1 | id | RSSI 1 | battery 2 | temperature 2
//
// flags: bit 0 RSSI, bit 1 battery, bit 2 temperature, bit 5 iBeacon (id: UUID 16, major 2, minor 2), else Eddystone (id:
// namespace 10, instance 6).
func (r *recordReader) simpleBeacons(v []byte) {
	if len(v) == 0 {
		r.noBeacons = true
		return
	}
	if part := v[0]; (part>>4 != 1 || part&15 != 1) && !r.has("beacon_part") {
		r.event.Int("beacon_part", int64(part>>4))
		r.event.Int("beacon_parts", int64(part&15))
	}
	if v = v[1:]; len(v) == 0 {
		r.noBeacons = true
	}
	for len(v) > 0 {
		flags := v[0]
		size := 1 + 16
		if flags&0x20 != 0 {
			size = 1 + 20
		}
		id := size
		size += int(flags&1) + int(flags&2) + int(flags&4)>>1
		if !r.openBeacon() {
			return
		}
		if size > len(v) {
			r.beacons = append(appendHexMember(r.beacons, "rest", v), '}')
			return
		}
		b := r.beacons
		if flags&0x20 != 0 {
			b = appendHexMember(b, "uuid", v[1:17])
			b = appendNumber(b, "major", int64(binary.BigEndian.Uint16(v[17:])))
			b = appendNumber(b, "minor", int64(binary.BigEndian.Uint16(v[19:])))
		} else {
			b = appendHexMember(b, "namespace", v[1:11])
			b = appendHexMember(b, "instance", v[11:17])
		}
		at := id
		if flags&1 != 0 {
			b = appendNumber(b, "rssi_dbm", int64(int8(v[at])))
			at++
		}
		if flags&2 != 0 {
			b = appendDecimal(b, "battery_v", int64(binary.BigEndian.Uint16(v[at:])), 3)
			at += 2
		}
		if flags&4 != 0 { // its scale is not known
			b = appendNumber(b, "temperature", int64(int16(binary.BigEndian.Uint16(v[at:]))))
		}
		r.beacons = append(b, '}')
		v = v[size:]
	}
}

// tlvBeacons reads the lists of elements 548, 10828 and the like:
//
//	header 1 | beacons: length 1 | items: id 1 | length 1 | value
//
// What is cut off, or comes twice, is kept in hex as the beacon's rest.
func (r *recordReader) tlvBeacons(v []byte) {
	if len(v) <= 1 {
		r.noBeacons = true
		return
	}
	for v = v[1:]; len(v) > 0 && v[0] != 0; {
		if !r.openBeacon() {
			return
		}
		size := int(v[0])
		if size > len(v)-1 {
			r.beacons = append(appendHexMember(r.beacons, "rest", v), '}')
			return
		}
		r.beacons = append(appendBeacon(r.beacons, v[1:1+size]), '}')
		v = v[1+size:]
	}
	r.noBeacons = true // unless one was added
}

// appendBeacon appends the members of one beacon.
func appendBeacon(b, items []byte) []byte {
	var seen [4]uint64 // items that came
	for len(items) > 0 {
		rest := items
		if len(items) < 2 || int(items[1]) > len(items)-2 || seen[items[0]>>6]&(1<<(items[0]&63)) != 0 {
			return appendHexMember(b, "rest", rest)
		}
		id, v := items[0], items[2:2+int(items[1])]
		items = items[2+int(items[1]):]
		seen[id>>6] |= 1 << (id & 63)
		switch {
		case id == 0 && len(v) == 1:
			b = appendNumber(b, "rssi_dbm", int64(int8(v[0])))
		case id == 1 && len(v) > 0:
			b = appendHexMember(b, "id", v)
		case id == 2 && len(v) > 0 && seen[0]&sensorItems == 0:
			b = appendEYE(b, v)
			seen[0] |= sensorItems
		case id == 5:
			b = appendText(appendName(b, "name"), printable(v))
		case id == 6 && len(v) == 2:
			b = appendDecimal(b, "temp_c", int64(int16(binary.BigEndian.Uint16(v))), 2)
		case id == 7 && len(v) == 1:
			b = appendNumber(b, "humidity_pct", int64(v[0]))
		case id == 8 && len(v) == 1:
			b = appendBool(b, "magnet", v[0] != 0)
		case id == 9 && len(v) == 1:
			b = appendBool(b, "moving", v[0] != 0)
		case id == 10 && len(v) == 2:
			b = appendNumber(b, "movement_count", int64(binary.BigEndian.Uint16(v)))
		case id == 11 && len(v) == 1:
			b = appendNumber(b, "pitch_deg", int64(int8(v[0])))
		case id == 12 && len(v) == 2:
			b = appendNumber(b, "roll_deg", int64(int16(binary.BigEndian.Uint16(v))))
		case id == 13 && len(v) == 1:
			b = appendBool(b, "low_battery", v[0] != 0)
		case id == 14 && len(v) == 2:
			b = appendDecimal(b, "battery_v", int64(binary.BigEndian.Uint16(v)), 3)
		case id == 15 && len(v) == 6:
			b = appendName(b, "mac")
			b = append(b, '"')
			for i, x := range v {
				if i > 0 {
					b = append(b, ':')
				}
				b = append(b, hexDigits[x>>4], hexDigits[x&15])
			}
			b = append(b, '"')
		default:
			b = appendHexMember(b, "item_"+strconv.Itoa(int(id)), v)
		}
	}
	return b
}

// sensorItems are the items that say the same as an EYE sensor's advertisement.
const sensorItems = 1<<6 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12 | 1<<13 | 1<<14

// appendEYE appends what an EYE sensor advertises: flags 1, then what the flags announce.
func appendEYE(b, v []byte) []byte {
	flags, at := v[0], 1
	sizes := [8]int{0: 2, 1: 1, 4: 2, 5: 3, 7: 1}
	size := 1
	for i, n := range sizes {
		if flags>>i&1 != 0 {
			size += n
		}
	}
	if size > len(v) {
		return appendHexMember(b, "advertisement", v)
	}
	if flags&0x01 != 0 {
		b = appendDecimal(b, "temp_c", int64(int16(binary.BigEndian.Uint16(v[at:]))), 2)
		at += 2
	}
	if flags&0x02 != 0 {
		b = appendNumber(b, "humidity_pct", int64(v[at]))
		at++
	}
	if flags&0x04 != 0 {
		b = appendBool(b, "magnet", flags&0x08 != 0)
	}
	if flags&0x10 != 0 {
		n := binary.BigEndian.Uint16(v[at:])
		b = appendBool(b, "moving", n&0x8000 != 0)
		b = appendNumber(b, "movement_count", int64(n&0x7fff))
		at += 2
	}
	if flags&0x20 != 0 {
		b = appendNumber(b, "pitch_deg", int64(int8(v[at])))
		b = appendNumber(b, "roll_deg", int64(int16(binary.BigEndian.Uint16(v[at+1:]))))
		at += 3
	}
	if flags&0x40 != 0 {
		b = appendBool(b, "low_battery", true)
	}
	if flags&0x80 != 0 {
		b = appendDecimal(b, "battery_v", 200+int64(v[at]), 2)
		at++
	}
	if at < len(v) {
		b = appendHexMember(b, "advertisement_rest", v[at:])
	}
	return b
}

func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(appendName(b, name), v)
}

// appendDecimal appends v / 10^scale as a member, without trailing zeros.
func appendDecimal(b []byte, name string, v int64, scale int) []byte {
	unit := 1.0
	for range scale {
		unit *= 10
	}
	return strconv.AppendFloat(appendName(b, name), float64(v)/unit, 'f', -1, 64)
}

func appendHexMember(b []byte, name string, v []byte) []byte {
	b = append(appendName(b, name), '"')
	b = hex.AppendEncode(b, v)
	return append(b, '"')
}

// appendText appends a JSON string of a text without control characters.
func appendText(b, text []byte) []byte {
	b = append(b, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '<' || r == '>' || r == '&':
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default: // RuneError, for what is not UTF-8, is U+FFFD
			b = utf8.AppendRune(b, r)
		}
		text = text[size:]
	}
	return append(b, '"')
}
