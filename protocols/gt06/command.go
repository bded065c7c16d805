package gt06

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand is the longest text of a command in a short frame without language, in bytes.
const maxCommand = 245

// encode is Protocol.Encode: message 0x80 of length 1, server flag 4, text, and the language 2 where the operator's option asks for it.
// The server flag is the command's ID, which the device echoes with its answer; the serial number is the ID's low half.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	if sibling(s.State) {
		return nil, errors.New("gt06: the device speaks the sibling protocol, whose commands are not known")
	}
	words, err := commandText(s, c)
	if err != nil {
		return nil, fmt.Errorf("gt06: %s: %w", c.Name, err)
	}
	limit := maxCommand
	language, _ := s.Options.Get(optionLanguage)
	switch language {
	case "":
	case "1", "2":
		limit -= 2
	default:
		return nil, fmt.Errorf("gt06: option %s is %q, not 1 or 2", optionLanguage, language)
	}
	if len(words) > limit {
		return nil, fmt.Errorf("gt06: %s: %d bytes, more than %d", c.Name, len(words), limit)
	}
	info := make([]byte, 0, 5+len(words)+2)
	info = append(info, byte(4+len(words)), byte(c.ID>>24), byte(c.ID>>16), byte(c.ID>>8), byte(c.ID))
	info = append(info, words...)
	if language != "" {
		info = append(info, 0, language[0]-'0')
	}
	return appendFrame(nil, false, msgCommand, info, uint16(c.ID)), nil
}

// commandText is the command in the words of the vendor, which are those of its SMS commands.
func commandText(s *protocols.Session, c protocols.Command) (string, error) {
	switch c.Name {
	case "custom":
		return customText(c)
	case "engine_stop":
		return relay(s, c, "RELAY,1#", "DYD")
	case "engine_resume":
		return relay(s, c, "RELAY,0#", "HFYD")
	case "position":
		return "WHERE#", nil
	case "reboot":
		return "RESET#", nil
	case "status":
		return "STATUS#", nil
	case "parameters":
		return "PARAM#", nil
	case "version":
		return "VERSION#", nil
	case "arm":
		return "111#", nil
	case "disarm":
		return "000#", nil
	case "interval":
		return numbers("TIMER", c.Args["moving"], c.Args["static"])
	case "heartbeat":
		return numbers("HBT", c.Args["moving"], c.Args["static"])
	}
	return "", errors.New("unknown command")
}

// relay is the command for the fuel cut: the newer form, or the older one where a password is given or option relay=dyd is set.
func relay(s *protocols.Session, c protocols.Command, newer, older string) (string, error) {
	password := c.Args["password"]
	if kind, _ := s.Options.Get("relay"); password == "" && kind != "dyd" {
		return newer, nil
	}
	if password == "" {
		return older + "#", nil
	}
	for _, r := range password {
		if (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return "", errors.New("password: letters and digits only")
		}
	}
	return older + "," + password + "#", nil
}

// numbers is a command with two decimal arguments.
func numbers(name, a, b string) (string, error) {
	for _, v := range [...]string{a, b} {
		if v == "" || len(v) > 6 || strings.Trim(v, "0123456789") != "" {
			return "", errors.New("arguments moving and static are decimal numbers")
		}
	}
	return name + "," + a + "," + b + "#", nil
}

// customText is the operator's own words: printable, and one command only. A reset to the factory's settings loses the device, so it
// wants a confirmation.
func customText(c protocols.Command) (string, error) {
	t := c.Text
	switch {
	case t == "":
		return "", errors.New("no text")
	case !printable([]byte(t)):
		return "", errors.New("text: printable ASCII only")
	case strings.Contains(strings.TrimSuffix(t, "#"), "#"):
		return "", errors.New("text: # ends a command")
	case strings.HasPrefix(strings.ToUpper(strings.TrimSpace(t)), "FACTORY") && c.Args["confirm"] != "yes":
		return "", errors.New("the device would lose its server: argument confirm=yes is missing")
	}
	return t, nil
}
