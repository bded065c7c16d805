package h02

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// record reads a binary record:
//
//	$ | id 5 or 8 BCD | hhmmss 3 | ddmmyy 3 | latitude 4 DDMMmmmm | battery 1 | longitude 4½ DDDMMmmmm | flags ½ | speed, course 3 | status 4 | tail
//
// flags: 8 east, 4 north, 2 valid. learnt says that its length was seen for sure.
func (c *call) record(b []byte, learnt bool) {
	at := 6
	var digits [16]byte
	hex.Encode(digits[:], b[1:9])
	id := digits[:10]
	if len(b) == lengthIMEI {
		at, id = 9, digits[:15]
	}
	for len(id) > 0 && id[len(id)-1] == 'f' {
		id = id[:len(id)-1]
	}
	c.name(id)
	if learnt {
		setBinaryLength(c.s, len(b))
	}
	e := c.f.Add(protocols.Position)

	var clock [12]byte // hhmmssddmmyy
	hex.Encode(clock[:], b[at:at+6])
	flags := b[at+15] & 15
	lat, lng := degrees(bcd(b[at+6:at+10])), degrees(bcd(b[at+11:at+15])*10+int(b[at+15]>>4))
	if flags&4 == 0 {
		lat = -lat
	}
	if flags&8 == 0 {
		lng = -lng
	}
	valid := flags&2 != 0
	if !e.SetFix(lat, lng, valid) {
		e.Kind = protocols.Status
	}
	c.time(e, clock[:6], clock[6:], valid)
	motion := b[at+16 : at+19]
	if isBCD(motion) {
		v := bcd(motion)
		e.SetSpeed(float64(v/1000) * c.knot())
		e.SetCourse(float64(v % 1000))
	}
	if pct, ok := batteryPct(int(b[at+10])); ok {
		e.Int("battery_pct", int64(pct))
	}
	c.status(e, binary.BigEndian.Uint32(b[at+19:]), true)
	c.tail(e, b[at+23:], len(b))
	c.settle(e)
	until := len(b)
	switch until {
	case lengthShort:
		until -= 2 // number of the record
	case lengthLong:
		until-- // serial number
	}
	e.FP = protocols.Fingerprint(b[1:until])
}

// tail reads what follows the status word; each length has a layout of its own.
func (c *call) tail(e *protocols.Event, b []byte, length int) {
	if b[0] != 0xff {
		e.Int("user_alarm", int64(b[0]))
	}
	b = b[1:]
	switch length {
	case lengthShort: // number 2
		if v := binary.BigEndian.Uint16(b); v != 0 {
			e.Int("record", int64(v))
		}
	case lengthLong: // vendor's 7 | MCC 2 | MNC 1 | LAC 2 | cell 2 | serial 1
		if v := uint64(binary.BigEndian.Uint32(b))<<24 | uint64(binary.BigEndian.Uint32(b[3:]))&0xffffff; v != 0 {
			e.Int(protocols.IOKey(30), int64(v))
		}
		cell{mcc: uint64(binary.BigEndian.Uint16(b[7:])), mnc: uint64(b[9]), lac: uint64(binary.BigEndian.Uint16(b[10:])),
			cid: uint64(binary.BigEndian.Uint16(b[12:]))}.add(e)
		e.Int("record", int64(b[14]))
	case lengthIMEI: // vendor's 9
		e.Text("raw", hexText(b))
	case lengthOdometer: // vendor's 2 | odometer 5 BCD, m | fuel 2 | altitude 3, m | LAC 2 | cell 2
		e.Int(protocols.IOKey(30), int64(binary.BigEndian.Uint16(b)))
		if isBCD(b[2:7]) {
			e.Int("odometer_m", int64(bcd(b[2:7])))
		}
		e.Int("fuel", int64(binary.BigEndian.Uint16(b[7:])))
		e.SetAlt(float64(int32(uint32(b[9])<<24|uint32(b[10])<<16|uint32(b[11])<<8) >> 8))
		lacOnly(e, uint64(binary.BigEndian.Uint16(b[12:])), uint64(binary.BigEndian.Uint16(b[14:])))
	}
}

func isBCD(b []byte) bool {
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return false
		}
	}
	return true
}

// bcd is the number that up to 8 bytes of BCD hold.
func bcd(b []byte) int {
	v := 0
	for _, c := range b {
		v = v*100 + int(c>>4)*10 + int(c&15)
	}
	return v
}

// degrees reads DDDMMmmmm.
func degrees(v int) float64 { return float64(v/1_000_000*600_000+v%1_000_000) / 600_000 }

// hexText is b as text, cut to what an attribute holds.
func hexText(b []byte) string { return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]) }
