package jt808

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trackgate/trackgate/protocols"
)

// hexText adds bytes in hex, whatever their number: it is bounded by the frame's.
func hexText(e *protocols.Event, name string, v []byte) {
	if 2*len(v) <= protocols.MaxText {
		e.Text(name, hex.EncodeToString(v))
		return
	}
	q := append(hex.AppendEncode(append(make([]byte, 0, 2*len(v)+2), '"'), v), '"')
	e.JSON(name, string(q))
}

// text adds a text of the device, in GBK. Beyond ASCII it is kept in hex under the name with _gbk, unless it is UTF-8.
func text(e *protocols.Event, name string, v []byte) {
	v = trimmed(v)
	if len(v) == 0 {
		return
	}
	if !utf8.Valid(v) {
		hexText(e, name+"_gbk", v)
		return
	}
	if len(v) <= protocols.MaxText {
		e.Text(name, string(v))
		return
	}
	if quoted, err := json.Marshal(string(v)); err == nil {
		e.JSON(name, string(quoted))
	}
}

// trimmed cuts off the padding of a text.
func trimmed(v []byte) []byte { return bytes.Trim(v, "\x00 \r\n") }

// printable tells whether v is ASCII that can be shown, with nothing but zeros behind it.
func printable(v []byte) bool {
	v = bytes.TrimRight(v, "\x00")
	for _, x := range v {
		if x < ' ' || x > '~' {
			return false
		}
	}
	return len(v) > 0
}

// digitsOf is a BCD number as text, without filler digits and the zeros before it where zeros says so.
func digitsOf(v []byte) string {
	return strings.TrimRight(hex.EncodeToString(v), "f")
}

// decimalText is an unsigned number of at most eight bytes as text.
func decimalText(v []byte) string { return strconv.FormatUint(number(v), 10) }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// sentence reads `( ... )`, which locks send: a request for the time, or the answer to a command.
func (c *call) sentence() {
	body := string(c.content)
	id, rest, found := strings.Cut(body, ",")
	if c.s.Device == "" && found && len(id) >= 8 && len(id) <= 15 && isDigits(id) {
		if id = strings.TrimLeft(id, "0"); id != "" {
			c.s.Device = id
		}
	}
	c.f.Type = "sentence"
	if head, ok := strings.CutSuffix(rest, ",TIME"); ok && strings.HasSuffix(head, ",BASE,2") {
		c.f.Type = "time"
		at := strings.LastIndexByte(body, ',') + 1
		c.f.Reply = append(append(c.f.Reply, '('), body[:at]...)
		c.f.Reply = append(c.f.Reply, c.received.Time().Format("20060102150405")...)
		c.f.Reply = append(c.f.Reply, ')')
		return
	}
	e := c.f.Add(protocols.CommandResult)
	text(e, "result", c.content)
	e.FP = protocols.Fingerprint(c.content)
}

// splitComma is the fields of a text; nil when it is not printable.
func splitComma(v []byte) []string {
	if !printable(v) {
		return nil
	}
	return strings.Split(string(bytes.TrimRight(v, "\x00")), ",")
}

// isMAC tells whether s is six bytes in hex with colons.
func isMAC(s string) bool {
	if len(s) != 17 {
		return false
	}
	for i := range len(s) {
		switch x := s[i] | 0x20; {
		case i%3 == 2 && s[i] != ':':
			return false
		case i%3 != 2 && (x < 'a' || x > 'f') && (s[i] < '0' || s[i] > '9'):
			return false
		}
	}
	return true
}

// isSignal tells whether s is a number from -199 to 199 as JSON writes it.
func isSignal(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > -200 && n < 200 && strconv.Itoa(n) == s
}
