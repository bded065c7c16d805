package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"unicode/utf16"

	"github.com/trackgate/trackgate/protocols"
)

// other reads the messages that are neither registrations nor plain locations.
func (c *call) other() {
	b := c.body
	switch c.id {
	case msgHeartbeat, msgHeartbeat0506:
		c.heartbeat()
	case msgGeneralAnswer:
		c.generalAnswer()
	case msgLocationsBrief:
		c.brief()
	case msgLocationAnswer, msgControlAnswer:
		c.locationAnswer()
	case msgParameters:
		c.parameters()
	case msgProperties:
		c.properties()
	case msgUpgraded:
		if len(b) != 2 {
			c.unread(b)
			return
		}
		e := c.result()
		e.Int("upgrade_type", int64(b[0]))
		e.Bool("success", b[1] == 0)
		e.Text("result", "upgrade: "+decimalText(b[1:]))
	case msgEvent:
		c.number("event", 1)
	case msgQuestionAnswer:
		if len(b) != 3 {
			c.unread(b)
			return
		}
		e := c.result()
		e.Int("command_id", int64(number(b[:2])))
		e.Text("result", decimalText(b[2:]))
	case msgInfoDemand:
		if len(b) != 2 {
			c.unread(b)
			return
		}
		e := c.status()
		e.Int("info_type", int64(b[0]))
		e.Bool("info_on", b[1] == 1)
	case msgWaybill:
		if n := len(b); n < 4 || binary.BigEndian.Uint32(b) != uint32(n-4) {
			c.unread(b)
			return
		}
		text(c.result(), "result", b[4:])
	case msgDriver:
		c.driver()
	case msgCAN:
		c.can()
	case msgMediaEvent, msgMediaData:
		c.media()
	case msgTransparent:
		c.transparent()
	case msgText:
		c.textUTF16()
	case msgTextVendor:
		if len(b) < 2 {
			c.unread(b)
			return
		}
		text(c.result(), "result", b[1:])
	case msgAccel:
		c.acceleration()
	case msgCompact, msgCompactStored:
		c.compact()
	default:
		if len(b) > 0 {
			c.unread(b)
		}
	}
}

// result adds an answer to a command.
func (c *call) result() *protocols.Event {
	e := c.status()
	e.Kind = protocols.CommandResult
	return e
}

// number keeps a body that is one number.
func (c *call) number(name string, size int) {
	if len(c.body) != size {
		c.unread(c.body)
		return
	}
	c.status().Int(name, int64(number(c.body)))
}

// heartbeat reads what one vendor adds to it: charge 1, signal 1, status 1.
func (c *call) heartbeat() {
	switch b := c.body; {
	case len(b) == 0:
	case len(b) == 3:
		e := c.status()
		percent(e, b[0])
		e.Int("rssi", int64(b[1]))
		e.Int("status", int64(b[2]))
	default:
		c.unread(b)
	}
}

// generalAnswer reads serial 2, id 2, result 1. An answer to an answer of ours says nothing of a command.
func (c *call) generalAnswer() {
	b := c.body
	if len(b) < 5 {
		c.unread(b)
		return
	}
	id := binary.BigEndian.Uint16(b[2:])
	switch id {
	case msgPlatformAnswer, msgRegistered, msgTimeAnswer, msgTimeVendorAnswer, msgMediaAnswer:
		return
	}
	e := c.result()
	e.Int("command_id", int64(binary.BigEndian.Uint16(b)))
	e.Text("command", hex.EncodeToString(b[2:4]))
	e.Bool("success", b[4] == resultOK)
	words := [...]string{"ok", "failure", "message error", "not supported"}
	if int(b[4]) < len(words) {
		e.Text("result", words[b[4]])
	} else {
		e.Text("result", decimalText(b[4:5]))
	}
}

