package watch

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyStart  = "does not begin with the header of a watch"
	whyShort  = "begins like a watch, too short to tell"
	whyHeader = "maker, identity and length of a watch"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	var f frame
	switch _, is := f.header(b); {
	case is == yes:
		return protocols.Sure, whyHeader
	case is == no:
		return protocols.No, whyStart
	case f.id == nil || len(b) < 1+2+1+len(f.id)+1+4+1:
		return protocols.More, whyShort
	}
	return protocols.Sure, whyHeader // but for whether an index is in front of the length
}
