package xexun

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyStart    = "begins with neither an RMC sentence without $, nor flag FA AF"
	whyShort    = "begins like Xexun, too short to tell"
	whyNoIMEI   = "no imei: behind the RMC sentence"
	whySentence = "RMC sentence without $, and imei:"
	whyStatus   = "status without a sentence, and imei:"
	whyBinary   = "flag FA AF and a known type"
	whyType     = "flag FA AF and an unknown type"
)

// maxPrefix is the longest serial and phone number, with their commas.
const maxPrefix = 14 + 1 + 32 + 1

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	switch {
	case len(b) == 0:
		return protocols.More, whyShort
	case b[0] == flag0:
		return detectBinary(b)
	case b[0] != 'G' && b[0] != ',' && !isDigit(b[0]):
		return protocols.No, whyStart
	}
	window := b[:min(len(b), maxSentence)]
	at := sentenceAt(window[:min(len(window), maxPrefix+6)])
	named := bytes.Index(window, imeiWord)
	switch {
	case at > 0 && !new(message).prefix(window[:at]), at < 0 && !like(window):
		return protocols.No, whyStart
	case named < 0 && len(window) == maxSentence:
		return protocols.No, whyNoIMEI
	case named < 0:
		return protocols.More, whyShort
	case at >= 0 && at < named:
		return protocols.Sure, whySentence
	case statusMark(window[:named]):
		return protocols.Sure, whyStatus
	}
	return protocols.No, whyStart
}

// like tells whether b can go on to a sentence or to the mark of a status.
func like(b []byte) bool {
	if b[0] == 'G' {
		return wordLike(b)
	}
	serial, rest, more := bytes.Cut(b, comma)
	if len(serial) > 14 {
		return false
	}
	for _, x := range serial {
		if !isDigit(x) {
			return false
		}
	}
	if !more {
		return true
	}
	phone, rest, more := bytes.Cut(rest, comma)
	if len(phone) > 32 || !isText(phone) {
		return false
	}
	return !more || len(rest) == 0 || rest[0] == ',' || wordLike(rest)
}

// wordLike tells whether b begins GPRMC or GNRMC as far as it goes.
func wordLike(b []byte) bool {
	n := min(len(b), 6)
	return string(b[:n]) == "GPRMC,"[:n] || string(b[:n]) == "GNRMC,"[:n]
}

// statusMark tells whether b, up to `imei:`, is serial, phone number, nothing, and F or L.
func statusMark(b []byte) bool {
	var m message
	if !m.prefix(b) {
		return false
	}
	mark := bytes.TrimLeft(m.mark, ",")
	return len(mark) > 1 && (mark[0] == 'F' || mark[0] == 'L') && mark[1] == ','
}

func detectBinary(b []byte) (protocols.Verdict, string) {
	switch {
	case len(b) < 2:
		return protocols.More, whyShort
	case b[1] != flag1:
		return protocols.No, whyStart
	case len(b) < 4:
		return protocols.More, whyShort
	case b[2] == 0 && (b[3] == typePosition || b[3] == typeCommand):
		return protocols.Sure, whyBinary
	}
	return protocols.Likely, whyType
}