// locationAnswer reads the serial number of the command and a location.
func (c *call) locationAnswer() {
	b := c.body
	if len(b) < 2+locationSize {
		c.unread(b)
		return
	}
	e := c.f.Add(protocols.CommandResult)
	e.Int("type", int64(c.id))
	e.Int("command_id", int64(binary.BigEndian.Uint16(b)))
	e.Bool("success", true)
	c.location(e, b[2:], true)
	e.FP = protocols.Fingerprint([]byte{byte(c.id >> 8), byte(c.id)}, b) // the same fix may come by itself as well
}

// properties reads message 0x0107: type 2, manufacturer 5 or 11, model 20 or 30, terminal 7 or 30, ICCID 10, and versions with a length of one
// byte before each, satellite systems 1, radios 1.
func (c *call) properties() {
	maker, model, terminal := 5, 20, 7
	if c.is2019() {
		maker, model, terminal = 11, 30, 30
	}
	r := protocols.NewReader(c.body)
	kind := r.U16()
	fields := [...][]byte{r.Bytes(maker), r.Bytes(model), r.Bytes(terminal)}
	iccid := r.Bytes(10)
	hardware := r.Bytes(int(r.U8()))
	software := r.Bytes(int(r.U8()))
	gnss, radio := r.U8(), r.U8()
	if r.Err() != nil {
		c.unread(c.body)
		return
	}
	e := c.result()
	e.Int("terminal_type", int64(kind))
	text(e, "manufacturer", fields[0])
	text(e, "model", fields[1])
	text(e, "terminal", fields[2])
	e.Text("iccid", digitsOf(iccid))
	text(e, "hardware", hardware)
	text(e, "software", software)
	e.Int("gnss_systems", int64(gnss))
	e.Int("radios", int64(radio))
	if r.Len() > 0 {
		hexText(e, "raw", r.Rest())
	}
}

// driver reads message 0x0702: the driver put his card into the reader, or took it out. The edition of 2011 has another layout: name, 20
// bytes of identity card, 40 of licence, agency.
func (c *call) driver() {
	b := c.body
	e := c.status()
	if len(b) == 1 || len(b) >= 7 && (b[0] == 1 || b[0] == 2) && plausible(b[1:]) {
		e.Bool("card_inserted", b[0] == 1)
		if len(b) >= 7 {
			c.setTime(e, b[1:], false)
		}
		if len(b) > 7 && b[0] == 1 {
			e.Int("card_result", int64(b[7]))
			r := protocols.NewReader(b[8:])
			name := r.Bytes(int(r.U8()))
			licence := r.Bytes(20)
			agency := r.Bytes(int(r.U8()))
			expiry := r.Bytes(4)
			if r.Err() == nil {
				text(e, "driver_name", name)
				text(e, "driver_id", licence)
				text(e, "agency", agency)
				e.Text("licence_expiry", hex.EncodeToString(expiry))
				text(e, "id_card", r.Rest())
				return
			}
		}
		if len(b) > 7 {
			hexText(e, "raw", b[7:])
		}
		return
	}
	r := protocols.NewReader(b)
	name, card, licence := r.Bytes(int(r.U8())), r.Bytes(20), r.Bytes(40)
	agency := r.Bytes(int(r.U8()))
	if r.Err() != nil || r.Len() > 0 {
		hexText(e, "raw", b)
		return
	}
	text(e, "driver_name", name)
	text(e, "id_card", card)
	text(e, "driver_id", licence)
	text(e, "agency", agency)
}

func plausible(b []byte) bool {
	_, ok := civil(b)
	return ok
}

