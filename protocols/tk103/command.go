package tk103

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// encode is Protocol.Encode: (<serial><command>) for the compact dialect, [begin]sms2,<text>,[end] for the one with commas. Nothing ties an answer to its
// command but the word that it comes with.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	form, given := s.Options.Get("dialect")
	comma := form == "comma" || !given && strings.HasPrefix(s.State, "c")
	var words string
	var err error
	switch {
	case comma:
		words, err = commaWords(c)
	case s.Device == "":
		err = errors.New("the device has not named itself")
	default:
		words, err = compactWords(c)
	}
	if err != nil {
		return nil, fmt.Errorf("tk103: %s: %w", c.Name, err)
	}
	if comma {
		return []byte("[begin]sms2," + words + ",[end]"), nil
	}
	return []byte("(" + s.Device + words + ")"), nil
}

// compactCommands are those without arguments.
var compactCommands = map[string]string{
	"position": "AP00", "interval_stop": "AR0000000000", "engine_stop": "AV010", "engine_resume": "AV011", "circuit_cut": "AV000",
	"circuit_restore": "AV001", "reboot": "AT00", "version": "AP07", "odometer_reset": "AX01",
}

func compactWords(c protocols.Command) (string, error) {
	if w, ok := compactCommands[c.Name]; ok {
		return w, nil
	}
	switch c.Name {
	case "custom":
		return custom(c.Text, "()$")
	case "interval":
		n, err := strconv.ParseUint(c.Args["seconds"], 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("argument seconds is 1 to 65535")
		}
		return fmt.Sprintf("AR00%04X0000", n), nil
	}
	return "", errors.New("unknown command")
}

// commaCommands are those without arguments.
var commaCommands = map[string]string{
	"position": "*getposl*", "interval_stop": "*routetrackoff*", "version": "*about*", "status": "*status*", "power_off": "*turnoff*",
	"reboot": "88888888", "identification": "999999", "sos_on": "*soson*", "sos_off": "*sosoff*",
	"interval": "*routetrack*99*", // the device has no choice of intervals: 99 is for ever
}

func commaWords(c protocols.Command) (string, error) {
	if w, ok := commaCommands[c.Name]; ok {
		return w, nil
	}
	switch c.Name {
	case "custom":
		return custom(c.Text, "[]")
	case "server":
		a, err := netip.ParseAddr(c.Args["host"])
		port, err2 := strconv.ParseUint(c.Args["port"], 10, 16)
		if err != nil || err2 != nil || !a.Is4() || port == 0 {
			return "", errors.New("arguments host and port are an IPv4 address and 1 to 65535")
		}
		return fmt.Sprintf("*setip*%s*%d*", strings.ReplaceAll(a.String(), ".", "*"), port), nil
	case "sos_number":
		password, phone := c.Args["password"], c.Args["phone"]
		if !isDigits(password) || !isDigits(strings.TrimPrefix(phone, "+")) {
			return "", errors.New("arguments password and phone are digits")
		}
		return "*master*" + password + "*" + phone + "*", nil
	}
	return "", errors.New("unknown command")
}

// custom is the operator's own words: printable, and one command only.
func custom(text, delimiters string) (string, error) {
	if text == "" || len(text) > 400 || strings.ContainsAny(text, delimiters) {
		return "", fmt.Errorf("text: 1 to 400 bytes without any of %s", delimiters)
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			return "", errors.New("text: printable ASCII only")
		}
	}
	return text, nil
}

func isDigits(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
