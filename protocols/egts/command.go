package egts

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// subCommand is COMMAND_DATA.
const subCommand = 51

// Kinds of COMMAND_DATA, its high four bits.
const (
	commandConfirm = 1
	commandRequest = 5
)

// Bits of the flags of COMMAND_DATA: which of its fields are there.
const (
	commandCode    = 0x01 // length 1, code that authorises the command
	commandCharset = 0x02
)

// confirmDone is the confirmation of a command that was carried out.
const confirmDone = 0

// commandHead is the length of COMMAND_DATA without optional fields and data.
const commandHead = 10

// commands reads a record of the service of commands.
func (c *call) commands(rec *record) {
	for b := rec.data; ; {
		kind, data, rest, ok := nextSub(b)
		if !ok {
			return
		}
		switch {
		case kind == subResponse && len(data) == 3:
		case kind == subCommand && len(data) >= commandHead:
			c.commandResult(rec, data)
		default:
			e := c.add(rec, protocols.Status)
			e.FP = protocols.Fingerprint(b[:len(b)-len(rest)])
			e.Int("service", serviceCommands)
			hexText(e, "raw", b[:len(b)-len(rest)])
		}
		b = rest
	}
}

// commandResult reads COMMAND_DATA:
//
//	kind and confirmation 1 | command 4 | sender 4 | flags 1 | [character set 1] | [length 1 | code] | address 2 | size and action 1 | code 2 | data
func (c *call) commandResult(rec *record, b []byte) {
	e := c.add(rec, protocols.CommandResult)
	e.FP = protocols.Fingerprint([]byte{subCommand}, b)
	if rec.flags&recordTime != 0 {
		c.setTime(e, rec.time)
	}
	r := protocols.NewReader(b)
	kind, id, _, flags := r.U8(), r.U32LE(), r.U32LE(), r.U8()
	e.Int("type", int64(kind>>4))
	e.Int("command_id", int64(id))
	e.Int("command_state", int64(kind&15))
	if kind>>4 == commandConfirm && kind&15 == confirmDone {
		e.Bool("success", true)
	}
	if flags&commandCharset != 0 {
		r.U8()
	}
	if flags&commandCode != 0 {
		r.Skip(int(r.U8())) // the code is a secret
	}
	if r.Err() != nil || r.Len() == 0 {
		return
	}
	if kind>>4 == commandConfirm && r.Len() < 5 { // a confirmation may end here, or with a text
		result(e, r.Rest())
		return
	}
	r.Skip(3)
	code := r.U16LE()
	if r.Err() != nil {
		return
	}
	e.Int("command_code", int64(code))
	result(e, r.Rest())
}

// result adds what a device answers: a text where it is one.
func result(e *protocols.Event, b []byte) {
	if len(b) == 0 {
		return
	}
	for _, x := range b {
		if x < ' ' || x > '~' {
			hexText(e, "raw", b)
			return
		}
	}
	e.Text("result", string(b))
}

// words is a text that may hold anything.
func words(b []byte) string {
	for _, x := range b {
		if x < ' ' || x > '~' {
			return hex.EncodeToString(b)
		}
	}
	return string(b)
}

// encode is Protocol.Encode. The answer carries the number of the command.
func encode(_ *protocols.Session, c protocols.Command) ([]byte, error) {
	code, data, err := command(c)
	if err != nil {
		return nil, fmt.Errorf("egts: %s: %w", c.Name, err)
	}
	password := c.Args["password"]
	if len(password) > 255 {
		return nil, errors.New("egts: argument password is longer than 255 bytes")
	}
	out := appendHeader(nil, 0, typeData, uint16(c.ID))
	inner := len(out)
	out = appendRecord(out, uint16(c.ID), serviceCommands, serviceCommands)
	sub := len(out)
	out = append(out, subCommand, 0, 0, commandRequest<<4)
	out = binary.LittleEndian.AppendUint32(out, c.ID)
	out = append(out, 0, 0, 0, 0)
	if password == "" {
		out = append(out, 0)
	} else {
		out = append(out, commandCode, byte(len(password)))
		out = append(out, password...)
	}
	out = append(out, 0, 0, 0, byte(code), byte(code>>8))
	out = append(out, data...)
	binary.LittleEndian.PutUint16(out[sub+1:], uint16(len(out)-sub-3))
	closeRecord(out, inner)
	return seal(out, 0), nil
}

// maxCommand is the longest data of a command in bytes.
const maxCommand = 1024

// command is the code and the data of a command. The standard leaves what they are to the terminal's vendor, so the operator gives them.
func command(c protocols.Command) (code uint16, data []byte, err error) {
	if c.Name != "custom" {
		return 0, nil, errors.New("unknown command")
	}
	b, err := hex.DecodeString(c.Text)
	if err != nil || len(b) < 2 || len(b) > 2+maxCommand {
		return 0, nil, fmt.Errorf("text: the command's code as four hex digits, low byte first, and up to %d bytes of data in hex", maxCommand)
	}
	return binary.LittleEndian.Uint16(b), b[2:], nil
}
