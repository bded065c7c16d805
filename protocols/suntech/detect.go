package suntech

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyNot       = "begins like none of Suntech's messages"
	whyShort     = "may become a Suntech message"
	whyLegacy    = "Suntech model, type word and id"
	whyUniversal = "Suntech type word, id of ten digits"
	whyZIP       = "length and type of a Suntech ZIP report"
	whyZIPWhole  = "whole Suntech ZIP report"
)

// typeWords are the three letters that name a message.
const typeWords = "STT EMG EVT ALT ALV UEX HTE CMD RES BLE CRR SNB DEX NAK "

func isTypeWord(b []byte) bool {
	for i := 0; i < len(typeWords); i += 4 {
		if typeWords[i] == b[0] && typeWords[i+1] == b[1] && typeWords[i+2] == b[2] {
			return true
		}
	}
	return false
}

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	switch {
	case len(b) == 0:
		return protocols.More, whyShort
	case b[0] == 0x02:
		return detectLegacyZIP(b)
	case b[0] >= 0x81 && b[0] <= 0x8f:
		return detectUniversalZIP(b)
	case b[0] < 'A' || b[0] > 'Z':
		return protocols.No, whyNot
	}
	if len(b) < 3 {
		return protocols.More, whyShort
	}
	if b[0] == 'S' && (b[1] == 'A' || b[1] == 'T') && b[2] >= '0' && b[2] <= '9' {
		return detectLegacy(b)
	}
	if !isTypeWord(b) {
		return protocols.No, whyNot
	}
	for i := 3; i < len(b) && i < 15; i++ {
		switch {
		case i == 3 && b[i] != ';', i > 3 && i < 14 && (b[i] < '0' || b[i] > '9'), i == 14 && b[i] != ';' && b[i] != '\r':
			return protocols.No, whyNot
		}
	}
	if len(b) < 14 {
		return protocols.More, whyShort
	}
	if len(b) == 14 {
		return protocols.Likely, whyUniversal // the id may go on
	}
	return protocols.Sure, whyUniversal
}

// detectLegacy judges bytes that begin with ST or SA and a digit.
func detectLegacy(b []byte) (protocols.Verdict, string) {
	for i := 3; i < 5; i++ {
		if i < len(b) && (b[i] < '0' || b[i] > '9') {
			return protocols.No, whyNot
		}
	}
	at := 5
	if len(b) > 5 && b[5] == ';' {
		if b[1] != 'T' || b[2] != '9' {
			return protocols.No, whyNot
		}
		const words = "Location;Emergency;Alert;"
		rest := b[6:]
		if len(rest) == 0 {
			return protocols.More, whyShort
		}
		for w := 0; w < len(words); {
			n := w
			for words[n] != ';' {
				n++
			}
			n++
			if k := min(len(rest), n-w); string(rest[:k]) == words[w:w+k] {
				if k < n-w {
					return protocols.More, whyShort
				}
				return protocols.Sure, whyLegacy
			}
			w = n
		}
		return protocols.No, whyNot
	}
	if len(b) < at+4 {
		for _, x := range b[min(at, len(b)):] {
			if x < 'A' || x > 'Z' {
				return protocols.No, whyNot
			}
		}
		return protocols.More, whyShort
	}
	if !isTypeWord(b[5:]) || b[8] != ';' {
		return protocols.No, whyNot
	}
	if len(b) < 11 {
		return protocols.More, whyShort
	}
	if b[9] < '0' || b[9] > '9' {
		if string(b[5:8]) == "CMD" && b[9] == 'R' && b[10] == 'e' {
			return protocols.Sure, whyLegacy
		}
		return protocols.No, whyNot
	}
	return protocols.Sure, whyLegacy
}

func detectLegacyZIP(b []byte) (protocols.Verdict, string) {
	if len(b) < 9 {
		if len(b) > 1 && b[1] > maxZIP>>8 || len(b) > 3 && (b[3] < zipSTT || b[3] > zipALT) {
			return protocols.No, whyNot
		}
		return protocols.More, whyShort
	}
	size := int(binary.BigEndian.Uint16(b[1:]))
	if size < legacyZIPSize || size > maxZIP || b[3] < zipSTT || b[3] > zipALT || !isBCD(b[4:8]) {
		return protocols.No, whyNot
	}
	if len(b) <= 3+size {
		return protocols.Likely, whyZIP
	}
	if b[3+size] != 0x03 {
		return protocols.No, whyNot
	}
	return protocols.Sure, whyZIPWhole
}

func detectUniversalZIP(b []byte) (protocols.Verdict, string) {
	if len(b) < universalZIPSize+3 {
		if len(b) > 1 && b[1] != 0 {
			return protocols.No, whyNot
		}
		return protocols.More, whyShort
	}
	size := int(binary.BigEndian.Uint16(b[1:]))
	if b[1] != 0 || size < universalZIPSize || !isBCD(b[3:8]) || b[10]&1 == 0 {
		return protocols.No, whyNot
	}
	if len(b) < 3+size {
		return protocols.Likely, whyZIP
	}
	if zipFields(uint32(b[8])<<16|uint32(b[9])<<8|uint32(b[10])) > size-universalZIPSize {
		return protocols.No, whyNot
	}
	return protocols.Sure, whyZIPWhole
}
