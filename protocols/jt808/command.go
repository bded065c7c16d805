package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxText is the longest text of a command in bytes.
const maxText = 200

// encode is Protocol.Encode. The serial number of the message is the low half of the command's ID; the terminal names it in its answer.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	t, err := terminalOf(s)
	if err != nil {
		return nil, fmt.Errorf("jt808: %s: %w", c.Name, err)
	}
	id, body, err := t.command(s, c)
	if err != nil {
		return nil, fmt.Errorf("jt808: %s: %w", c.Name, err)
	}
	return appendMessage(nil, t.flag, t.is2019, t.version, id, t.identity, uint16(c.ID), body), nil
}

// terminal is what the header of a message to a device needs, and its family.
type terminal struct {
	flag     byte
	is2019   bool
	version  byte
	identity []byte
	family   family
}

// terminalOf takes the header from what the connection taught; a device that was never heard gets that of 2013.
func terminalOf(s *protocols.Session) (terminal, error) {
	known := call{s: s}
	t := terminal{flag: flagStandard, family: known.family()}
	text := s.Device
	if state := stateText(s.State); len(state) > atIdentity {
		if speaksLock(state) {
			t.flag = flagLock
		}
		if v, err := hex.DecodeString(state[atVersion:atIdentity]); err == nil {
			t.is2019, t.version = true, v[0]
		}
		text = state[atIdentity:]
	} else {
		if !isDigits(text) || len(text) > 12 {
			return t, errors.New("the device was not heard yet, and its id does not tell the form of its header")
		}
		text = strings.Repeat("0", 12-len(text)) + text
	}
	identity, err := hex.DecodeString(text)
	t.identity = identity
	return t, err
}

// Words of terminal control, 0x8105.
const (
	controlReboot  = 0x04
	controlFactory = 0x05
	controlCut     = 0x64
	controlRestore = 0x65
	controlArm     = 0x66
	controlDisarm  = 0x67
	controlCutF0   = 0xf0
	controlOpenF1  = 0xf1
)

// command is the id and the body of a command.
func (t *terminal) command(s *protocols.Session, c protocols.Command) (id uint16, body []byte, err error) {
	switch c.Name {
	case "custom":
		return t.text(s, c)
	case "engine_stop", "engine_resume":
		return t.engine(s, c)
	case "position":
		return msgLocate, nil, nil
	case "track":
		interval, err1 := unsigned(c, "interval", 16)
		seconds, err2 := unsigned(c, "seconds", 32)
		body = binary.BigEndian.AppendUint16(nil, uint16(interval))
		return msgTrack, binary.BigEndian.AppendUint32(body, uint32(seconds)), errors.Join(err1, err2)
	case "reboot":
		return msgControl, []byte{controlReboot}, nil
	case "factory_reset":
		if c.Args["confirm"] != "yes" {
			return 0, nil, errors.New("the device would lose its server: argument confirm=yes is missing")
		}
		return msgControl, []byte{controlFactory}, nil
	case "arm":
		return msgControl, []byte{controlArm}, nil
	case "disarm":
		return msgControl, []byte{controlDisarm}, nil
	case "parameters":
		return queryParameters(c)
	case "version":
		return msgQueryProperties, nil, nil
	case "interval":
		return number32(c, parameterInterval, "seconds")
	case "heartbeat":
		return number32(c, parameterHeartbeat, "seconds")
	case "speed_limit":
		return number32(c, parameterSpeed, "kmh")
	case "parameter":
		return setParameter(c)
	case "lock", "unlock":
		if t.is2019 {
			return 0, nil, errors.New("the edition of 2019 has another layout, which is not known")
		}
		if c.Name == "lock" {
			return msgVehicleControl, []byte{1}, nil
		}
		return msgVehicleControl, []byte{0}, nil
	case "video_start":
		return videoStart(c)
	case "video_stop":
		channel, err := unsigned(c, "channel", 8)
		return msgVideoStop, []byte{byte(channel), 0, 0, 0}, err
	}
	return 0, nil, errors.New("unknown command")
}

// text is the operator's own words: as a text message, or in the way that the family takes commands.
func (t *terminal) text(s *protocols.Session, c protocols.Command) (uint16, []byte, error) {
	switch {
	case c.Text == "" || !printable([]byte(c.Text)) || strings.Trim(c.Text, "\x00") != c.Text:
		return 0, nil, errors.New("text: printable ASCII only")
	case len(c.Text) > maxText:
		return 0, nil, fmt.Errorf("text: %d bytes, more than %d", len(c.Text), maxText)
	}
	switch t.family {
	case familyAsset, familyVL300:
		return msgSetParameters, parameter(commandParameter, []byte(c.Text)), nil
	case familyCamera:
		return msgSendTransparent, append([]byte{passOBD}, c.Text...), nil
	}
	flag := byte(2)
	switch v, _ := s.Options.Get("text_flag"); v {
	case "", "2":
	case "1":
		flag = 1
	default:
		return 0, nil, fmt.Errorf("option text_flag is %q, not 1 or 2", v)
	}
	if t.is2019 {
		return msgSendText, append([]byte{flag, 1}, c.Text...), nil
	}
	return msgSendText, append([]byte{flag}, c.Text...), nil
}

