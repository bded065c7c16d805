package gt06

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// The sibling protocol of Topin, 365GPS and Zhongxun. Its times are UTC unless the operator names a zone.

// sibling reads a message without serial and checksum.
func (c *call) sibling() error {
	b := c.info
	if c.number == msgLogin {
		c.f.Type = "login"
		return c.siblingLogin()
	}
	c.f.Type = siblingName(c.number)
	switch c.number {
	case 0x10, 0x11:
		if len(b) >= 6 {
			c.echo(byte(c.length), b[:6])
		}
	case 0x13:
		c.echo(byte(c.length), b)
	case 0x17, 0x69, 0x18, 0x19, 0x1a:
		if len(b) >= 6 {
			c.echo(0, b[:6])
		}
	case 0x30:
		c.clock()
		return nil
	case 0x08:
		if len(b) == 0 {
			return nil // heartbeat
		}
	}
	e := c.f.Add(protocols.Status)
	e.Int("type", int64(c.number))
	if !c.siblingRead(e) {
		c.unread(e, b)
	}
	c.siblingFinish(e)
	return nil
}

func siblingName(number byte) string {
	switch number {
	case 0x08, 0x09, 0x10, 0x11:
		return "sibling_location"
	case 0x13:
		return "sibling_status"
	case 0x17, 0x18, 0x19, 0x1a, 0x69:
		return "sibling_wifi"
	case 0x30:
		return "sibling_time"
	case 0x94, 0x99:
		return "sibling_alarm"
	}
	return "sibling_unknown"
}

// echo answers with the same number.
func (c *call) echo(length byte, info []byte) {
	r := append(c.f.Reply, 0x78, 0x78, length, c.number)
	c.f.Reply = append(append(r, info...), 0x0d, 0x0a)
}

// clock sends the time: year 2, month, day, hour, minute, second.
func (c *call) clock() {
	var d [6]byte
	putDate(d[:], c.received)
	year := c.received.Time().Year()
	r := append(c.f.Reply, 0x78, 0x78, 7, 0x30, byte(year>>8), byte(year))
	c.f.Reply = append(append(r, d[1:]...), 0x0d, 0x0a)
}

// siblingLogin reads IMEI 8, version 1. The answer is 01, or 44 for a device that is refused, and the time.
func (c *call) siblingLogin() error {
	b := c.info
	if len(b) < 8 || !isIMEI(b) {
		return fmt.Errorf("gt06: login without a device id: %w", protocols.ErrMalformed)
	}
	const state = "t--------" + "-0"
	c.bind(b[:8], state)
	c.f.Refuse = append(c.f.Refuse, 0x78, 0x78, byte(c.length), msgLogin, 0x44, 0x0d, 0x0a)
	c.echo(byte(c.length), []byte{1})
	c.clock()
	return nil
}

// siblingRead reads what is a record. False: nothing was read.
func (c *call) siblingRead(e *protocols.Event) bool {
	b := c.info
	switch c.number {
	case 0x08, 0x09:
		return c.siblingLocation(e)
	case 0x10, 0x11:
		return c.siblingGPS(e)
	case 0x13:
		return c.siblingStatus(e)
	case 0x17, 0x18, 0x19, 0x1a, 0x69:
		return c.siblingWiFi(e)
	case 0x94:
		e.Alarm = "vibration"
		return len(b) == 0
	case 0x99:
		e.Alarm = "sos"
		return len(b) == 0
	}
	return false
}

// siblingGPS reads messages 0x10 and 0x11 (stored): GPS block, altitude 2 and alarm 1 optional.
func (c *call) siblingGPS(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	c.offline(e, 0x11)
	rest := b[gpsSize:]
	if len(rest) >= 2 {
		e.SetAlt(float64(int16(binary.BigEndian.Uint16(rest))))
		rest = rest[2:]
	}
	if len(rest) == 1 {
		c.siblingAlarm(e, rest[0])
		rest = nil
	}
	c.unread(e, rest)
	return true
}

