package tk103

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyStart  = "does not begin with a parenthesis, a serial number and a word of TK103"
	whyShort  = "begins like TK103, too short to tell"
	whyWord   = "a parenthesis, a serial number and a known word of TK103"
	whySerial = "a parenthesis, a serial number and B, a letter and two digits"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	if b[0] != '(' {
		return protocols.No, whyStart
	}
	b = b[1:]
	n := 0
	for n < len(b) && n < 20 && isLetterOrDigit(b[n]) {
		n++
	}
	for at := 11; at <= 16 && at+4 <= n; at++ {
		if isWord(b[at:]) {
			if words[string(b[at:at+4])].name != "" {
				return protocols.Sure, whyWord
			}
			return protocols.Likely, whySerial
		}
	}
	switch {
	case n == len(b) && n < 20:
		return protocols.More, whyShort
	case n < 11 || n > 16 || n == len(b) || b[n] != ',':
		return protocols.No, whyStart
	}
	word := b[n+1:]
	for i, x := range word[:min(len(word), 4)] {
		if !isLetterOrDigit(x) || i < 2 && (x < 'A' || x > 'Z') || i == 2 && !isDigit(x) {
			return protocols.No, whyStart
		}
	}
	switch {
	case len(word) < 4:
		return protocols.More, whyShort
	case !isCommaWord(word):
		return protocols.No, whyStart
	case len(word) == 4:
		return protocols.More, whyShort
	case word[4] == ',' || word[4] == ')':
		return protocols.Sure, whyWord
	}
	return protocols.No, whyStart
}
