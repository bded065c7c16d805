package meitrack

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyNot   = "begins unlike Meitrack's $$, flag, length and IMEI"
	whyShort = "may become a Meitrack frame"
	whyFrame = "Meitrack's $$, flag, length, IMEI and command"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	comma, _, v := head(b)
	switch v {
	case noHead:
		return protocols.No, whyNot
	case partHead:
		return protocols.More, whyShort
	}
	digits := 0
	i := comma + 1
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if digits++; digits > 15 {
			return protocols.No, whyNot
		}
	}
	if i == len(b) {
		return protocols.More, whyShort
	}
	if b[i] != ',' || digits < 14 {
		return protocols.No, whyNot
	}
	for k := i + 1; k < len(b) && k <= i+4; k++ {
		x := b[k]
		if k == i+4 {
			if x != ',' && x != '*' {
				return protocols.No, whyNot
			}
			return protocols.Sure, whyFrame
		}
		if (x < 'A' || x > 'Z') && (x < '0' || x > '9') {
			return protocols.No, whyNot
		}
	}
	return protocols.More, whyShort
}
