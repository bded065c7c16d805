package watch

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// unread keeps a content that has no meaning here.
func (c *call) unread(e *protocols.Event) {
	e.Text("message", text(c.word))
	if len(c.data) > 0 {
		e.Text("data", text(c.data))
	}
}

// health reads what the watch measures of its wearer. False: it is something else. Without data it only confirms what we said.
func (c *call) health() bool {
	switch string(c.word) {
	case "PULSE", "heart", "HEART", "BLOOD", "bphrt", "oxygen", "btemp2", "TEMP":
	default:
		return false
	}
	if len(c.data) == 0 {
		return true
	}
	v := fields{c.data}
	e := c.add(protocols.Status)
	switch string(c.word) {
	case "PULSE", "heart", "HEART":
		addWhole(e, "heart_rate", v.next())
	case "BLOOD", "bphrt":
		addWhole(e, "pressure_high_mmhg", v.next())
		addWhole(e, "pressure_low_mmhg", v.next())
		if v.more() {
			addWhole(e, "heart_rate", v.next())
		}
	case "oxygen":
		v.next() // how it was measured
		addPercent(e, "blood_oxygen_pct", v.next())
	case "TEMP":
		addNumber(e, "temp1_c", v.next())
	case "btemp2":
		if flag, ok := whole(v.next()); ok && flag > 0 {
			addNumber(e, "temp1_c", v.next())
		}
	}
	if v.rest = trimmed(v.rest); len(v.rest) > 0 || len(e.Attrs) == 0 {
		e.Text("data", text(c.data))
	}
	return true
}

// trimmed is b, or nothing where it is commas only.
func trimmed(b []byte) []byte {
	for _, x := range b {
		if x != ',' {
			return b
		}
	}
	return nil
}

func addNumber(e *protocols.Event, name string, b []byte) {
	if v, ok := number(b); ok {
		e.Float(name, v)
	}
}

// commands are words that we send and that the device says again when it obeys, some with an answer behind them.
var commands = words(`ANY APN BTNAME CALL CCID CENTER CR DEVREFUSEPHONESWITCH FACTORY FALLDOWN FIND FLOWER GPSLEVEL HRTSTART IP LOWBAT LSSET LZ
	MESSAGE MONITOR PEDO PHB PHB2 PHBX POWEROFF PROFILE PW RAD REMIND REMOVE REMOVESMS RESET RG SILENCETIME SILENCETIME2 SLEEPTIME SMSONOFF
	SOS SOS1 SOS2 SOS3 SOSSMS SMS TS UPLOAD URL VERNO WALKTIME WHITELIST1 WHITELIST2 WORK rcapture`)

func words(list string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// other reads the answers to commands, and what is not known.
func (c *call) other() {
	switch {
	case string(c.word) == "ICCID" && len(c.data) > 0:
		c.f.Type = "ICCID"
		c.add(protocols.Status).Text("iccid", text(c.data))
	case commands[string(c.word)]:
		c.f.Type = "command"
		e := c.add(protocols.CommandResult)
		e.Text("command", string(c.word))
		e.Text("result", text(c.data))
	default:
		c.unread(c.add(protocols.Status))
	}
}

// voice reads a voice message. One byte instead is the fate of one of ours.
func (c *call) voice() {
	word := string(c.word)
	switch len(c.data) {
	case 0:
		return
	case 1:
		e := c.add(protocols.CommandResult)
		e.Text("command", word)
		e.Text("result", text(c.data))
		e.Bool("success", c.data[0] == '1')
		return
	}
	size, ok := unescapedLen(c.data)
	if !ok {
		c.reply(word + ",0")
		return
	}
	e := c.add(protocols.Status)
	e.Text("file_kind", "voice")
	e.Int("file_size", int64(size))
	c.reply(word + ",1")
}

// voicePart reads a part of a voice message: 0,file,part,parts,bytes.
func (c *call) voicePart() {
	v := fields{c.data}
	v.next()
	name, part, parts := v.next(), v.next(), v.next()
	size, ok := unescapedLen(v.rest)
	if _, number := whole(part); !ok || !number || !v.more() {
		c.reply("JXTKR,0")
		return
	}
	e := c.add(protocols.Status)
	e.Text("file_kind", "voice")
	e.Text("file_name", text(name))
	addWhole(e, "file_part", part)
	addWhole(e, "file_parts", parts)
	e.Int("file_size", int64(size))
	c.reply("JXTKR,1")
}

// picture reads a picture: number,YYMMDDhhmmss,JPEG.
func (c *call) picture() {
	v := fields{c.data}
	if v.count() < 3 {
		if len(c.data) > 0 {
			c.unread(c.add(protocols.Status))
		}
		return
	}
	number, date := v.next(), v.next()
	size, ok := unescapedLen(v.rest)
	if !ok {
		size = len(v.rest)
	}
	e := c.add(protocols.Status)
	if len(date) == 12 {
		day := [...]byte{date[4], date[5], date[2], date[3], date[0], date[1]}
		c.setTime(e, day[:], date[6:])
	}
	e.Text("file_kind", "picture")
	addWhole(e, "photo_id", number)
	e.Int("file_size", int64(size))
}
