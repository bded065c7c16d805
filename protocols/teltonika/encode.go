package teltonika

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand is the longest text of a command in bytes.
const maxCommand = 512

// encode makes the packet of a command: codec 12, or codec 14 with the option codec=14.
//
// Names: engine_stop, engine_resume (argument seconds: only for so long), output (output 1 to 3, value 0 or 1, seconds),
// position, record, reboot, status, version, identity, inputs, element (id), get_parameter (id), custom. A custom text is
// sent as it is; with the argument encoding=hex it is bytes in hex digits.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	text, err := commandText(c)
	if err != nil {
		return nil, fmt.Errorf("teltonika: %s: %w", c.Name, err)
	}
	if len(text) == 0 || len(text) > maxCommand {
		return nil, fmt.Errorf("teltonika: %s: a command has 1 to %d bytes, this has %d", c.Name, maxCommand, len(text))
	}
	if v, _ := s.Options.Get("crlf"); v == "true" && c.Args["encoding"] != "hex" {
		text = append(text, '\r', '\n')
	}
	if v, _ := s.Options.Get("codec"); v != "14" {
		return appendPacket(nil, codec12, typeCommand, text), nil
	}
	if len(s.Device) != 15 || !allDigits([]byte(s.Device)) {
		return nil, fmt.Errorf("teltonika: codec 14 needs an IMEI of 15 digits, the device is %q", s.Device)
	}
	imei, err := hex.DecodeString("0" + s.Device)
	if err != nil {
		return nil, fmt.Errorf("teltonika: IMEI: %w", err)
	}
	return appendPacket(nil, codec14, typeCommand, append(imei, text...)), nil
}

// fixedTexts are the commands without arguments.
var fixedTexts = map[string]string{
	"position": "getgps",
	"record":   "getrecord",
	"reboot":   "cpureset",
	"status":   "getstatus",
	"version":  "getver",
	"identity": "getimeiccid",
	"info":     "getinfo",
	"inputs":   "getio",
}

func commandText(c protocols.Command) ([]byte, error) {
	if text, ok := fixedTexts[c.Name]; ok {
		return []byte(text), nil
	}
	switch c.Name {
	case "engine_stop":
		return output(1, 1, c.Args)
	case "engine_resume":
		return output(1, 0, c.Args)
	case "output":
		number, err := argument(c.Args, "output", 1, 3)
		if err != nil {
			return nil, err
		}
		value, err := argument(c.Args, "value", 0, 1)
		if err != nil {
			return nil, err
		}
		return output(number, value, c.Args)
	case "element":
		id, err := argument(c.Args, "id", 1, 65535)
		return strconv.AppendInt([]byte("readio "), int64(id), 10), err
	case "get_parameter":
		id, err := argument(c.Args, "id", 1, 99999)
		return strconv.AppendInt([]byte("getparam "), int64(id), 10), err
	case "custom":
		if c.Args["encoding"] == "hex" {
			return hex.DecodeString(c.Text)
		}
		for _, r := range c.Text {
			if r < ' ' || r == 0x7f || r == '\ufffd' {
				return nil, errors.New("text holds a control character or is not UTF-8")
			}
		}
		return []byte(c.Text), nil
	}
	return nil, errors.New("unknown command")
}

// output sets one output and leaves the others: a ? stands for those before it.
func output(number, value int, args map[string]string) ([]byte, error) {
	b := []byte("setdigout ")
	for range number - 1 {
		b = append(b, '?')
	}
	b = append(b, byte('0'+value))
	if _, ok := args["seconds"]; !ok {
		return b, nil
	}
	seconds, err := argument(args, "seconds", 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	b = append(b, ' ')
	for range number - 1 {
		b = append(b, "0 "...)
	}
	return strconv.AppendInt(b, int64(seconds), 10), nil
}

// argument reads a whole number of the command.
func argument(args map[string]string, name string, least, most int) (int, error) {
	v, err := strconv.ParseUint(args[name], 10, 31)
	if err != nil || int(v) < least || int(v) > most {
		return 0, fmt.Errorf("%s is %q, not a number from %d to %d", name, args[name], least, most)
	}
	return int(v), nil
}
