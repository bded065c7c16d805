package queclink

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyNone    = "does not begin with + or -"
	whyHead    = "begins with +, but with no head of @Track"
	whyShort   = "begins like @Track, too short to tell"
	whyText    = "head of a text message of @Track"
	whyHex     = "HEX message of @Track whose end is where its length says"
	whyHexHead = "head of a HEX message of @Track"
	whyBinary  = "binary message of @Track whose end is where its length says"
	whyLength  = "length of no message of @Track"
	whyEnd     = "no end where the length says"
)

// detect is Protocol.Detect. Line ends may stand in front of the first message.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	for len(b) > 0 && isFiller(b[0]) {
		b = b[1:]
	}
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	if b[0] != '+' && b[0] != '-' {
		return protocols.No, whyNone
	}
	switch is, may := startsText(b); {
	case is:
		return protocols.Sure, whyText
	case may:
		return protocols.More, whyShort
	}
	f, length, known := otherLength(b)
	switch {
	case !known && f == formNone, !known && len(b) < 4:
		return protocols.No, whyHead
	case !known:
		return protocols.No, whyLength
	case length == 0:
		return protocols.More, whyShort
	case f == formBinary && len(b) >= 13:
		if _, ok := packedIMEI(b[5:13]); !ok {
			return protocols.No, whyHead
		}
	}
	switch {
	case len(b) < length && f == formHex:
		return protocols.Likely, whyHexHead
	case len(b) < length:
		return protocols.More, whyShort
	case !endsWell(f, b[:length]):
		return protocols.No, whyEnd
	case f == formHex:
		return protocols.Sure, whyHex
	}
	return protocols.Sure, whyBinary
}
