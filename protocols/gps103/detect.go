package gps103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyStart     = "begins with neither ##,imei: nor imei: nor 15 digits"
	whyShort     = "begins like GPS103, too short to tell"
	whyReport    = "imei:, 15 digits and a comma"
	whyHeartbeat = "15 digits and the end of a GPS103 heartbeat"
	whyDigits    = "15 digits alone"
)

// detect is Protocol.Detect.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	head := start
	switch {
	case isDigit(b[0]):
		return detectDigits(b, datagram)
	case b[0] == '#':
		head = loginStart
	}
	if n := min(len(b), len(head)); !bytes.Equal(b[:n], head[:n]) {
		return protocols.No, whyStart
	}
	if len(b) <= len(head) {
		return protocols.More, whyShort
	}
	switch rest := b[len(head):]; digits(rest) {
	case len(rest):
		if len(rest) <= imeiSize {
			return protocols.More, whyShort
		}
	case imeiSize:
		if rest[imeiSize] == ',' {
			return protocols.Sure, whyReport
		}
	}
	return protocols.No, whyStart
}

// detectDigits judges a heartbeat. Some other protocols send or begin with 15 digits too, so on a stream these alone tell nothing yet.
func detectDigits(b []byte, datagram bool) (protocols.Verdict, string) {
	n := digits(b)
	switch {
	case n > imeiSize || n < imeiSize && n < len(b):
		return protocols.No, whyStart
	case n < imeiSize:
		return protocols.More, whyShort
	case len(b) == imeiSize && datagram:
		return protocols.Likely, whyDigits
	case len(b) == imeiSize:
		return protocols.More, whyShort
	}
	rest := b[imeiSize:]
	if rest[0] == ';' {
		return protocols.Sure, whyHeartbeat
	}
	if m := min(len(rest), len(start)); bytes.Equal(rest[:m], start[:m]) {
		if m == len(start) {
			return protocols.Sure, whyHeartbeat
		}
		return protocols.More, whyShort
	}
	if rest[0] == '\r' || rest[0] == '\n' {
		return protocols.Likely, whyDigits
	}
	return protocols.No, whyStart
}
