package tk103

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// events are the meanings of the words of the comma dialect: an alarm, or what it says of the ignition.
var events = map[string]struct{ name, alarm, ignition string }{
	"BP05": {name: "BP05"}, "ZC03": {name: "ZC03"}, "ZC20": {name: "ZC20"},
	"ZC07": {name: "ZC07"}, "DW30": {name: "DW30"}, "DW50": {name: "DW50"},
	"ZC11": {"ZC11", "movement", ""}, "DW31": {"DW31", "movement", ""}, "DW51": {"DW51", "movement", ""},
	"ZC12": {"ZC12", "low_battery", ""}, "DW32": {"DW32", "low_battery", ""}, "DW52": {"DW52", "low_battery", ""},
	"ZC13": {"ZC13", "power_cut", ""}, "DW33": {"DW33", "power_cut", ""}, "DW53": {"DW53", "power_cut", ""},
	"ZC15": {"ZC15", "", "on"}, "DW35": {"DW35", "", "on"}, "DW55": {"DW55", "", "on"},
	"ZC16": {"ZC16", "", "off"}, "DW36": {"DW36", "", "off"}, "DW56": {"DW56", "", "off"},
	"ZC17": {"ZC17", "tampering", ""}, "DW37": {"DW37", "tampering", ""}, "DW57": {"DW57", "tampering", ""},
	"ZC25": {"ZC25", "sos", ""}, "DW3E": {"DW3E", "sos", ""}, "DW5E": {"DW5E", "sos", ""},
	"ZC26": {"ZC26", "tampering", ""}, "DW3F": {"DW3F", "tampering", ""}, "DW5F": {"DW5F", "tampering", ""},
	"ZC27": {"ZC27", "low_power", ""}, "DW40": {"DW40", "low_power", ""}, "DW60": {"DW60", "low_power", ""},
	"ZC29": {"ZC29", "", "on"}, "DW42": {"DW42", "", "on"}, "DW62": {"DW62", "", "on"},
	"DW3B": {name: "DW3B"}, "DW5B": {name: "DW5B"},
}

// maxFields is how many fields of a message are looked at one by one.
const maxFields = 40

// comma reads a message of the comma dialect; b is all of it, rest what follows the word.
func (c *call) comma(b, word, rest []byte) error {
	meaning := events[string(word)]
	if c.f.Type = meaning.name; c.f.Type == "" {
		c.f.Type = "comma"
	}
	var store [maxFields][]byte
	f := split(&store, rest)
	if meaning.name == "BP05" {
		c.answer("AP05")
	}
	e := c.add(protocols.Status, b)
	if !c.readComma(e, word, rest, f) {
		*e = protocols.Event{Kind: protocols.Status, FP: e.FP, Attrs: e.Attrs[:0]}
		e.Text("raw", hexText(b))
	}
	if meaning.alarm != "" {
		e.Alarm = meaning.alarm
	}
	if meaning.ignition != "" {
		e.Bool("ignition", meaning.ignition == "on")
	}
	settle(e)
	return nil
}

// readComma picks the reader of the word; false: the fields are not what it has.
func (c *call) readComma(e *protocols.Event, word, rest []byte, f [][]byte) bool {
	switch {
	case string(word) == "ZC20":
		return c.charge(e, f)
	case string(word) == "ZC03":
		return c.text(e, rest)
	case word[0] == 'D' && (word[2] == '5' || word[2] == '6'):
		return c.network(e, f)
	}
	if !c.commaPosition(e, f) {
		return false
	}
	if string(word) == "DW3B" {
		e.Kind = protocols.CommandResult
		e.Text("command", "*getposl*")
		e.Text("result", "DW3B")
	}
	return true
}

// commaPosition reads ddmmyy, A or V, latitude, longitude, speed in km/h, hhmmss, course, then altitude in m and satellites, or an I/O state and an
// odometer.
func (c *call) commaPosition(e *protocols.Event, f [][]byte) bool {
	if len(f) < 6 || len(f[1]) != 1 || f[1][0] != 'A' && f[1][0] != 'V' {
		return false
	}
	latText, ns, more1 := hemisphere(f[2], 'N', 'S')
	lngText, ew, more2 := hemisphere(f[3], 'E', 'W')
	if ns == 0 || ew == 0 || len(more1)+len(more2) > 0 {
		return false
	}
	lat, ok1 := degrees(latText, ns == 'S')
	lng, ok2 := degrees(lngText, ew == 'W')
	if ok1 && ok2 {
		e.SetFix(lat, lng, f[1][0] == 'A')
	}
	if v, ok := protocols.ParseDecimal(f[4]); ok && v.N >= 0 {
		e.SetSpeed(v.Float())
	}
	c.time(e, f[0], f[5], dayFirst)
	f = f[6:]
	if len(f) > 0 {
		if v, ok := protocols.ParseDecimal(f[0]); ok {
			e.SetCourse(v.Float())
		}
		f = f[1:]
	}
	if len(f) > 0 && len(f[0]) == stateSize && c.state(e, f[0]) {
		f = f[1:]
		if len(f) > 0 && len(odometer(e, f[0])) == 0 {
			f = f[1:]
		}
		others(e, f, 9)
		return true
	}
	if len(f) > 0 {
		if v, ok := protocols.ParseDecimal(f[0]); ok {
			e.SetAlt(v.Float())
		}
		f = f[1:]
	}
	if len(f) > 0 {
		if n, ok := protocols.ParseDigits(f[0]); ok && n < 256 {
			e.SetSats(uint8(n))
		}
		f = f[1:]
	}
	others(e, f, 11)
	return true
}

