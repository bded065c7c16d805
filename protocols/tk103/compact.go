package tk103

import (
	"bytes"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// words are the compact messages that are known, and the command that each answers.
var words = map[string]struct{ name, answers string }{
	"BP00": {"BP00", ""}, "BP01": {"BP01", "AP07"}, "BP02": {"BP02", ""}, "BP03": {"BP03", ""}, "BP04": {"BP04", "AP00"}, "BP05": {"BP05", ""},
	"BP12": {"BP12", "AP12"}, "BR00": {"BR00", ""}, "BR01": {"BR01", ""}, "BR02": {"BR02", ""}, "BO01": {"BO01", ""}, "BO02": {"BO02", ""},
	"BV00": {"BV00", "AV00"}, "BV01": {"BV01", "AV01"}, "BQ81": {"BQ81", ""}, "BQ86": {"BQ86", ""}, "BZ00": {"BZ00", ""}, "BS50": {"BS50", ""},
	"BS51": {"BS51", ""}, "BT00": {"BT00", "AT00"},
}

// boAlarms are the types of BO01.
var boAlarms = [...]string{"power_cut", "collision", "sos", "vibration", "low_speed", "overspeed", "geofence_exit"}

// bqAlarms are the types of BQ81.
var bqAlarms = [...]string{"low_battery", "overspeed", "idling", "harsh_accel", "harsh_brake", "coolant_high"}

// compact reads a compact message; b is all of it, rest what follows the word.
func (c *call) compact(b, word, rest []byte) error {
	known := words[string(word)]
	if c.f.Type = known.name; known.name == "" {
		c.f.Type = "B"
	}
	switch known.name {
	case "BP00":
		c.answer("AP01HSO")
		return nil
	case "BP05":
		c.answer("AP05")
	}
	e := c.add(protocols.Status, b)
	if !c.readCompact(e, known.name, rest) {
		*e = protocols.Event{Kind: protocols.Status, FP: e.FP, Attrs: e.Attrs[:0]}
		c.unread(e, known.answers, word, rest)
	}
	settle(e)
	return nil
}

// readCompact reads what follows a word; false: it is not what that word has.
func (c *call) readCompact(e *protocols.Event, word string, b []byte) bool {
	switch word {
	case "BP04":
		e.Kind = protocols.CommandResult
		if !c.position(e, b) {
			return false
		}
		e.Text("command", "AP00")
		e.Text("result", "BP04")
		return true
	case "BP05":
		return c.login(e, b)
	case "BO01":
		return c.alarm(e, b)
	case "BQ81":
		return c.alarmOBD(e, b)
	case "BQ86":
		return c.rawOBD(e, b)
	case "BV00":
		if len(b) != 17 || !isName(b) {
			return false
		}
		e.Text("vin", string(b))
		return true
	case "BZ00":
		return cells(e, b)
	case "BS50":
		return battery(e, b)
	case "BS51":
		return batteryFrames(e, b)
	}
	return c.position(e, b)
}

// unread keeps what follows a word as the answer to a command, or where it can be none in hex.
func (c *call) unread(e *protocols.Event, answers string, word, b []byte) {
	switch {
	case answers != "", string(word) == "BP03", bytes.HasPrefix(word, []byte("BT")), bytes.HasPrefix(word, []byte("BS")):
		e.Kind = protocols.CommandResult
		if answers != "" {
			e.Text("command", answers)
		}
		e.Text("result", string(word)+string(b))
		if answers == "AP07" && len(b) > 0 {
			e.Text("software", string(b))
		}
	default:
		e.Text("raw", hexText(append(bytes.Clone(word), b...)))
	}
}

// login reads the IMEI and a position. A login without a readable position is one all the same.
func (c *call) login(e *protocols.Event, b []byte) bool {
	if len(b) < 15 {
		return false
	}
	imei, rest := b[:15], b[15:]
	if !c.position(e, rest) {
		return false
	}
	if _, ok := protocols.ParseDigits(imei[:9]); ok && !bytes.HasPrefix(imei, []byte("000")) && isName(imei) {
		e.Text("imei", string(imei))
	}
	return true
}

// alarm reads BO01: a digit and a position.
func (c *call) alarm(e *protocols.Event, b []byte) bool {
	if len(b) == 0 || !isDigit(b[0]) || !c.position(e, b[1:]) {
		return false
	}
	code := int(b[0] - '0')
	setAlarm(e, boAlarms[:], code)
	if confirm, _ := c.s.Options.Get("alarm_confirm"); confirm != "false" {
		c.answer("AS01" + string(b[:1]))
	}
	return true
}

func setAlarm(e *protocols.Event, list []string, code int) {
	if code < len(list) {
		e.Alarm = list[code]
		return
	}
	e.Alarm = "general"
	e.Int("alarm_code", int64(code))
}

// alarmOBD reads BQ81: ,ALARM,type,value, and a position.
func (c *call) alarmOBD(e *protocols.Event, b []byte) bool {
	parts := bytes.SplitN(b, []byte{','}, 5)
	if len(parts) != 5 || len(parts[0]) > 0 || string(parts[1]) != "ALARM" {
		return false
	}
	code, ok := protocols.ParseDigits(parts[2])
	if !ok || !c.position(e, parts[4]) {
		return false
	}
	if v, ok := protocols.ParseDecimal(parts[3]); ok {
		e.Dec("alarm_value", v.N, v.Scale)
	}
	setAlarm(e, bqAlarms[:], code)
	return true
}

// rawOBD reads BQ86: values that are kept as they are, with their time.
func (c *call) rawOBD(e *protocols.Event, b []byte) bool {
	f := bytes.Split(b, []byte{','})
	if len(f) < 4 || len(f[3]) != 12 {
		return false
	}
	c.time(e, f[3][:6], f[3][6:], yearFirst)
	e.Text("raw", hexText(b))
	return true
}

// answer prepares (<serial><words>).
func (c *call) answer(words string) {
	r := append(append(c.f.Reply[:0], '('), c.serial...)
	c.f.Reply = append(append(r, words...), ')')
}

// hexText is b as text, cut to what an attribute holds.
func hexText(b []byte) string { return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]) }
