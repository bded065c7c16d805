package h02

import "github.com/trackgate/trackgate/protocols"

// Session.State is a text of fixed places:
//
//	0-1   code of the maker, which commands must repeat
//	2     length of the binary records: s 32, i 42, l 45, o 46, - not known yet
//	3-4   conditions of the last status word that are alarms, hex; see alarmBits
const noState = "HQ-00"

func maker(state string) string {
	if state == "" {
		return noState[:2]
	}
	return state[:2]
}

// binaryLength is the length of the device's binary records in bytes; 0: not known.
func binaryLength(state string) int {
	if state == "" {
		return 0
	}
	switch state[2] {
	case 's':
		return lengthShort
	case 'i':
		return lengthIMEI
	case 'l':
		return lengthLong
	case 'o':
		return lengthOdometer
	}
	return 0
}

func setMaker(s *protocols.Session, m []byte) {
	if maker(s.State) != string(m) {
		s.State = string(m) + or(s.State)[2:]
	}
}

func setBinaryLength(s *protocols.Session, n int) {
	if binaryLength(s.State) == n {
		return
	}
	letter := map[int]string{lengthShort: "s", lengthIMEI: "i", lengthLong: "l", lengthOdometer: "o"}[n]
	old := or(s.State)
	s.State = old[:2] + letter + old[3:]
}

// alarms are the alarm conditions of the last status word.
func alarms(state string) uint8 {
	if state == "" {
		return 0
	}
	v, _ := protocols.ParseHex([]byte(state[3:5]))
	return uint8(v)
}

func setAlarms(s *protocols.Session, bits uint8) {
	if alarms(s.State) != bits {
		const digits = "0123456789abcdef"
		s.State = or(s.State)[:3] + string([]byte{digits[bits>>4], digits[bits&15]})
	}
}

func or(state string) string {
	if state == "" {
		return noState
	}
	return state
}
