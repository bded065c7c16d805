package jt808

import (
	"bytes"
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyStart   = "begins with none of 7e, e7 and a sentence of JT/T 808"
	whyShort   = "begins like JT/T 808, too short to tell"
	whyID      = "flag 7e, but no message id of JT/T 808 terminals"
	whyCheck   = "JT/T 808 frame: message id, and the XOR check is right"
	whyWrong   = "flags and message id of JT/T 808, but the check is wrong"
	whyLength  = "JT/T 808 message id without the end of a frame"
	whyTime    = "time request of a lock that speaks JT/T 808"
	whyIsOther = "a sentence in parentheses, but not that of a JT/T 808 lock"
)

// terminalID tells whether terminals send messages of this id.
func terminalID(id uint16) bool {
	switch id {
	case 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0100, 0x0102, 0x0104, 0x0107, 0x0108, 0x0109, 0x0200, 0x0201, 0x0210, 0x0301, 0x0302,
		0x0303, 0x0500, 0x0506, 0x0700, 0x0701, 0x0702, 0x0704, 0x0705, 0x0800, 0x0801, 0x0802, 0x0805, 0x0900, 0x0901, 0x0a00, 0x1003,
		0x1005, 0x1007, 0x1205, 0x1206, 0x1300, 0x2070, 0x5501, 0x5502, 0x5503, 0x6006, 0x8888:
		return true
	}
	return false
}

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	flag := b[0]
	if flag == sentence {
		return detectSentence(b)
	}
	if flag != flagStandard && flag != flagLock {
		return protocols.No, whyStart
	}
	for flags := 1; len(b) > 1 && b[1] == flag; flags++ {
		if b = b[1:]; flags >= maxFlags {
			return protocols.No, whyStart
		}
	}
	if len(b) < 3 {
		return protocols.More, whyShort
	}
	if !terminalID(binary.BigEndian.Uint16(b[1:])) {
		return protocols.No, whyID
	}
	end := bytes.IndexByte(b[1:], flag)
	if end < 0 {
		if len(b) > maxFrame {
			return protocols.No, whyLength
		}
		return protocols.More, whyShort
	}
	raw := b[1 : 1+end]
	if len(raw) < minUnit {
		return protocols.No, whyLength
	}
	sum := byte(0)
	if flag == flagStandard && bytes.IndexByte(raw, 0x7d) < 0 {
		sum = xor(raw)
	} else {
		sum = escapedXOR(raw, flag)
	}
	if sum == 0 {
		return protocols.Sure, whyCheck
	}
	return protocols.Likely, whyWrong
}

// escapedXOR is the XOR of what was escaped.
func escapedXOR(raw []byte, flag byte) (sum byte) {
	for i := 0; i < len(raw); i++ {
		x := raw[i]
		if i+1 < len(raw) {
			switch {
			case flag == flagStandard && x == 0x7d:
				i++
				x = 0x7c + raw[i]
			case flag == flagLock && x == 0xe6:
				i++
				x = 0xe5 + raw[i]
			case flag == flagLock && x == 0x3e:
				i++
				x = 0x3f - raw[i]
			}
		}
		sum ^= x
	}
	return sum
}

// detectSentence judges `(id,1,001,BASE,2,TIME)`: other protocols use parentheses as well.
func detectSentence(b []byte) (protocols.Verdict, string) {
	const tail = ",1,001,BASE,2,"
	i := 1
	for i < len(b) && b[i] >= '0' && b[i] <= '9' && i <= 15 {
		i++
	}
	if i == len(b) {
		return protocols.More, whyShort
	}
	if n := min(len(b)-i, len(tail)); i < 8 || string(b[i:i+n]) != tail[:n] {
		return protocols.No, whyIsOther
	}
	if len(b)-i < len(tail) {
		return protocols.More, whyShort
	}
	return protocols.Sure, whyTime
}
