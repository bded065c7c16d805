package gt06

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// information reads message 0x94: type 1 and data. As a short frame it has no type and holds external volts/100 2.
func (c *call) information(e *protocols.Event) bool {
	b := c.info
	if c.form == short && len(b) == 2 {
		e.Dec("power_v", u16(b), 2)
		return true
	}
	e.Int("information", int64(b[0]))
	if !c.informationOf(e, b[0], b[1:]) {
		c.unread(e, b[1:])
	}
	return true
}

// informationOf reads the data of one type. False: nothing was read.
func (c *call) informationOf(e *protocols.Event, kind byte, b []byte) bool {
	switch kind {
	case 0x00: // external volts/100 2; a further 1 marks the second analog input
		switch {
		case len(b) == 2:
			e.Dec("power_v", u16(b), 2)
		case len(b) == 3 && b[2] == 1:
			e.Dec("adc2_v", u16(b), 2)
		default:
			return false
		}
	case 0x04:
		return c.settings(e, b)
	case 0x05:
		return c.door(e, b)
	case 0x08:
		if !printable(bytes.TrimRight(b, "\r\n\x00")) {
			return false
		}
		e.Text("self_test", text(b))
	case 0x09:
		return c.satellites(e, b)
	case 0x0a:
		if len(b) != 26 {
			return false
		}
		c.identity(e, b)
		e.Text("imsi", imsi(b[8:16]))
		e.Text("iccid", string(bcdText(b[16:])))
	case 0x0b:
		switch len(b) {
		case 1:
			e.Int("radio", int64(b[0]))
		case 2:
			e.Dec("power_v", u16(b), 2)
		default:
			return false
		}
	case 0x0d:
		return c.fuelProbe(e, b)
	case 0x1b:
		return c.reader(e, b)
	case 0x1e:
		if len(b) != 8 {
			return false
		}
		e.Dec("temp1_c", int64(int32(u32(b))), 1)
		e.Dec("humidity_pct", u32(b[4:]), 1)
	case 0x21:
		if len(b) != 6 {
			return false
		}
		l := list{}
		l.mac(b)
		e.Text("mac", string(l.b[len(`{"mac":"`):len(l.b)-1]))
	default:
		return false
	}
	return true
}

// settings reads type 0x04, KEY=value; pairs. STA1 and DYD are hex: bit 7 of STA1 armed, bit 1 of DYD cut.
func (c *call) settings(e *protocols.Event, b []byte) bool {
	if !bytes.ContainsRune(b, '=') {
		return false
	}
	c.many = true
	l := make([]byte, 1, 512)
	l[0] = '{'
	for rest := text(b); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		key, value, found := strings.Cut(pair, "=")
		if !found {
			continue
		}
		if len(l) > 1 {
			l = append(l, ',')
		}
		l = appendQuoted(l, []byte(key))
		l = appendQuoted(append(l, ':'), []byte(value))
		switch v, err := strconv.ParseUint(value, 16, 8); {
		case key == "STA1" && err == nil:
			e.Bool("armed", v&0x80 != 0)
		case key == "DYD" && err == nil:
			e.Bool("blocked", v&2 != 0)
		case key == "ICCID" && value != "":
			e.Text("iccid", strings.TrimRight(value, "Ff"))
		case key == "IMSI" && value != "":
			e.Text("imsi", value)
		}
	}
	e.JSON("settings", string(append(l, '}')))
	return true
}

// door reads type 0x05: date 6, optional, flags 1: bit 0 door open, bit 1 trigger level high, bit 2 input level high.
func (c *call) door(e *protocols.Event, b []byte) bool {
	if len(b) == 7 {
		c.date, b = b[:6], b[6:]
	}
	if len(b) != 1 {
		return false
	}
	e.Bool("door", b[0]&1 != 0)
	e.Bool("trigger_high", b[0]&2 != 0)
	e.Bool("in1", b[0]&4 != 0)
	return true
}

// satellites reads type 0x09: module state 1, then for GPS and again for BeiDou a count 1 and signal levels of the used satellites and
// the same of the visible ones; length 1, extension.
func (c *call) satellites(e *protocols.Event, b []byte) bool {
	r := protocols.NewReader(b)
	state := r.U8()
	var counts [4]int
	levels := list{b: make([]byte, 1, 256)}
	for i := range counts {
		if r.Len() == 0 && i >= 2 {
			break
		}
		seen := r.Bytes(int(r.U8()))
		counts[i] = len(seen)
		if i%2 == 1 {
			for _, v := range seen {
				levels.open()
				levels.number("", uint64(v))
			}
		}
	}
	if r.Err() != nil {
		return false
	}
	e.Int("gnss_status", int64(state))
	e.SetSats(uint8(min(counts[0]+counts[2], 255)))
	e.Int("sats_visible", int64(counts[1]+counts[3]))
	levels.addAs(e, "snr")
	if more := r.Peek(1); more != nil && int(more[0]) == r.Len()-1 {
		r.Skip(1)
	}
	c.unread(e, r.Rest())
	return true
}

// fuelProbe reads type 0x0D: date 6 unless it begins with an exclamation mark, then
//
//	!AIOIL,address,level output cm,temperature,version,state,measured level cm,motion,multiples,checksum
func (c *call) fuelProbe(e *protocols.Event, b []byte) bool {
	if len(b) > 6 && b[0] != '!' {
		if !plausibleDate(b) || b[6] != '!' {
			return false
		}
		c.date, b = b[:6], b[6:]
	}
	part := strings.Split(text(b), ",")
	if len(part) < 7 || !strings.HasPrefix(part[0], "!AIOIL") {
		c.date = nil
		return false
	}
	if v, err := strconv.ParseFloat(part[2], 64); err == nil {
		e.Float("fuel_output_cm", v)
	}
	if v, err := strconv.ParseFloat(part[3], 64); err == nil {
		e.Float("temp1_c", v)
	}
	if v, err := strconv.ParseFloat(part[6], 64); err == nil {
		e.Float("fuel_level_cm", v)
	}
	e.Text("serial_data", text(b))
	return true
}

// reader reads type 0x1B: text, or a reader's frame of 02, type 1, card 4, checksum 1, 03.
func (c *call) reader(e *protocols.Event, b []byte) bool {
	switch {
	case len(b) == 8 && b[0] == 2 && b[7] == 3:
		e.Int("card_type", int64(b[1]))
		e.Text("driver_id", hexText(b[2:6]))
	case len(b) > 0 && (b[0]|0x20) >= 'a' && (b[0]|0x20) <= 'z':
		t := text(b)
		if id, ok := strings.CutPrefix(t, "RFID:"); ok {
			e.Text("driver_id", id)
		}
		e.Text("serial_data", t)
	default:
		return false
	}
	return true
}

// serialPort reads messages 0x9B and 0x9C, what a serial port of the device received: module type 1, bytes.
func (c *call) serialPort(e *protocols.Event) bool {
	b := c.info
	e.Int("module", int64(b[0]))
	data := b[1:]
	if line := bytes.TrimRight(data, "\r\n\x03"); printable(line) {
		e.Text("serial_data", string(line))
	} else {
		e.Text("serial_data", hexText(data))
	}
	return true
}
