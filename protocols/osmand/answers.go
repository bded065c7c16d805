package osmand

import (
	"errors"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// reasons are the words behind a status.
var reasons = map[int]string{
	200: "200 OK",
	400: "400 Bad Request",
	404: "404 Not Found",
	405: "405 Method Not Allowed\r\nAllow: GET, POST",
	413: "413 Content Too Large",
	414: "414 URI Too Long",
	415: "415 Unsupported Media Type",
	431: "431 Request Header Fields Too Large",
	501: "501 Not Implemented",
	505: "505 HTTP Version Not Supported",
}

// appendAnswer appends an answer without a body. Nothing that a client sent is ever in it.
func appendAnswer(b []byte, status int, closes bool) []byte {
	b = append(append(b, "HTTP/1.1 "...), reasons[status]...)
	if closes {
		b = append(b, "\r\nConnection: close"...)
	}
	return append(b, "\r\nContent-Length: 0\r\n\r\n"...)
}

// maxCommand is the longest command in bytes.
const maxCommand = 1024

// encode is Protocol.Encode: the answer to the device's next report, with the command in its body. There is no confirmation.
func encode(s *protocols.Session, c protocols.Command) ([]byte, error) {
	if option, _ := s.Options.Get("commands"); option != "answer" {
		return nil, errors.New("osmand: option commands=answer is not set: the device would not look for a command")
	}
	if c.Name != "custom" {
		return nil, fmt.Errorf("osmand: %s: unknown command", c.Name)
	}
	if c.Text == "" || len(c.Text) > maxCommand {
		return nil, fmt.Errorf("osmand: %s: text of 1 to %d bytes", c.Name, maxCommand)
	}
	for _, x := range []byte(c.Text) {
		if x < ' ' || x == 0x7f {
			return nil, fmt.Errorf("osmand: %s: control characters in the text", c.Name)
		}
	}
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(c.Text), c.Text), nil
}
