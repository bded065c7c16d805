// Package inspect shows what the decoders make of bytes that someone has in hand: hex from a log, a line of text, a capture.
// It applies no registry, no login rule and no policy on clocks or late records: what a frame says, and nothing else.
package inspect

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxInput is the most bytes that one input may hold; no frame of any protocol comes near it.
const MaxInput = 2 << 20

// FromHex reads hex digits of either case. Spaces, tabs, line ends, colons, and 0x in front of a group, as loggers print them, are passed over.
func FromHex(s string) ([]byte, error) {
	digits := make([]byte, 0, len(s))
	group := true // nothing of the group was read yet
	for i := 0; i < len(s); i++ {
		begins := group
		group = false
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ':':
			group = true
		case begins && c == '0' && i+1 < len(s) && (s[i+1] == 'x' || s[i+1] == 'X'):
			i++
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			digits = append(digits, c)
		default:
			return nil, fmt.Errorf("character %d is %q: not a hex digit", i+1, c)
		}
	}
	if len(digits)%2 != 0 {
		return nil, fmt.Errorf("%d hex digits: the last byte is half", len(digits))
	}
	b := make([]byte, len(digits)/2)
	_, err := hex.Decode(b, digits)
	return b, err
}

// FromText turns text into the bytes that the device sent: ISO-8859-1, and UTF-8 for the letters beyond it.
func FromText(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r <= 0xff {
			b = append(b, byte(r))
		} else {
			b = append(b, string(r)...)
		}
	}
	return b
}

// FromArgument reads what a person types: a quoted string with Go's escapes ("*HQ,...#\r\n"), hex digits, or plain text.
// Text that could be hex has to be quoted.
func FromArgument(s string) ([]byte, error) {
	if len(s) > MaxInput {
		return nil, fmt.Errorf("input of more than %d bytes", MaxInput)
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		text, err := strconv.Unquote(s)
		if err != nil {
			return nil, errors.New("the quoted text has an escape that does not exist")
		}
		if strings.Contains(s, `\x`) {
			return []byte(text), nil // the escapes are bytes already
		}
		return FromText(text), nil
	}
	if b, err := FromHex(s); err == nil || looksLikeHex(s) {
		return b, err
	}
	return FromText(s), nil
}

// looksLikeHex tells a slip of the pen in hex from text: nearly all of it is hex digits, and nothing is punctuation.
func looksLikeHex(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f', r >= 'A' && r <= 'F':
			digits++
		case r == ' ' || r == ':' || r >= 'g' && r <= 'z' || r >= 'G' && r <= 'Z':
		default:
			return false
		}
	}
	return digits >= 8 && digits*10 >= len(s)*9
}
