package egts

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyNot   = "no header of EGTS"
	whyShort = "may become a header of EGTS"
	whySum   = "header of EGTS with its CRC-8"
)

// detect is Protocol.Detect.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	if datagram || len(b) > 9 && b[9] > typeSigned {
		return protocols.No, whyNot
	}
	switch header(b) {
	case protocols.No:
		return protocols.No, whyNot
	case protocols.More:
		return protocols.More, whyShort
	}
	return protocols.Sure, whySum
}
