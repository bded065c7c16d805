package meiligao

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyNot    = "begins unlike Meiligao's frames"
	whyShort  = "may become a Meiligao frame"
	whyHead   = "head of a Meiligao frame: id and a known command"
	whyWhole  = "whole Meiligao frame: length, id, known command and line end"
	whyServer = "Meiligao frame with the server's start and a right CRC"
)

// detect is Protocol.Detect. A frame that begins with @@, as the server's do, must have a right CRC: others begin so too.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) >= 2 && !isStart(b) || len(b) == 1 && b[0] != '$' && b[0] != '@' {
		return protocols.No, whyNot
	}
	if len(b) < headSize {
		if len(b) >= 3 && b[2] > maxPhoto>>8 {
			return protocols.No, whyNot
		}
		return protocols.More, whyShort
	}
	size, command := int(binary.BigEndian.Uint16(b[2:])), binary.BigEndian.Uint16(b[11:])
	known := typeOf(command) != other
	server := b[0] == '@'
	if size > limitOf(b) || idDigits(b[4:11]) == 0 || !known || server && size < minFrame {
		return protocols.No, whyNot
	}
	if size < minFrame {
		return protocols.Likely, whyHead // clones without a length
	}
	switch {
	case len(b) < size && server:
		return protocols.More, whyShort
	case len(b) < size:
		return protocols.Likely, whyHead
	case b[size-2] != '\r' || b[size-1] != '\n':
		if server {
			return protocols.No, whyNot
		}
		return protocols.Likely, whyHead
	case server && !fits(b, size-4):
		return protocols.No, whyNot
	case server:
		return protocols.Sure, whyServer
	}
	return protocols.Sure, whyWhole
}