// others keeps fields without a meaning, by their number in the message.
func others(e *protocols.Event, f [][]byte, first int) {
	for i, v := range f {
		if len(v) > 0 {
			e.Text(protocols.IOKey(uint16(first+i)), string(v))
		}
	}
}

// levels are what the battery levels of ZC20 are worth in percent.
var levels = [...]int64{2: 10, 3: 20, 4: 50, 5: 80, 6: 100}

// charge reads ZC20: ddmmyy, hhmmss, level, battery in 0.01 V, external power in 0.1 V, installed.
func (c *call) charge(e *protocols.Event, f [][]byte) bool {
	if len(f) < 5 {
		return false
	}
	c.time(e, f[0], f[1], dayFirst)
	if n, ok := protocols.ParseDigits(f[2]); ok && n >= 2 && n < len(levels) {
		e.Int("battery_pct", levels[n])
	} else if ok && n != 255 {
		e.Int("battery_level", int64(n))
	}
	if n, ok := protocols.ParseDigits(f[3]); ok && n != 0xffff {
		e.Dec("battery_v", int64(n), 2)
	}
	if n, ok := protocols.ParseDigits(f[4]); ok && n != 0xffff {
		e.Dec("power_v", int64(n), 1)
	}
	if len(f) > 5 {
		if n, ok := protocols.ParseDigits(f[5]); ok && n != 255 {
			e.Int("installed", int64(n))
		}
		others(e, f[6:], 9)
	}
	return true
}

// text reads ZC03: ddmmyy, hhmmss, $text$.
func (c *call) text(e *protocols.Event, b []byte) bool {
	f := bytes.SplitN(b, []byte{','}, 3)
	if len(f) != 3 {
		return false
	}
	c.time(e, f[0], f[1], dayFirst)
	e.Kind = protocols.CommandResult
	e.Text("result", string(bytes.TrimSuffix(bytes.TrimPrefix(f[2], []byte{'$'}), []byte{'$'})))
	return true
}

// network reads MCC, MNC, LAC, cell id, a count, that many access points as mac*signal*channel, ddmmyy, hhmmss. Where the count is wrong, the access
// points that are there count.
func (c *call) network(e *protocols.Event, f [][]byte) bool {
	if len(f) < 7 {
		return false
	}
	var n [4]int
	for i := range n {
		var ok bool
		if n[i], ok = protocols.ParseDigits(f[i]); !ok || i < 2 && n[i] > 999 {
			return false
		}
	}
	var list []byte
	for _, ap := range f[5 : len(f)-2] {
		list = appendAccessPoint(list, ap)
	}
	c.time(e, f[len(f)-2], f[len(f)-1], dayFirst)
	if n[2]|n[3] != 0 {
		e.Cell(uint16(n[0]), uint16(n[1]), uint32(n[2]), uint64(n[3]))
	}
	if len(list) > 0 {
		e.JSON("wifi", string(append(list, ']')))
	}
	return true
}

// appendAccessPoint appends mac*signal*channel to a JSON list under construction.
func appendAccessPoint(list, ap []byte) []byte {
	mac, rest, _ := bytes.Cut(ap, []byte{'*'})
	signal, channel, _ := bytes.Cut(rest, []byte{'*'})
	if len(mac) != 17 {
		return list
	}
	name, err := json.Marshal(string(bytes.ToLower(mac)))
	if err != nil {
		return list
	}
	list = append(append(append(list, "[,"[min(len(list), 1)]), `{"mac":`...), name...)
	if d, ok := protocols.ParseDecimal(signal); ok && d.Scale == 0 {
		list = strconv.AppendInt(append(list, `,"rssi_dbm":`...), d.N, 10)
	}
	if n, ok := protocols.ParseDigits(channel); ok {
		list = strconv.AppendInt(append(list, `,"channel":`...), int64(n), 10)
	}
	return append(list, '}')
}

// split cuts b into its fields; what is beyond the size of out stays in the last one.
func split(out *[maxFields][]byte, b []byte) [][]byte {
	n := 0
	for ; n < len(out)-1; n++ {
		at := bytes.IndexByte(b, ',')
		if at < 0 {
			break
		}
		out[n], b = b[:at], b[at+1:]
	}
	out[n] = b
	return out[:n+1]
}
