package suntech

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// words are commands in the words of the legacy and of the universal devices.
var words = map[string][2]string{
	"position": {"02;StatusReq", "03;01"},
	"reboot":   {"02;Reboot", "03;03"},
	// Option "emergency answer": the device repeats an emergency until it is told so.
	"ack_emergency": {"02;AckEmerg", ""},
}

// outputs are the commands that switch outputs 1 to 3 off and on.
var outputs = [3][2][2]string{
	{{"02;Disable1", "04;02"}, {"02;Enable1", "04;01"}},
	{{"02;Disable2", "04;04"}, {"02;Enable2", "04;03"}},
	{{"02;Disable3", "04;10"}, {"02;Enable3", "04;09"}},
}

// maxCommand is the longest custom text in bytes.
const maxCommand = 512

// encode is Protocol.Encode. Legacy devices are spoken to by their model, PREFIXCMD;id;..., universal ones without, CMD;id;...; a device that
// has not said anything yet by the model that the registry knows, or as an SA200.
//
// Names: position, reboot, ack_emergency, engine_stop, engine_resume (output 1), output (output 1 to 3, value 0 or 1), custom: what
// follows the id.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	if s.Device == "" || !allDigits([]byte(s.Device)) {
		return nil, fmt.Errorf("suntech: %s: the device %q has no id of digits", c.Name, s.Device)
	}
	head, universal := "SA200", 0
	switch m := []byte(s.Options.Model); {
	case s.State == "u":
		universal = 1
	case s.State != "":
		head = s.State
	case s.Options.Model == "universal":
		universal = 1
	case len(m) >= 5 && isModel(m):
		head = s.Options.Model[:5]
	}
	text, err := commandText(c, universal)
	if err != nil {
		return nil, fmt.Errorf("suntech: %s: %w", c.Name, err)
	}
	if universal == 1 {
		head = ""
	}
	return []byte(head + "CMD;" + s.Device + ";" + text + "\r"), nil
}

func commandText(c protocols.Command, universal int) (string, error) {
	output, value := 0, 0
	switch c.Name {
	case "engine_stop":
		output, value = 1, 1
	case "engine_resume":
		output = 1
	case "output":
		o, v := c.Args["output"], c.Args["value"]
		if len(o) != 1 || o[0] < '1' || o[0] > '3' || v != "0" && v != "1" {
			return "", errors.New("output is 1 to 3 and value 0 or 1")
		}
		output, value = int(o[0]-'0'), int(v[0]-'0')
	case "custom":
		if c.Text == "" || len(c.Text) > maxCommand {
			return "", fmt.Errorf("text of %d bytes, 1 to %d can be sent", len(c.Text), maxCommand)
		}
		if strings.IndexFunc(c.Text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			return "", errors.New("text: printable ASCII only")
		}
		return c.Text, nil
	default:
		text := words[c.Name][universal]
		if text == "" {
			return "", errors.New("unknown command")
		}
		return text, nil
	}
	return outputs[output-1][value][universal], nil
}
