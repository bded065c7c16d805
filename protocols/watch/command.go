package watch

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/trackgate/trackgate/protocols"
)

// maxContent is the longest content that LEN can name, in bytes.
const maxContent = 0xffff

// encode is Protocol.Encode. The device says the command's word again when it obeys.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	content, err := command(c)
	if err == nil && len(content) > maxContent {
		err = fmt.Errorf("%d bytes, more than %d", len(content), maxContent)
	}
	if err == nil && s.Device == "" {
		err = errors.New("the device has not named itself")
	}
	if err != nil {
		return nil, fmt.Errorf("watch: %s: %w", c.Name, err)
	}
	b := make([]byte, 0, maxHeader+len(content))
	b = append(append(b, '['), sender(s)...)
	b = append(append(b, '*'), s.Device...)
	if len(s.State) > 2 {
		b = append(b, "*0001"...) // any number will do
	}
	b = appendLength(b, len(content))
	return append(append(b, content...), ']'), nil
}

// sender is the maker in the frames to the device.
func sender(s *protocols.Session) string {
	if option, ok := s.Options.Get("sender"); ok && len(option) == 2 && !strings.ContainsAny(option, "[]*,") {
		return option
	}
	switch {
	case len(s.State) < 2:
		return "CS"
	case s.State[:2] == "3G":
		return "SG" // as its vendor's server does
	}
	return s.State[:2]
}

// plain are the commands without arguments.
var plain = map[string]string{"position": "CR", "find": "FIND", "reboot": "RESET", "power_off": "POWEROFF", "version": "VERNO", "status": "TS"}

// switches are those that are on or off.
var switches = map[string]string{"sos_sms": "SOSSMS", "low_battery_sms": "LOWBAT", "remove_alarm": "REMOVE"}

// command is the content of the frame.
func command(c protocols.Command) ([]byte, error) {
	if word, ok := plain[c.Name]; ok {
		return []byte(word), nil
	}
	if word, ok := switches[c.Name]; ok {
		switch c.Args["on"] {
		case "1", "true":
			return []byte(word + ",1"), nil
		case "0", "false":
			return []byte(word + ",0"), nil
		}
		return nil, errors.New("argument on is 1 or 0")
	}
	switch c.Name {
	case "custom":
		return custom(c.Text)
	case "interval":
		return numbered("UPLOAD,", c.Args["seconds"], 6, "seconds")
	case "sos_number":
		if index := c.Args["index"]; len(index) != 1 || index < "1" || index > "3" {
			return nil, errors.New("argument index is 1, 2 or 3")
		}
		return numbered("SOS"+c.Args["index"]+",", c.Args["phone"], 20, "phone")
	case "message":
		if c.Text == "" {
			return nil, errors.New("no text")
		}
		b := []byte("MESSAGE,")
		for _, unit := range utf16.Encode([]rune(c.Text)) {
			b = fmt.Appendf(b, "%04x", unit)
		}
		return b, nil
	case "voice":
		data, err := hex.DecodeString(c.Args["data"])
		if err != nil || len(data) == 0 {
			return nil, errors.New("argument data is a recording in hex")
		}
		return appendEscaped([]byte("TK,"), data), nil
	case "timezone":
		return timezone(c.Args["zone"], c.Args["language"])
	}
	return nil, errors.New("unknown command")
}

// numbered is a command with one argument of digits; a telephone number may begin with a plus.
func numbered(words, digits string, longest int, name string) ([]byte, error) {
	if rest := strings.TrimPrefix(digits, "+"); rest == "" || len(rest) > longest || strings.Trim(rest, "0123456789") != "" ||
		rest != digits && name != "phone" {
		return nil, fmt.Errorf("argument %s is up to %d digits", name, longest)
	}
	return []byte(words + digits), nil
}

// timezone is LZ: the language's number, if any, and the hours east of Greenwich with their sign.
func timezone(zone, language string) ([]byte, error) {
	z, err := protocols.ParseZone(zone)
	if err != nil {
		return nil, err
	}
	if strings.Trim(language, "0123456789") != "" || len(language) > 3 {
		return nil, errors.New("argument language is a number")
	}
	b := []byte("LZ," + language + ",")
	if z.Seconds >= 0 {
		b = append(b, '+')
	}
	return strconv.AppendFloat(b, float64(z.Seconds)/3600, 'f', -1, 64), nil
}

// custom is the operator's own words: readable, and one frame only.
func custom(words string) ([]byte, error) {
	if words == "" {
		return nil, errors.New("no text")
	}
	for _, x := range []byte(words) {
		if x < ' ' || x == 0x7f || x == '[' || x == ']' || x == escape {
			return nil, errors.New("text: control characters, brackets and } would end or change the frame")
		}
	}
	return []byte(words), nil
}
