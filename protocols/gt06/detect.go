package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyStart    = "does not begin with 7878 or 7979"
	whyShort    = "begins like GT06, too short to tell"
	whyNumber   = "message number 0: a relative with a little endian length"
	whyMarker   = "start marker of GT06"
	whyChecksum = "GT06 frame with a verified checksum"
	whySibling  = "login of the Topin sibling of GT06"
	whyUnknown  = "neither length nor checksum fit an unknown message"
)

// maxDetect is how far into a stream a checksum is looked for: behind any short frame.
const maxDetect = 300

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) < 2 {
		if len(b) == 1 && b[0] != 0x78 && b[0] != 0x79 {
			return protocols.No, whyStart
		}
		return protocols.More, whyShort
	}
	if !isStart(b) {
		return protocols.No, whyStart
	}
	head := 3
	if b[0] == 0x79 {
		head = 4
	}
	if len(b) <= head {
		return protocols.More, whyShort
	}
	number, length := b[head], int(b[2])
	if head == 4 {
		length = length<<8 | int(b[3])
	}
	if number == 0 {
		return protocols.No, whyNumber
	}
	if head == 3 && number == msgLogin && len(b) >= 15 && (length == 0x0a || length == 0x0d) && isStop(b[13:]) && isIMEI(b[4:12]) {
		return protocols.Sure, whySibling
	}
	end := head + length
	checked := length >= 5 && end <= maxDetect
	if checked && len(b) >= end+2 && isStop(b[end:]) &&
		protocols.X25.Sum(b[2:end-2]) == binary.BigEndian.Uint16(b[end-2:]) {
		return protocols.Sure, whyChecksum
	}
	if checked && len(b) >= end+4 && isStop(b[end+2:]) && protocols.X25.Sum(b[2:end]) == binary.BigEndian.Uint16(b[end:]) {
		return protocols.Sure, whyChecksum
	}
	if names[number] == unknown && !(head == 3 && siblingNumber(number)) && len(b) >= end+4 {
		return protocols.No, whyUnknown
	}
	return protocols.Likely, whyMarker
}