// can reads message 0x0705: count 2, time 5 (hhmmss and ten-thousandths), then id 4 and data 8 of each. The time has no date: it is that of the day
// that brings it closest to the receipt.
func (c *call) can() {
	b := c.body
	if len(b) < 7 {
		c.unread(b)
		return
	}
	count := int(binary.BigEndian.Uint16(b))
	e := c.status()
	c.timeOfDay(e, b[2:7])
	l := newList()
	rest := b[7:]
	for ; count > 0 && len(rest) >= 12; count-- {
		id := binary.BigEndian.Uint32(rest)
		l.open()
		l.num(`{"id":`, int64(id&0x1fffffff))
		l.num(`,"channel":`, int64(id>>31))
		l.bool(`,"extended":`, id>>30&1 != 0)
		l.bool(`,"average":`, id>>29&1 != 0)
		l.hex(`,"data":`, rest[4:12])
		l.end()
		rest = rest[12:]
	}
	l.add(e, "can")
	if len(rest) > 0 {
		hexText(e, "raw", rest)
	}
}

// timeOfDay gives the event the time hh mm ss and two bytes of ten-thousandths.
func (c *call) timeOfDay(e *protocols.Event, b []byte) {
	h, m, s, f1, f2 := bcd(b[0]), bcd(b[1]), bcd(b[2]), bcd(b[3]), bcd(b[4])
	if h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || f1 < 0 || f2 < 0 {
		e.Text("time_source", "server")
		e.Text("device_date", hex.EncodeToString(b))
		return
	}
	const day = 24 * 3_600_000
	clock := protocols.Millis(((h*60+m)*60+s)*1000 + (f1*100+f2)/10)
	t := c.utc(c.received/day*day+clock, false)
	for t > c.received+day/2 {
		t -= day
	}
	for t < c.received-day/2 {
		t += day
	}
	e.Time = t
}

// media reads messages 0x0800 and 0x0801: id 4, type 1, format 1, event 1, channel 1; the latter then has the fixed part of a location,
// which one family leaves out, and data.
func (c *call) media() {
	b := c.body
	if len(b) < 8 {
		c.unread(b)
		return
	}
	e := c.status()
	e.Int("media_id", int64(binary.BigEndian.Uint32(b)))
	e.Int("media_type", int64(b[4]))
	e.Int("media_format", int64(b[5]))
	e.Int("event", int64(b[6]))
	e.Int("channel", int64(b[7]))
	rest := b[8:]
	if c.id == msgMediaData && len(rest) >= locationSize && plausible(rest[22:]) {
		e.Kind = protocols.Position
		fixed := rest[:locationSize]
		c.location(e, fixed, false)
		e.FP = protocols.Fingerprint([]byte{byte(c.id >> 8), byte(c.id)}, b)
		rest = rest[locationSize:]
	}
	if len(rest) > 0 {
		hexText(e, "media_data", rest)
	}
}

// textUTF16 reads message 0x1300: serial number of the command 2, text in UTF-16.
func (c *call) textUTF16() {
	b := c.body
	if len(b) < 2 {
		c.unread(b)
		return
	}
	e := c.result()
	e.Int("command_id", int64(binary.BigEndian.Uint16(b)))
	units := make([]uint16, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		units = append(units, binary.BigEndian.Uint16(b))
	}
	text(e, "result", []byte(string(utf16.Decode(units))))
}

// acceleration reads message 0x2070: samples of time 6 and three numbers of two bytes with a sign bit. The first gives the time.
func (c *call) acceleration() {
	b := c.body
	if len(b) == 0 || len(b)%12 != 0 || !plausible(b) {
		c.unread(b)
		return
	}
	e := c.status()
	c.setTime(e, b, false)
	first, _ := civil(b)
	l := newList()
	for ; len(b) >= 12; b = b[12:] {
		t, ok := civil(b)
		if !ok {
			t = first
		}
		l.open()
		l.num(`{"t_s":`, int64(t-first)/1000)
		for i, axis := range [...]string{`,"x":`, `,"y":`, `,"z":`} {
			v := int64(binary.BigEndian.Uint16(b[6+2*i:]))
			if v&0x8000 != 0 {
				v = -(v & 0x7fff)
			}
			l.num(axis, v)
		}
		l.end()
	}
	l.add(e, "accel_samples")
}
