package ruptela

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxText is the longest text of a command in bytes.
const maxText = 160

// encode is Protocol.Encode. Nothing in a packet numbers it: the device answers with the command less 100, a text with 7.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	b, err := command(c)
	if err != nil {
		return nil, fmt.Errorf("ruptela: %s: %w", c.Name, err)
	}
	return b, nil
}

func command(c protocols.Command) ([]byte, error) {
	switch c.Name {
	case "custom":
		return custom(c)
	case "engine_stop":
		return withPassword(c, "immobilizer 10")
	case "engine_resume":
		return withPassword(c, "resetimmob")
	case "version":
		return appendPacket(nil, sendVersion), nil
	case "output":
		output, err1 := unsigned(c, "output")
		value, err2 := unsigned(c, "value")
		return appendPacket(nil, sendOutput, append(output, value...)...), errors.Join(err1, err2)
	case "odometer":
		m, err := unsigned(c, "meters")
		return appendPacket(nil, sendOdometer, m...), err
	case "server":
		return server(c)
	case "configuration":
		if err := oneLine(c.Text); err != nil {
			return nil, err
		}
		return appendPacket(nil, sendConfiguration, []byte(c.Text+"\r\n")...), nil
	case "files":
		from, err1 := unsigned(c, "from")
		to, err2 := unsigned(c, "to")
		return appendPacket(nil, sendFiles, append(append([]byte{1, 0}, from...), to...)...), errors.Join(err1, err2)
	}
	return nil, errors.New("unknown command")
}

// custom is a text as in an SMS, the password and a blank first, or a whole packet in hex.
func custom(c protocols.Command) ([]byte, error) {
	if b, err := hex.DecodeString(c.Text); err == nil && len(b) >= 5 && int(binary.BigEndian.Uint16(b))+overhead == len(b) &&
		protocols.Kermit.Sum(b[2:len(b)-2]) == binary.BigEndian.Uint16(b[len(b)-2:]) {
		return b, nil
	}
	if err := oneLine(c.Text); err != nil {
		return nil, err
	}
	return appendPacket(nil, sendText, []byte(c.Text)...), nil
}

// oneLine refuses a text that is empty, too long, or more than one line.
func oneLine(s string) error {
	if s == "" || len(s) > maxText || !printable([]byte(s)) || strings.ContainsAny(s, "\r\n\t") {
		return fmt.Errorf("text: 1 to %d printable ASCII characters", maxText)
	}
	return nil
}

// withPassword is a text command; a device without a password takes it with a blank in its place.
func withPassword(c protocols.Command, words string) ([]byte, error) {
	password := c.Args["password"]
	for _, x := range password {
		if (x < '0' || x > '9') && (x|0x20 < 'a' || x|0x20 > 'z') {
			return nil, errors.New("password: letters and digits only")
		}
	}
	if len(password) > 16 {
		return nil, errors.New("password: more than 16 characters")
	}
	return appendPacket(nil, sendText, []byte(password+" "+words)...), nil
}

// server sends the device to another server over TCP.
func server(c protocols.Command) ([]byte, error) {
	ip, err := netip.ParseAddr(c.Args["ip"])
	if err != nil || !ip.Is4() {
		return nil, errors.New("argument ip is no IPv4 address")
	}
	port, err := strconv.ParseUint(c.Args["port"], 10, 16)
	if err != nil || port == 0 {
		return nil, errors.New("argument port is no port")
	}
	return appendPacket(nil, sendConnection, fmt.Appendf(nil, "%s,%d,TCP", ip, port)...), nil
}

// unsigned is a decimal argument as four bytes.
func unsigned(c protocols.Command, name string) ([]byte, error) {
	v, err := strconv.ParseUint(c.Args[name], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("argument %s is no number of 32 bits", name)
	}
	return binary.BigEndian.AppendUint32(nil, uint32(v)), nil
}
