package calamp

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyNot   = "no LM Direct datagram with an identity"
	whyShort = "begins like LM Direct, too short to tell"
	whySure  = "identity and message header of LM Direct"
)

// detect is Protocol.Detect. A datagram without identity looks like anything, and is only taken from a unit that is known.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	if !datagram {
		return protocols.No, whyNot
	}
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	const must = optionsThere | optionMobileID | optionIDType
	mask := b[0]
	if mask&must != must {
		return protocols.No, whyNot
	}
	at := 1
	var id []byte
	for bit := range 7 {
		if mask>>bit&1 == 0 {
			continue
		}
		if at >= len(b) {
			return protocols.More, whyShort
		}
		n := int(b[at])
		at++
		value := b[at:min(at+n, len(b))]
		switch byte(1) << bit {
		case optionMobileID:
			if n < 4 || n > 10 {
				return protocols.No, whyNot
			}
			id = value
		case optionIDType:
			if n != 1 || len(value) == 1 && (value[0] > idMEID || value[0] != idMEID && !packed(id)) {
				return protocols.No, whyNot
			}
		}
		if at += n; at > len(b) {
			return protocols.More, whyShort
		}
	}
	switch rest := b[at:]; {
	case len(rest) > 0 && rest[0] > serviceResponse, len(rest) > 1 && rest[1] > typeMiniUserData:
		return protocols.No, whyNot
	case len(rest) < 4 || len(rest)-4 < leastBody[rest[1]]:
		return protocols.More, whyShort
	}
	return protocols.Sure, whySure
}

// packed tells whether bytes may be decimal digits, two a byte, filled up with F.
func packed(b []byte) bool {
	filled := false
	for _, x := range b {
		for _, half := range [2]byte{x >> 4, x & 15} {
			if half > 9 && half != 15 || filled && half != 15 {
				return false
			}
			filled = half == 15
		}
	}
	return len(b) == 0 || b[0]>>4 != 15
}