// engine cuts the fuel, or no longer.
func (t *terminal) engine(s *protocols.Session, c protocols.Command) (uint16, []byte, error) {
	stop := c.Name == "engine_stop"
	if t.family == familyVL300 {
		if stop {
			return msgControl, []byte("#0;1"), nil
		}
		return msgControl, []byte("#0;0"), nil
	}
	cut, restore := byte(controlCut), byte(controlRestore)
	switch v, _ := s.Options.Get("cut"); v {
	case "", "64":
	case "f0":
		cut, restore = controlCutF0, controlOpenF1
	default:
		return 0, nil, fmt.Errorf("option cut is %q, neither 64 nor f0", v)
	}
	if stop {
		return msgControl, []byte{cut}, nil
	}
	return msgControl, []byte{restore}, nil
}

// unsigned is a decimal argument of that many bits.
func unsigned(c protocols.Command, name string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(c.Args[name], 10, bits)
	if err != nil {
		return 0, fmt.Errorf("argument %s is no number of %d bits", name, bits)
	}
	return v, nil
}

// parameter is the body that sets one parameter.
func parameter(id uint32, v []byte) []byte {
	body := binary.BigEndian.AppendUint32([]byte{1}, id)
	return append(append(body, byte(len(v))), v...)
}

// number32 sets a parameter of four bytes.
func number32(c protocols.Command, id uint32, name string) (uint16, []byte, error) {
	v, err := unsigned(c, name, 32)
	return msgSetParameters, parameter(id, binary.BigEndian.AppendUint32(nil, uint32(v))), err
}

// setParameter sets parameter id (hex) to a value; argument type is u8, u16, u32 (if absent) or text.
func setParameter(c protocols.Command) (uint16, []byte, error) {
	id, err := strconv.ParseUint(c.Args["id"], 16, 32)
	if err != nil {
		return 0, nil, errors.New("argument id is no number in hex")
	}
	value := c.Args["value"]
	bits := 32
	switch c.Args["type"] {
	case "text":
		if len(value) > maxText || value != "" && !printable([]byte(value)) {
			return 0, nil, fmt.Errorf("argument value: at most %d printable ASCII characters", maxText)
		}
		return msgSetParameters, parameter(uint32(id), []byte(value)), nil
	case "u8":
		bits = 8
	case "u16":
		bits = 16
	case "", "u32":
	default:
		return 0, nil, errors.New("argument type is none of u8, u16, u32, text")
	}
	v, err := unsigned(c, "value", bits)
	if err != nil {
		return 0, nil, err
	}
	return msgSetParameters, parameter(uint32(id), binary.BigEndian.AppendUint32(nil, uint32(v))[4-bits/8:]), nil
}

// queryParameters asks for all parameters, or for those of argument ids: numbers in hex, with commas.
func queryParameters(c protocols.Command) (uint16, []byte, error) {
	if c.Args["ids"] == "" {
		return msgQueryAll, nil, nil
	}
	fields := strings.Split(c.Args["ids"], ",")
	if len(fields) > 50 {
		return 0, nil, errors.New("more than 50 ids")
	}
	body := []byte{byte(len(fields))}
	for _, s := range fields {
		id, err := strconv.ParseUint(s, 16, 32)
		if err != nil {
			return 0, nil, fmt.Errorf("id %q is no number in hex", s)
		}
		body = binary.BigEndian.AppendUint32(body, uint32(id))
	}
	return msgQuerySome, body, nil
}

// videoStart asks a camera to send a channel to host and TCP port: picture only, main stream.
func videoStart(c protocols.Command) (uint16, []byte, error) {
	host := c.Args["host"]
	if host == "" || len(host) > maxText || !printable([]byte(host)) {
		return 0, nil, errors.New("argument host: printable ASCII only")
	}
	port, err1 := unsigned(c, "port", 16)
	channel, err2 := unsigned(c, "channel", 8)
	body := append([]byte{byte(len(host))}, host...)
	body = binary.BigEndian.AppendUint16(body, uint16(port))
	return msgVideoStart, append(body, 0, 0, byte(channel), 1, 0), errors.Join(err1, err2)
}
