package t800x

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyHead  = "does not begin with 2323, 2525, 2626 or 2727 and a length"
	whyType  = "no type of message that Topflytech has"
	whyShort = "begins like Topflytech, too short to tell"
	whySure  = "head of a Topflytech packet with an IMEI in BCD"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	is, maybe := plausible(b)
	switch {
	case !is && !maybe:
		return protocols.No, whyHead
	case len(b) > 2 && names[b[2]] == "":
		return protocols.No, whyType
	case is:
		return protocols.Sure, whySure
	}
	return protocols.More, whyShort
}
