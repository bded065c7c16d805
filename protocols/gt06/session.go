package gt06

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Session.State is a text of fixed places:
//
//	0     variant: t the sibling protocol, else -
//	1-4   type code of the login, hex, or ----
//	5-8   time zone and language word of the login, hex, or ----
//	9     how dates are to be read: u UTC, l the login's zone, - not decided
//	10    alarm code 0 to 7 of the last status byte
//	11-34 photo under way: id, size, next offset, 8 hex each; absent: none
//
// An empty state is one with nothing in its places.
const (
	atVariant = 0
	atCode    = 1
	atWord    = 5
	atZone    = 9
	atLevel   = 10
	atPhoto   = 11
	noState   = "---------" + "-" + "0"
)

// sibling tells whether the device logged in by the sibling protocol.
func sibling(state string) bool { return state != "" && state[atVariant] == 't' }

// zoneRead is how dates are read: u, l or -.
func zoneRead(state string) byte {
	if len(state) <= atZone {
		return '-'
	}
	return state[atZone]
}

// alarmLevel is the alarm code of the last status byte.
func alarmLevel(state string) byte {
	if len(state) <= atLevel {
		return 0
	}
	return state[atLevel] - '0'
}

// loginZone is the offset from UTC in seconds that the login named.
func loginZone(state string) (offset int, ok bool) {
	if len(state) < atZone || state[atWord] == '-' {
		return 0, false
	}
	v, err := strconv.ParseUint(state[atWord:atZone], 16, 16)
	if err != nil {
		return 0, false
	}
	return wordZone(uint16(v))
}

// wordZone reads the time zone and language word: decimal hours and minutes in the upper 12 bits, bit 3 set for west. A minute
// part that no zone has was written as hundredths of an hour.
func wordZone(word uint16) (offset int, ok bool) {
	hours, minutes := int(word>>4)/100, int(word>>4)%100
	switch minutes {
	case 0, 15, 30, 45:
	case 25, 50, 75:
		minutes = minutes * 60 / 100
	default:
		return 0, false
	}
	if offset = hours*3600 + minutes*60; offset > 14*3600 {
		return 0, false
	}
	if word&8 != 0 {
		offset = -offset
	}
	return offset, true
}

// set replaces places of the state. It allocates, so callers ask first whether anything changes.
func set(s *protocols.Session, at int, text string) {
	old := s.State
	if len(old) < atPhoto {
		old = noState
	}
	if at == atPhoto {
		s.State = old[:atPhoto] + text
		return
	}
	s.State = old[:at] + text + old[at+len(text):]
}

func setAlarmLevel(s *protocols.Session, level byte) {
	if alarmLevel(s.State) != level {
		set(s, atLevel, string('0'+rune(level)))
	}
}
