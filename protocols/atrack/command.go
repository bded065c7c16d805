package atrack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// maxCommand is the longest text of a command in bytes.
const maxCommand = 512

// encode is Protocol.Encode. A number of the command stands as a tag behind its word, and comes back in the answer; the words of an operator go as
// they are.
func encode(_ *protocols.Session, c protocols.Command) ([]byte, error) {
	b, err := command(c)
	if err != nil {
		return nil, fmt.Errorf("atrack: %s: %w", c.Name, err)
	}
	return append(b, '\r', '\n'), nil
}

func command(c protocols.Command) ([]byte, error) {
	tag := ""
	if c.ID != 0 {
		tag = fmt.Sprintf("+%d", c.ID)
	}
	switch c.Name {
	case "custom":
		if len(c.Text) > maxCommand || !strings.HasPrefix(c.Text, "AT$") {
			return nil, fmt.Errorf("text: begins with AT$ and has at most %d bytes", maxCommand)
		}
		for _, x := range []byte(c.Text) {
			if x < ' ' || x > '~' {
				return nil, errors.New("text: printable ASCII only")
			}
		}
		return []byte(c.Text), nil
	case "status":
		return fmt.Appendf(nil, "AT$INFO%s=?", tag), nil
	case "position":
		return fmt.Appendf(nil, "AT$POSI%s", tag), nil
	case "output":
		output, value := c.Args["output"], c.Args["value"]
		if len(output) != 1 || output[0] < '1' || output[0] > '8' || value != "0" && value != "1" {
			return nil, errors.New("argument output is 1 to 8, argument value 0 or 1")
		}
		return fmt.Appendf(nil, "AT$OUTC%s=%s,%s,0,0,0,0", tag, output, value), nil
	}
	return nil, errors.New("unknown command")
}
