package galileosky

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// encode is Protocol.Encode: a data packet that holds the identity, the command's number and its text. The answer repeats the number.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, err := text(s, c)
	if err == nil {
		err = readable(words)
	}
	if err != nil {
		return nil, fmt.Errorf("galileosky: %s: %w", c.Name, err)
	}
	b := []byte{headerData, 0, 0}
	number := uint16(0)
	if len(s.Device) == tags[tagIMEI].size && allDigits([]byte(s.Device)) {
		b = append(append(b, tagIMEI), s.Device...)
	} else {
		v, err := strconv.ParseUint(s.Device, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("galileosky: %s: the device is neither an IMEI nor a number", c.Name)
		}
		number = uint16(v)
	}
	b = binary.LittleEndian.AppendUint16(append(b, tagDevice), number)
	b = binary.LittleEndian.AppendUint32(append(b, 0xe0), c.ID)
	b = append(append(b, tagAnswer, byte(len(words))), words...)
	binary.LittleEndian.PutUint16(b[1:], uint16(len(b)-3))
	return binary.LittleEndian.AppendUint16(b, protocols.Modbus.Sum(b)), nil
}

// text is a command in the unit's words.
func text(s *protocols.Session, c protocols.Command) (string, error) {
	switch c.Name {
	case "custom":
		return c.Text, nil
	case "position", "status":
		return "Status", nil
	case "reboot":
		return "Reset", nil
	case "photo":
		return "makephoto 1", nil
	case "engine_stop", "engine_resume":
		how, _ := s.Options.Get("engine_output")
		n, err := strconv.ParseUint(how, 10, 4)
		if err != nil {
			return "", errors.New("no option engine_output says which output it is")
		}
		state := ",0"
		if c.Name == "engine_stop" {
			state = ",1"
		}
		return "Out " + strconv.FormatUint(n, 10) + state, nil
	}
	return "", errors.New("unknown command")
}

// readable says why a text is no command.
func readable(words string) error {
	if words == "" || len(words) > 255 {
		return errors.New("text of 1 to 255 bytes")
	}
	for _, x := range []byte(words) {
		if x < ' ' || x > '~' {
			return errors.New("text: only printable ASCII")
		}
	}
	return nil
}
