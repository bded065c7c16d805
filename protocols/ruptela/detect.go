package ruptela

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyLength  = "no length of a Ruptela packet"
	whyShort   = "may become a Ruptela packet"
	whyIMEI    = "no IMEI as a binary number behind the length"
	whyCommand = "no command of Ruptela behind the IMEI"
	whyHead    = "length, binary IMEI and command of Ruptela"
	whyChecked = "Ruptela packet: binary IMEI, command, and the CRC-16 is right"
)

// detect recognises the first bytes of a connection, or a datagram.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) < 2 {
		if len(b) == 1 && b[0] > maxLength>>8 {
			return protocols.No, whyLength
		}
		return protocols.More, whyShort
	}
	length := int(binary.BigEndian.Uint16(b))
	if length < head || length > maxLength {
		return protocols.No, whyLength
	}
	if len(b) > 2 && b[2] != 0 || len(b) > 3 && b[3] > 3 {
		return protocols.No, whyIMEI
	}
	if len(b) < 2+head {
		return protocols.More, whyShort
	}
	if imei := binary.BigEndian.Uint64(b[2:]); imei < 1e13 || imei > 999_999_999_999_999 {
		return protocols.No, whyIMEI
	}
	if typeName(b[10]) == "" {
		return protocols.No, whyCommand
	}
	if len(b) < length+overhead {
		return protocols.Likely, whyHead
	}
	if protocols.Kermit.Sum(b[2:2+length]) == binary.BigEndian.Uint16(b[2+length:]) {
		return protocols.Sure, whyChecked
	}
	return protocols.Likely, whyHead
}
