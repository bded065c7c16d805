package meitrack

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// flags is how many flags there are; a command's is its ID modulo that, and the answer has the same.
const flags = lastFlag - firstFlag + 1

// maxCommand is the longest text of a command in bytes.
const maxCommand = 512

// encode is Protocol.Encode.
//
// Names: position, reboot, engine_stop, engine_resume (output 1), output (output 1 to 5, value 0 or 1), arm, disarm, interval (seconds, a
// multiple of 10), sleep (level 0 to 2), sms (phone, text), photo (file), custom: command and parameters as the vendor writes them.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	if !isDigits([]byte(s.Device), 14, 15) {
		return nil, fmt.Errorf("meitrack: %s: the device %q has no IMEI", c.Name, s.Device)
	}
	text, err := commandText(c)
	if err != nil {
		return nil, fmt.Errorf("meitrack: %s: %w", c.Name, err)
	}
	if len(text) < 3 || len(text) > maxCommand || strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '*' }) >= 0 {
		return nil, fmt.Errorf("meitrack: %s: printable ASCII without *, 3 to %d characters", c.Name, maxCommand)
	}
	return appendFrame(nil, byte(firstFlag+c.ID%flags), []byte(s.Device), ","+text), nil
}

// outputs sets output n and leaves the others as they are, at any speed.
func outputText(n, value int) string {
	b := []byte("C01,0,22222")
	b[len(b)-6+n] = byte('0' + value)
	return string(b)
}

func commandText(c protocols.Command) (string, error) {
	switch c.Name {
	case "position":
		return "A10", nil
	case "reboot":
		return "F02", nil
	case "engine_stop":
		return outputText(1, 1), nil
	case "engine_resume":
		return outputText(1, 0), nil
	case "output":
		n, err := argument(c.Args, "output", 1, 5)
		if err != nil {
			return "", err
		}
		v, err := argument(c.Args, "value", 0, 1)
		return outputText(n, v), err
	case "arm":
		return "B21,1", nil
	case "disarm":
		return "B21,0", nil
	case "interval":
		v, err := argument(c.Args, "seconds", 10, 655350)
		if err == nil && v%10 != 0 {
			err = errors.New("seconds is a multiple of 10")
		}
		return "A12," + strconv.Itoa(v/10) + ",0", err
	case "sleep":
		v, err := argument(c.Args, "level", 0, 2)
		return "A73," + strconv.Itoa(v), err
	case "sms":
		phone := c.Args["phone"]
		if !isDigits([]byte(strings.TrimPrefix(phone, "+")), 3, 20) {
			return "", errors.New("phone is 3 to 20 digits")
		}
		return "C02,0," + phone + "," + c.Args["text"], nil
	case "photo":
		file := c.Args["file"]
		if file == "" {
			file = defaultPhoto
		}
		if !safeName([]byte(file)) {
			return "", errors.New("file is no name of a picture")
		}
		return "D03,1," + file, nil
	case "custom":
		word, _, _ := strings.Cut(c.Text, ",")
		if !upperWord([]byte(word)) {
			return "", errors.New("text begins with a command of three letters and digits")
		}
		return c.Text, nil
	}
	return "", errors.New("unknown command")
}

// argument reads a whole number of the command.
func argument(args map[string]string, name string, least, most int) (int, error) {
	v, err := strconv.ParseUint(args[name], 10, 31)
	if err != nil || int(v) < least || int(v) > most {
		return 0, fmt.Errorf("%s is %q, not a number from %d to %d", name, args[name], least, most)
	}
	return int(v), nil
}
