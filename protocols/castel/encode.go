package castel

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Types of commands.
const (
	cmdPetrol   = 0x4583 // CC: 1 cuts the petrol, 0 restores it
	cmdLocation = 0x3001 // SC: answered by B001
)

// maxCommand bounds the content of an operator's own command in bytes.
const maxCommand = 512

// encode is Protocol.Encode: a packet with header, version and id of the device. Commands to dongles begin with the low half of the command's ID, which
// comes back in the answer.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	head, f, err := headOf(s)
	if err != nil {
		return nil, fmt.Errorf("castel: %s: %w", c.Name, err)
	}
	id := []byte{byte(c.ID), byte(c.ID >> 8)}
	switch {
	case c.Name == "engine_stop" && f == familyCC:
		return appendPacket(nil, head, cmdPetrol, []byte{1}), nil
	case c.Name == "engine_resume" && f == familyCC:
		return appendPacket(nil, head, cmdPetrol, []byte{0}), nil
	case c.Name == "position" && f == familySC:
		return appendPacket(nil, head, cmdLocation, id), nil
	case c.Name == "custom":
		b, err := hex.DecodeString(c.Text)
		if err != nil || len(b) < 2 || len(b) > maxCommand {
			return nil, fmt.Errorf("castel: custom: text: type and content in hex, 2 to %d bytes", maxCommand)
		}
		return appendPacket(nil, head, binary.BigEndian.Uint16(b), b[2:]), nil
	}
	return nil, fmt.Errorf("castel: %s: unknown command for this family", c.Name)
}

// headOf is what packets to the device begin with, by what head kept of its own.
func headOf(s *protocols.Session) ([]byte, family, error) {
	if !plausibleID([]byte(s.Device)) || s.Device == "" || len(s.Device) > idSize {
		return nil, 0, errors.New("the device has not told its id")
	}
	id := append([]byte(s.Device), make([]byte, idSize-len(s.Device))...)
	if s.State == "2424" {
		return append([]byte{'$', '$', 0, 0}, id...), familyMPIP, nil
	}
	version, err := hex.DecodeString(strings.TrimPrefix(s.State, "v:"))
	if err != nil || len(version) != 1 {
		return nil, 0, errors.New("the family of the device is not known")
	}
	f := familyCC
	if version[0] == 3 || version[0] == 4 {
		f = familySC
	}
	return append([]byte{'@', '@', 0, 0, version[0]}, id...), f, nil
}