// siblingLocation reads messages 0x08 and 0x09 (stored): date 6, latitude and longitude twice, of degrees 1 and sign and millionths 3,
// speed 1, course/2 1, satellites 1.
func (c *call) siblingLocation(e *protocols.Event) bool {
	b := c.info
	if len(b) < 25 || !plausibleDate(b) {
		return false
	}
	c.date = b[:6]
	c.fix = e.SetFix(millionths(b[6:]), millionths(b[10:]), true)
	e.SetSpeed(float64(b[22]))
	e.SetCourse(float64(b[23]) * 2)
	e.SetSats(b[24])
	c.offline(e, 0x09)
	e.Text("raw", hexText(b[14:22])+hexText(b[25:])) // the second pair of coordinates, and what follows
	return true
}

// millionths reads degrees 1, sign nibble and 20 bits of millionths.
func millionths(b []byte) float64 {
	v := float64(b[0]) + float64(u24(b[1:])&0xfffff)/1e6
	if b[1]>>4 != 0 {
		return -v
	}
	return v
}

// siblingStatus reads message 0x13: battery % 1, firmware 1, time zone 1, interval 1, and in longer ones signal 1, spare 3, charging 1,
// heart rate 1.
func (c *call) siblingStatus(e *protocols.Event) bool {
	b := c.info
	if len(b) < 4 {
		return false
	}
	c.percent(e, b[0])
	e.Int("firmware_number", int64(b[1]))
	e.Int("device_zone", int64(int8(b[2])))
	e.Int("interval", int64(b[3]))
	if len(b) > 4 {
		e.Int("rssi", int64(b[4]))
	}
	if len(b) > 8 {
		e.Bool("charging", b[8] != 0)
	}
	if len(b) > 9 {
		e.Int("heart_rate", int64(b[9]))
	}
	spare, more := b[min(5, len(b)):min(8, len(b))], b[min(10, len(b)):]
	if !allZero(spare) || len(more) > 0 {
		e.Text("raw", hexText(spare)+hexText(more))
	}
	return true
}

// siblingWiFi reads the WiFi messages: date 6 in BCD, as many access points as LEN says, cell count 1, MCC 2, MNC 1, cells of LAC 2, id 2,
// level 1, alarm 1 optional. 0x17 and 0x19 are stored.
func (c *call) siblingWiFi(e *protocols.Event) bool {
	b := c.info
	at := 6 + 7*c.length
	if len(b) <= at {
		return false
	}
	var date [6]byte
	for i, x := range b[:6] {
		if x>>4 > 9 || x&15 > 9 {
			return false
		}
		date[i] = x>>4*10 + x&15
	}
	if t, ok := civil(date[:]); ok {
		c.at = t - protocols.Millis(c.s.Options.Zone.Seconds)*1000
	}
	points, cells := newCells(), newCells()
	points.points(b[6:], c.length)
	points.addAs(e, "wifi")
	count := int(b[at])
	at++
	if len(b) >= at+3 {
		n := network{binary.BigEndian.Uint16(b[at:]), uint16(b[at+2])}
		at = cells.slots(b, at+3, count, n, oldCell)
		cells.add(e)
	}
	if len(b) == at+1 {
		c.siblingAlarm(e, b[at])
		at++
	}
	c.unread(e, b[at:])
	if c.number == 0x17 || c.number == 0x19 {
		e.Stored = true
		e.Bool("archive", true)
	}
	return true
}

// offline marks the record as stored when the message has that number.
func (c *call) offline(e *protocols.Event, number byte) {
	if c.number == number {
		e.Stored = true
		e.Bool("archive", true)
	}
}

// siblingAlarm reads the alarm byte: bit 0 vibration, bit 1 over-speed, bit 4 low battery.
func (c *call) siblingAlarm(e *protocols.Event, v byte) {
	switch {
	case v == 0:
		return
	case v&1 != 0:
		e.Alarm = "vibration"
	case v&2 != 0:
		e.Alarm = "overspeed"
	case v&16 != 0:
		e.Alarm = "low_battery"
	default:
		e.Alarm = "general"
	}
	e.Int("alarm_code", int64(v))
}

// siblingFinish is finish without the login's zone, which this protocol does not have.
func (c *call) siblingFinish(e *protocols.Event) {
	if c.date != nil {
		if t, ok := civil(c.date); ok {
			c.at, c.date = t-protocols.Millis(c.s.Options.Zone.Seconds)*1000, nil
		}
	}
	c.finish(e)
}
