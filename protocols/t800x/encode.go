package t800x

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand bounds the text of a command in bytes.
const maxCommand = 512

// encode is Protocol.Encode: message 81 in the family of the device, with the low half of the command's ID as serial number: 1 | text,
// which ends with #.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, err := commandText(s, c)
	if err != nil {
		return nil, fmt.Errorf("t800x: %s: %w", c.Name, err)
	}
	imei := s.Device
	if len(imei) != 15 || strings.Trim(imei, "0123456789") != "" {
		return nil, errors.New("t800x: the device has not told its IMEI")
	}
	family := byte(0)
	for i, name := range families {
		if name != "" && name == s.State {
			family = byte(0x20 | i)
		}
	}
	if family == 0 {
		return nil, errors.New("t800x: the family of the device is not known")
	}
	n := headSize + 1 + len(words)
	b := make([]byte, 0, n)
	b = append(b, family, family, msgCommand, byte(n>>8), byte(n), byte(c.ID>>8), byte(c.ID))
	imei = "0" + imei
	for i := 0; i < len(imei); i += 2 {
		b = append(b, (imei[i]-'0')<<4|(imei[i+1]-'0'))
	}
	return append(append(b, 1), words...), nil
}

func commandText(s *protocols.Session, c protocols.Command) (string, error) {
	if c.Name == "custom" {
		return customText(c)
	}
	password := c.Args["password"]
	if password == "" {
		password, _ = s.Options.Get("password")
	}
	if password == "" {
		password = "123456"
	}
	for _, r := range password {
		if (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') || len(password) > 20 {
			return "", errors.New("password: up to 20 letters and digits")
		}
	}
	switch c.Name {
	case "engine_stop":
		return "RELAY," + password + ",1#", nil
	case "engine_resume":
		return "RELAY," + password + ",0#", nil
	case "interval":
		moving, static := c.Args["moving"], c.Args["static"]
		for _, v := range [...]string{moving, static} {
			if v == "" || len(v) > 6 || strings.Trim(v, "0123456789") != "" {
				return "", errors.New("arguments moving and static are decimal numbers")
			}
		}
		return "TIMER," + password + "," + moving + "," + static + "#", nil
	}
	return "", errors.New("unknown command")
}

// customText is the operator's own words: printable, and one command only.
func customText(c protocols.Command) (string, error) {
	t := strings.TrimSuffix(c.Text, "#")
	if t == "" || len(t) > maxCommand {
		return "", fmt.Errorf("text: 1 to %d characters", maxCommand)
	}
	for i := range len(t) {
		if t[i] < ' ' || t[i] > '~' {
			return "", errors.New("text: printable ASCII only")
		}
		if t[i] == '#' {
			return "", errors.New("text: # ends a command")
		}
	}
	return t + "#", nil
}
