package eelink

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand bounds the text of a command in bytes.
const maxCommand = 512

// encode is Protocol.Encode: PID 80 with type 1, the command's ID, which the device repeats, and a text that ends with #. A device that speaks
// by datagram gets it behind the header of one.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	words, err := commandText(c)
	if err != nil {
		return nil, fmt.Errorf("eelink: %s: %w", c.Name, err)
	}
	var b []byte
	if s.State == viaUDP {
		if b, err = appendHead(b, s.Device); err != nil {
			return nil, err
		}
	}
	b = append(b, 0x67, 0x67, pidCommand)
	b = binary.BigEndian.AppendUint16(b, uint16(2+1+4+len(words)))
	b = binary.BigEndian.AppendUint16(b, uint16(c.ID))
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, c.ID)
	b = append(b, words...)
	if s.State == viaUDP {
		seal(b)
	}
	return b, nil
}

// appendHead appends the header of a datagram to a device, without size and checksum.
func appendHead(b []byte, imei string) ([]byte, error) {
	if len(imei) != 15 {
		return nil, errors.New("eelink: the device has not told its IMEI")
	}
	b = append(b, 'E', 'L', 0, 0, 0, 0)
	imei = "0" + imei
	for i := 0; i < len(imei); i += 2 {
		b = append(b, (imei[i]-'0')<<4|(imei[i+1]-'0'))
	}
	return b, nil
}

func commandText(c protocols.Command) (string, error) {
	switch c.Name {
	case "position":
		return "WHERE#", nil
	case "engine_stop":
		return "RELAY,1#", nil
	case "engine_resume":
		return "RELAY,0#", nil
	case "reboot":
		return "RESET#", nil
	case "custom":
		return customText(c.Text)
	}
	return "", errors.New("unknown command")
}

// customText is the operator's own words: printable, and one command only.
func customText(t string) (string, error) {
	if n := len(t); n > 0 && t[n-1] == '#' {
		t = t[:n-1]
	}
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
