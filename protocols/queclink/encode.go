package queclink

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand bounds a command in bytes.
const maxCommand = 512

// encode is Protocol.Encode: AT+GT<command>=<password>,<parameters>,<serial number>$. The serial number is the low half of the command's
// ID, which the device's +ACK repeats.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, err := commandText(s, c)
	if err != nil {
		return nil, fmt.Errorf("queclink: %s: %w", c.Name, err)
	}
	if len(words) > maxCommand {
		return nil, fmt.Errorf("queclink: %s: %d bytes, more than %d", c.Name, len(words), maxCommand)
	}
	return []byte(words), nil
}

func commandText(s *protocols.Session, c protocols.Command) (string, error) {
	if c.Name == "custom" {
		return customText(c)
	}
	password, err := passwordOf(s, c)
	if err != nil {
		return "", err
	}
	serial := fmt.Sprintf("%04X", uint16(c.ID))
	request := func(sub string) (string, error) {
		return "AT+GTRTO=" + password + "," + sub + ",,,,,," + serial + "$", nil
	}
	switch c.Name {
	case "position":
		return request("1")
	case "reboot":
		return request("3")
	case "iccid":
		return request("6")
	case "signal":
		return request("7")
	case "version":
		return request("8")
	case "status", "battery":
		return request("9")
	case "engine_stop":
		return "AT+GTOUT=" + password + ",1,,,0,,,0,,,,,,,," + serial + "$", nil
	case "engine_resume":
		return "AT+GTOUT=" + password + ",0,,,0,,,0,,,,,,,," + serial + "$", nil
	}
	return "", errors.New("unknown command")
}

// passwordOf is the password of the device: the command's own, the operator's, or the default, which is the model's name.
func passwordOf(s *protocols.Session, c protocols.Command) (string, error) {
	p := c.Args["password"]
	if p == "" {
		p, _ = s.Options.Get("password")
	}
	if p == "" {
		p = strings.ToLower(s.Options.Model)
	}
	if p == "" {
		version, _, _ := strings.Cut(s.State, ",")
		p = modelOf([]byte(version)).name
	}
	if p == "" {
		return "", errors.New("the model is not known: option password is missing")
	}
	for _, r := range p {
		if (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return "", errors.New("password: letters and digits only")
		}
	}
	if len(p) > 20 {
		return "", errors.New("password: more than 20 characters")
	}
	return p, nil
}

// customText is the operator's own words: one whole command, AT+GT...$.
func customText(c protocols.Command) (string, error) {
	t := c.Text
	if !strings.HasSuffix(t, "$") {
		t += "$"
	}
	name, parameters, found := strings.Cut(strings.TrimPrefix(t, "AT+GT"), "=")
	switch {
	case !strings.HasPrefix(t, "AT+GT") || !found || len(name) < 2 || len(name) > 6 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "":
		return "", errors.New("text: a command begins with AT+GT, its name and =")
	case strings.Contains(parameters[:len(parameters)-1], "$"):
		return "", errors.New("text: $ ends a command")
	}
	for i := range len(t) {
		if t[i] < ' ' || t[i] > '~' {
			return "", errors.New("text: printable ASCII only, not " + strconv.QuoteRune(rune(t[i])))
		}
	}
	return t, nil
}
