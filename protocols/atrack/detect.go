package atrack

import (
	"bytes"
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyNot    = "no packet, keep-alive or answer of ATrack"
	whyShort  = "may become a packet of ATrack"
	whyBinary = "head of a binary packet of ATrack"
	whySum    = "packet of ATrack with its CRC"
	whyText   = "head of a packet of ATrack in ASCII"
	whyAlive  = "keep-alive of ATrack"
	whyAnswer = "answer of ATrack to a command"
)

// detect is Protocol.Detect. A prefix that an operator has set is known on the port of the protocol alone.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	switch b[0] {
	case '@', 2, 3:
		return detectPacket(b)
	case prefixAlive[0]:
		return detectAlive(b)
	case '$':
		return detectAnswer(b)
	}
	return protocols.No, whyNot
}

// detectPacket judges what may begin with one of the prefixes that are met.
func detectPacket(b []byte) (protocols.Verdict, string) {
	if len(b) < 2 {
		return protocols.More, whyShort
	}
	marked := b[0] == '@'
	switch string(b[:2]) {
	case prefixPosition, prefixPhoto, "\x02\x03", "\x03\x01":
	default:
		return protocols.No, whyNot
	}
	p, v := head(b)
	switch {
	case v == protocols.No:
		return protocols.No, whyNot
	case v == protocols.More:
		return protocols.More, whyShort
	case p.ascii:
		return protocols.Sure, whyText
	}
	if len(b) >= overhead+headSize {
		if id := binary.BigEndian.Uint64(b[8:]); id == 0 || id > 9_999_999_999_999_999 {
			return protocols.No, whyNot
		}
	}
	switch {
	case len(b) < p.end && marked && len(b) >= overhead+headSize:
		return protocols.Likely, whyBinary
	case len(b) < p.end:
		return protocols.More, whyShort
	case protocols.ARC.Sum(b[p.from:p.end]) == p.sum:
		return protocols.Sure, whySum
	case marked:
		return protocols.Likely, whyBinary
	}
	return protocols.No, whyNot
}

// detectAlive judges a keep-alive by the unit, whose number has at most 16 digits.
func detectAlive(b []byte) (protocols.Verdict, string) {
	switch {
	case len(b) > 1 && b[1] != prefixAlive[1], len(b) > 2 && b[2] != 0, len(b) > 3 && b[3] > 0x23:
		return protocols.No, whyNot
	case len(b) < aliveSize:
		return protocols.More, whyShort
	case binary.BigEndian.Uint64(b[2:]) == 0:
		return protocols.No, whyNot
	}
	return protocols.Likely, whyAlive
}

// detectAnswer judges a line.
func detectAnswer(b []byte) (protocols.Verdict, string) {
	for _, word := range [...]string{"$INFO", "$ERROR=", "$OK\r\n"} {
		n := min(len(b), len(word))
		if string(b[:n]) != word[:n] {
			continue
		}
		if n < len(word) {
			return protocols.More, whyShort
		}
		if word != "$INFO" {
			return protocols.Likely, whyAnswer
		}
		return detectInfo(b[n:])
	}
	return protocols.No, whyNot
}

// detectInfo judges what follows $INFO: perhaps a tag, and the number of the unit.
func detectInfo(b []byte) (protocols.Verdict, string) {
	if len(b) > 0 && b[0] == '+' {
		b = bytes.TrimLeft(b[1:min(len(b), 12)], "0123456789")
	}
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	if b[0] != '=' {
		return protocols.No, whyNot
	}
	for i, x := range b[1:] {
		switch {
		case x == ',' && i > 0:
			return protocols.Sure, whyAnswer
		case x < '0' || x > '9' || i == 20:
			return protocols.No, whyNot
		}
	}
	return protocols.More, whyShort
}
