package gt06

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/trackgate/trackgate/protocols"
)

// text is ASCII from the wire up to its first zero, without spaces and line ends around it.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return readable(string(b[:min(len(b), protocols.MaxText)]))
}

// readable is s with blanks for control characters, and none around it.
func readable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
}

// printable tells whether b is ASCII that people can read.
func printable(b []byte) bool {
	for _, x := range b {
		if x < 0x20 || x > 0x7e {
			return false
		}
	}
	return len(b) > 0
}

// appendQuoted appends b as a JSON string; what is not printable ASCII becomes a question mark.
func appendQuoted(dst, b []byte) []byte {
	dst = append(dst, '"')
	for _, x := range b {
		switch {
		case x == '"' || x == '\\':
			dst = append(dst, '\\', x)
		case x < 0x20 || x > 0x7e:
			dst = append(dst, '?')
		default:
			dst = append(dst, x)
		}
	}
	return append(dst, '"')
}

// words reads message 0x15, a device's words: length 1 of flag and text, server flag 4, text, language 2. With length 0 the text fills
// what there is and ends at its first zero.
func (c *call) words(e *protocols.Event) bool {
	b := c.info
	if len(b) < 5 {
		return false
	}
	n := int(b[0]) - 4
	rest := b[5:]
	switch {
	case b[0] == 0 && len(rest) >= 2:
		n = len(rest) - 2
	case n < 0 || n > len(rest):
		return false
	}
	words := rest[:n]
	flag := uint32(u32(b[1:]))
	if iccid, ok := bytes.CutPrefix(words, []byte("<ICCID:")); ok {
		e.Text("iccid", text(bytes.TrimSuffix(iccid, []byte(">"))))
	} else {
		c.result(e, flag, text(words))
	}
	if left := rest[n:]; len(left) == 2 {
		c.language(e, left)
	} else {
		c.unread(e, left)
	}
	return true
}

// wordsExtended reads message 0x21: server flag 4, encoding 1 (2: UTF-16), text.
func (c *call) wordsExtended(e *protocols.Event) bool {
	b := c.info
	if len(b) < 5 {
		return false
	}
	words := text(b[5:])
	if b[4] == 2 {
		words = wide(b[5:])
	}
	c.result(e, uint32(u32(b)), words)
	c.positionOfText(e, words)
	return true
}

// wide is UTF-16, highest byte first; an odd byte at the end is dropped.
func wide(b []byte) string {
	b = b[:min(len(b), protocols.MaxText)&^1]
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) > 0; b = b[2:] {
		units = append(units, uint16(b[0])<<8|uint16(b[1]))
	}
	return readable(string(utf16.Decode(units)))
}

// result keeps the answer to a command, and whether its words say that it was carried out.
func (c *call) result(e *protocols.Event, flag uint32, words string) {
	e.Kind = protocols.CommandResult
	e.Text("result", words)
	if flag != 0 {
		e.Int("command_id", int64(flag))
	}
	switch low := strings.ToLower(words); {
	case strings.Contains(low, "fail"), strings.Contains(low, "limit"), strings.Contains(low, "unvalued"):
		e.Bool("success", false)
	case strings.Contains(low, "success"), strings.Contains(low, "already"):
		e.Bool("success", true)
	}
}

// positionOfText reads the position that the answer to a position command holds:
//
//	Current position!Lat:N51.500700,Lon:W0.124600,Course:271.00,Speed:12.5000,DateTime:2024-07-15 09:30:05
//	http://maps.example/maps?q=51.500700,-0.124600
func (c *call) positionOfText(e *protocols.Event, words string) {
	if _, q, ok := strings.Cut(words, "q="); ok {
		lat, lng, ok := strings.Cut(q, ",")
		if end := strings.IndexFunc(lng, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' }); end >= 0 {
			lng = lng[:end]
		}
		if ok {
			e.SetFix(signed(lat), signed(lng), false) // it does not say when it was there
		}
		return
	}
	lat, ok1 := field(words, "Lat:")
	lng, ok2 := field(words, "Lon:")
	if !ok1 || !ok2 || !e.SetFix(signed(lat), signed(lng), true) {
		return
	}
	c.fix = true
	if v, ok := field(words, "Course:"); ok {
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			e.SetCourse(f)
		}
	}
	if v, ok := field(words, "Speed:"); ok {
		if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f < 2000 {
			e.SetSpeed(f)
		}
	}
	if v, ok := field(words, "DateTime:"); ok {
		c.date = textDate(v)
	}
}

// signed reads a coordinate with a letter or a sign before it; what is none gives a number beyond the globe.
func signed(s string) float64 {
	s = strings.TrimSpace(s)
	sign := 1.0
	if s != "" {
		switch s[0] {
		case 'S', 'W':
			sign, s = -1, s[1:]
		case 'N', 'E':
			s = s[1:]
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 1000
	}
	return sign * f
}

// field is what follows a name in words, up to the next comma or line end.
func field(words, name string) (string, bool) {
	_, v, ok := strings.Cut(words, name)
	if end := strings.IndexAny(v, ",\r\n"); end >= 0 {
		v = v[:end]
	}
	return strings.TrimSpace(v), ok
}

// textDate is the six bytes of a date 2024-07-15 09:30:05, or nil.
func textDate(v string) []byte {
	if len(v) < 19 || v[:2] != "20" {
		return nil
	}
	date := make([]byte, 6)
	for i, at := range [...]int{2, 5, 8, 11, 14, 17} {
		n, err := strconv.ParseUint(v[at:at+2], 10, 8)
		if err != nil {
			return nil
		}
		date[i] = byte(n)
	}
	return date
}
