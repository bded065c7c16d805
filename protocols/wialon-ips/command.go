package wialonips

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand is the longest text of a command in bytes.
const maxCommand = 1024

// encode is Protocol.Encode. Commands have no number: a device answers them in their order, by AM, M or a parameter `text`.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	b, err := command(s, c)
	if err != nil {
		return nil, fmt.Errorf("wialon-ips: %s: %w", c.Name, err)
	}
	return append(b, '\r', '\n'), nil
}

func command(s *protocols.Session, c protocols.Command) ([]byte, error) {
	switch c.Name {
	case "custom":
		if how, _ := s.Options.Get("commands"); how == "plain" {
			return plain(c.Text)
		}
		return text(s, c.Text)
	case "message":
		return text(s, c.Text)
	case "photo":
		return []byte("#QI#"), nil
	case "tachograph":
		driver := c.Args["driver"]
		if !name([]byte(driver)) || strings.Contains(driver, "#") {
			return nil, errors.New("argument driver is an identity without blanks, # and ;")
		}
		return []byte("#QT#" + driver), nil
	}
	return nil, errors.New("unknown command")
}

// text is a packet M, with a checksum where the device logged in by version 2.
func text(s *protocols.Session, words string) ([]byte, error) {
	if err := readable(words); err != nil {
		return nil, err
	}
	if strings.Contains(words, "#") {
		return nil, errors.New("text: # separates the parts of a packet")
	}
	b := []byte("#M#" + words)
	if loginVersion(s.State) == '2' {
		b = append(b, ';')
		b = fmt.Appendf(b, "%04X", protocols.ARC.Sum(b[len("#M#"):]))
	}
	return b, nil
}

// plain is a line of text as simple devices take it.
func plain(words string) ([]byte, error) {
	if strings.HasPrefix(words, "#") {
		return nil, errors.New("text: # begins a packet")
	}
	return []byte(words), readable(words)
}

// readable says why a text can not be sent as one line.
func readable(words string) error {
	if words == "" || len(words) > maxCommand {
		return fmt.Errorf("text of 1 to %d bytes", maxCommand)
	}
	for _, x := range []byte(words) {
		if x < ' ' || x == 0x7f {
			return errors.New("text: a control character would end it")
		}
	}
	return nil
}
