package meiligao

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Commands to the device.
const (
	cmdLocate    = 0x4101
	cmdInterval  = 0x4102
	cmdOverspeed = 0x4105
	cmdMovement  = 0x4106
	cmdOutputs   = 0x4114
	cmdOutput    = 0x4115
	cmdZone      = 0x4132
	cmdPhoto     = 0x4151
	cmdRestart   = 0x4902
)

// maxCommand is the longest custom command in bytes.
const maxCommand = 512

// fiveOutputs are the models that take all five outputs in one command, the second of which is the engine's relay.
var fiveOutputs = map[string]bool{"TK510": true, "GT08": true, "TK208": true, "TK228": true, "MT05": true}

// encode is Protocol.Encode. The answer has the same command: it can not tell two of the same kind apart.
//
// Names: position, interval (seconds, a multiple of 10), engine_stop, engine_resume, output (output 1 to 5, value 0 or 1; above 1 and on
// the models with five outputs only), reboot, zone (minutes east of Greenwich), photo, movement (metres), overspeed (kmh, a multiple
// of 10), custom: command and data in hex digits.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	id, err := deviceID(s.Device)
	if err != nil {
		return nil, fmt.Errorf("meiligao: %s: %w", c.Name, err)
	}
	command, data, err := request(s.Options.Model, c)
	if err != nil {
		return nil, fmt.Errorf("meiligao: %s: %w", c.Name, err)
	}
	return appendFrame(nil, id, command, data), nil
}

// deviceID is the seven bytes of an id: digits filled up with F. Of an IMEI only the first 14 digits are on the wire.
func deviceID(device string) ([]byte, error) {
	if len(device) == 15 {
		device = device[:14]
	}
	if len(device) > 14 || !allDigits([]byte(device)) {
		return nil, fmt.Errorf("the device %q has no id of 1 to 14 digits", device)
	}
	id := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for i, x := range []byte(device) {
		if i&1 == 0 {
			id[i/2] = (x-'0')<<4 | 0x0f
		} else {
			id[i/2] = id[i/2]&0xf0 | (x - '0')
		}
	}
	return id, nil
}

func request(model string, c protocols.Command) (command uint16, data []byte, err error) {
	switch c.Name {
	case "position":
		return cmdLocate, nil, nil
	case "reboot":
		return cmdRestart, nil, nil
	case "photo":
		return cmdPhoto, nil, nil
	case "interval":
		v, err := argument(c.Args, "seconds", 10, 655350, 10)
		return cmdInterval, []byte{byte(v / 10 >> 8), byte(v / 10)}, err
	case "overspeed":
		v, err := argument(c.Args, "kmh", 0, 2550, 10)
		return cmdOverspeed, []byte{byte(v / 10)}, err
	case "movement":
		v, err := argument(c.Args, "metres", 0, 65535, 1)
		return cmdMovement, []byte{byte(v >> 8), byte(v)}, err
	case "zone":
		v, err := argument(c.Args, "minutes", -14*60, 14*60, 1)
		return cmdZone, strconv.AppendInt(nil, int64(v), 10), err
	case "engine_stop", "engine_resume":
		on := 0
		if c.Name == "engine_stop" {
			on = 1
		}
		if fiveOutputs[model] {
			return cmdOutputs, outputs(2, on), nil
		}
		return cmdOutput, []byte{byte(on)}, nil
	case "output":
		n, err1 := argument(c.Args, "output", 1, 5, 1)
		v, err2 := argument(c.Args, "value", 0, 1, 1)
		switch {
		case err1 != nil || err2 != nil:
			return 0, nil, errors.Join(err1, err2)
		case fiveOutputs[model]:
			return cmdOutputs, outputs(n, v), nil
		case n > 1:
			return 0, nil, errors.New("this model has one output")
		}
		return cmdOutput, []byte{byte(v)}, nil
	case "custom":
		b, err := hex.DecodeString(c.Text)
		if err != nil || len(b) < 2 || len(b) > maxCommand {
			return 0, nil, fmt.Errorf("text is not 2 to %d bytes in hex digits", maxCommand)
		}
		return uint16(b[0])<<8 | uint16(b[1]), b[2:], nil
	}
	return 0, nil, errors.New("unknown command")
}

// outputs sets output n and keeps the others.
func outputs(n, value int) []byte {
	b := []byte{2, 2, 2, 2, 2}
	b[n-1] = byte(value)
	return b
}

// argument reads a whole number of the command.
func argument(args map[string]string, name string, least, most, step int) (int, error) {
	v, err := strconv.ParseInt(args[name], 10, 32)
	if err != nil || int(v) < least || int(v) > most || int(v)%step != 0 {
		return 0, fmt.Errorf("%s is %q, not a number from %d to %d in steps of %d", name, args[name], least, most, step)
	}
	return int(v), nil
}
