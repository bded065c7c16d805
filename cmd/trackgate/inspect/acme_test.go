package inspect

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// acme is a protocol made for these tests. Over TCP:
//
//	7e | length 1 | type 1 | body | xor 1        length counts type and body
//
// Over UDP, type and body stand between 7d and the end of the datagram, behind an identity of three letters. Type 1 is a login with the identity as body,
// type 2 a position of two signed bytes, type 9 makes the decoder panic. A login without checksum at the end of the input is whole.
var acme = protocols.Protocol{
	Name: "acme", TCP: 7001, UDP: 7001, MaxLogin: 300, MaxFrame: 300,
	Detect: func(b []byte, datagram bool) (protocols.Verdict, string) {
		start := byte(0x7e)
		if datagram {
			start = 0x7d
		}
		switch {
		case len(b) == 0:
			return protocols.More, "nothing yet"
		case b[0] != start:
			return protocols.No, "another start"
		case len(b) < 3:
			return protocols.More, "start byte alone"
		}
		return protocols.Sure, "start byte and type"
	},
	Decode: decodeAcme,
}

func decodeAcme(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if in.Datagram {
		if b[0] != 0x7d || len(b) < 5 {
			return len(b), fmt.Errorf("acme: no datagram of ours: %w", protocols.ErrMalformed)
		}
		s.Device = string(b[1:4])
		return len(b), message(s, b[4:], f)
	}
	if b[0] != 0x7e {
		i := bytes.IndexByte(b, 0x7e)
		if i < 0 {
			i = len(b)
		}
		return i, fmt.Errorf("acme: %d bytes before a frame: %w", i, protocols.ErrGarbage)
	}
	if len(b) < 2 {
		return 0, nil
	}
	n := int(b[1]) + 3
	if len(b) == n-1 && in.Final {
		return len(b), message(s, b[2:], f)
	}
	if len(b) < n {
		return 0, nil
	}
	if protocols.XOR(b[1:n-1]) != b[n-1] {
		scratch := *s
		if err := message(&scratch, b[2:n-1], f); err != nil {
			return n, err
		}
		return n, fmt.Errorf("acme: xor is wrong: %w", protocols.ErrChecksum)
	}
	return n, message(s, b[2:n-1], f)
}

func message(s *protocols.Session, b []byte, f *protocols.Frame) error {
	switch {
	case len(b) == 4 && b[0] == 1:
		f.Type = "login"
		s.Device = string(b[1:])
		f.Reply = append(f.Reply, 0x7e, 1, 0x81)
	case len(b) == 3 && b[0] == 2:
		f.Type = "position"
		e := f.Add(protocols.Position)
		e.Time = protocols.CaptureTime
		e.SetFix(float64(int8(b[1])), float64(int8(b[2])), true)
		e.Int("rssi", int64(b[1]))
		e.FP = protocols.Fingerprint(b)
		f.Reply = append(f.Reply, 0x7e, 1, 0x82)
	case len(b) > 0 && b[0] == 9:
		panic("nine")
	default:
		return fmt.Errorf("acme: message of %d bytes: %w", len(b), protocols.ErrMalformed)
	}
	return nil
}

// frame makes the hex of an acme frame over TCP.
func frame(kind byte, body string) string {
	b := append([]byte{0x7e, byte(len(body) + 1), kind}, body...)
	return hex.EncodeToString(append(b, protocols.XOR(b[1:])))
}

// text is a protocol of lines that end in a semicolon; the event's driver_id holds the line.
var text = protocols.Protocol{
	Name: "text", TCP: 7002, MaxLogin: 100, MaxFrame: 100,
	Detect: func(b []byte, _ bool) (protocols.Verdict, string) {
		switch {
		case len(b) == 0 || b[0] != '*':
			return protocols.No, "no star"
		case bytes.IndexByte(b, ';') < 0:
			return protocols.More, "no end yet"
		}
		return protocols.Likely, "a line between star and semicolon"
	},
	Decode: func(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		n := bytes.IndexByte(in.Bytes, ';') + 1
		if n == 0 {
			if !in.Final {
				return 0, nil
			}
			n = len(in.Bytes)
		}
		if in.Bytes[0] != '*' {
			return n, fmt.Errorf("text: no star: %w", protocols.ErrGarbage)
		}
		f.Type = "line"
		f.Add(protocols.Status).Text("driver_id", string(bytes.TrimSuffix(in.Bytes[1:n], []byte(";"))))
		f.Reply = append(f.Reply, "ok;"...)
		return n, nil
	},
}
