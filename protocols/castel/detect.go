package castel

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyHead  = "does not begin with 4040 or 2424, a little endian length and an id"
	whyType  = "no type of message that Sinocastel has"
	whyEnd   = "no line end where the length says"
	whyCRC   = "the CRC is another's"
	whyShort = "begins like Sinocastel, too short to tell"
	whyHas   = "length, id and a known type of Sinocastel"
	whySure  = "whole packet of Sinocastel with a right CRC"
)

// detect is Protocol.Detect. Many begin with $$: MPIP is sure only with its CRC.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	n, maybe := plausible(b)
	switch {
	case maybe:
		return protocols.More, whyShort
	case n == 0:
		return protocols.No, whyHead
	}
	at := idAt(b)
	f := familyMPIP
	if at == idAtVersion {
		if f = familyCC; b[4] == 3 || b[4] == 4 {
			f = familySC
		}
	}
	switch {
	case typeName(f, binary.BigEndian.Uint16(b[at+idSize:])) == "":
		return protocols.No, whyType
	case f != familyMPIP:
		return protocols.Sure, whyHas
	case len(b) < n:
		return protocols.Likely, whyHas
	case b[n-2] != '\r' || b[n-1] != '\n':
		return protocols.No, whyEnd
	case protocols.X25.Sum(b[:n-tailSize]) != binary.LittleEndian.Uint16(b[n-tailSize:]):
		return protocols.No, whyCRC
	}
	return protocols.Sure, whySure
}
