package xexun

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// encode is Protocol.Encode. To a device that speaks in sentences a command is the text that an SMS would hold; nothing ends it, and its answer is not known
// for certain. To a binary device it is a message whose answer has the same index.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	text, err := textOf(s, c)
	if err != nil {
		return nil, fmt.Errorf("xexun: %s: %w", c.Name, err)
	}
	if s.State != speaksBinary {
		return []byte(text), nil
	}
	id := make([]byte, 8)
	for i := range min(len(s.Device), 15) {
		if !isDigit(s.Device[i]) {
			return nil, fmt.Errorf("xexun: device %q is no IMEI", s.Device)
		}
		id[i/2] |= (s.Device[i] - '0') << (4 - i%2*4)
	}
	return appendFrame(nil, typeCommand, uint16(c.ID), id, []byte(text)), nil
}

// textOf is a command in the device's words.
func textOf(s *protocols.Session, c protocols.Command) (string, error) {
	if c.Name == "custom" {
		if c.Text == "" || len(c.Text) > maxSentence || !isText([]byte(c.Text)) {
			return "", fmt.Errorf("text: 1 to %d printable characters", maxSentence)
		}
		return c.Text, nil
	}
	if s.State == speaksBinary {
		switch c.Name {
		case "interval":
			n, err := strconv.ParseUint(c.Args["seconds"], 10, 32)
			if err != nil || n == 0 || n > 86_400 {
				return "", errors.New("argument seconds is 1 to 86400")
			}
			return fmt.Sprintf("tracking_send=%d,%d", n, n), nil
		case "reboot":
			return "reset", nil
		case "power_off":
			return "of=1", nil
		}
		return "", errors.New("unknown command")
	}
	state, known := map[string]string{"engine_stop": "11", "engine_resume": "00"}[c.Name]
	if !known {
		return "", errors.New("unknown command")
	}
	password, err := password(s, c)
	return "powercar" + password + " " + state, err
}

// password is the command's, else the operator's, else the one that units are sold with.
func password(s *protocols.Session, c protocols.Command) (string, error) {
	p, ok := c.Args["password"]
	if !ok {
		p, ok = s.Options.Get("password")
	}
	if !ok {
		p = "123456"
	}
	if _, ok := protocols.ParseDigits([]byte(p)); !ok {
		return "", errors.New("password: 1 to 9 digits")
	}
	return p, nil
}
