package h02

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyStart    = "begins with neither * nor $"
	whyText     = "no H02 sentence: * two letters, comma, digits, comma"
	whyShort    = "begins like H02, too short to tell"
	whyMaker    = "a relative's maker code"
	whySentence = "H02 sentence of a known type"
	whyMarker   = "start and id of an H02 sentence"
	whyBinary   = "no H02 record: BCD id, time, date and coordinates"
	whyJT600    = "may be a JT600 record"
	whyRecord   = "H02 record with BCD time, date and coordinates"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	switch b[0] {
	case '*':
		return detectText(b)
	case '$':
		return detectBinary(b)
	}
	return protocols.No, whyStart
}

func detectText(b []byte) (protocols.Verdict, string) {
	if !beginsText(b) {
		return protocols.No, whyText
	}
	if len(b) < 5 {
		return protocols.More, whyShort
	}
	if m := string(b[1:3]); m == "ET" || m == "ID" || m == "TS" || m == "XX" {
		return protocols.No, whyMaker
	}
	i := 4
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if digits := i - 4; digits > 16 || i < len(b) && (b[i] != ',' || digits > 0 && digits < 8) {
		return protocols.No, whyText
	}
	if i >= len(b)-1 {
		return protocols.More, whyShort
	}
	kind := b[i+1:]
	for j, x := range kind {
		switch {
		case x == ',' || x == '#':
			if name := kind[:j]; isPositionType(name) || types[string(name)] != "" {
				return protocols.Sure, whySentence
			}
			return protocols.Likely, whyMarker
		case !isLetter(x) && (x < '0' || x > '9'):
			return protocols.No, whyText
		}
	}
	return protocols.More, whyShort
}

// detectBinary wants the record up to its status word, and a year before 2040: other protocols begin with $ and BCD too.
func detectBinary(b []byte) (protocols.Verdict, string) {
	plain := plausible(b, 5) && plausibleMotion(b, 22) && within(b, 11, 0x39, 0)
	wide := plausible(b, 8) && plausibleMotion(b, 25) && within(b, 14, 0x39, 0)
	switch {
	case !plain && !wide:
		return protocols.No, whyBinary
	case len(b) < 28:
		return protocols.More, whyShort
	case looksLikeJT600(b):
		return protocols.Likely, whyJT600
	}
	return protocols.Sure, whyRecord
}

// plausibleMotion wants BCD of speed and course, and a course of at most 360.
func plausibleMotion(b []byte, at int) bool {
	for i := at; i < min(len(b), at+3); i++ {
		if !within(b, i, 0x99, 0) {
			return false
		}
	}
	return at+1 >= len(b) || b[at+1]&15 < 3 || b[at+1]&15 == 3 && (at+2 >= len(b) || b[at+2] <= 0x60)
}

// looksLikeJT600 tells whether b may be a record of that protocol: id, a byte or two, a length of two bytes, then ddmmyy and hhmmss.
func looksLikeJT600(b []byte) bool {
	for at := 7; at <= 8; at++ {
		if b[at] == 0 && b[at+1] >= 0x18 && within(b, at+2, 0x31, 1) && within(b, at+3, 0x12, 1) &&
			within(b, at+5, 0x23, 0) && within(b, at+6, 0x59, 0) && within(b, at+7, 0x59, 0) {
			return true
		}
	}
	return false
}
