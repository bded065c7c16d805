package gt06

import "github.com/trackgate/trackgate/protocols"

// The framing of the sibling protocol: LEN counts INFO, or INFO and the number, or the access points of a WiFi message, or is
// whatever the firmware's author liked at login.

// siblingNumber tells whether the sibling protocol has a message of this number.
func siblingNumber(number byte) bool {
	switch number {
	case 0x01, 0x08, 0x09, 0x10, 0x11, 0x13, 0x17, 0x18, 0x19, 0x1a, 0x30, 0x69, 0x94, 0x99:
		return true
	}
	return false
}

// wifiNumber tells whether LEN counts access points in messages of this number.
func wifiNumber(number byte) bool {
	switch number {
	case 0x17, 0x18, 0x19, 0x1a, 0x69:
		return true
	}
	return false
}

// siblingLogin recognises the 15 bytes of a login: IMEI 8, version 1. ok is false when it is none, or can not be told yet.
func siblingLogin(b []byte, length int, final bool) (m message, n int, err error, ok bool) {
	if b[3] != msgLogin || length != 0x0d || len(b) < 15 || !isStop(b[13:]) || !isIMEI(b[4:12]) {
		return m, 0, nil, false
	}
	if byte(protocols.X25.Sum(b[2:14])>>8) == b[14] && !final {
		return m, 0, nil, false // so far it may as well be a login with serial and checksum
	}
	m, n, err = bareFrame(b, 13)
	return m, n, err, true
}

// siblingFrame recognises a frame of the sibling protocol where a frame with serial and checksum is ruled out. ok is false when
// it is none; n is 0 when more bytes will tell.
func siblingFrame(sendsBare bool, b []byte, length int, final bool) (m message, n int, err error, ok bool) {
	number := b[3]
	if wifiNumber(number) {
		end, known := wifiEnd(b, length)
		switch {
		case !known && !final:
			return m, 0, nil, true
		case known:
			for _, at := range [...]int{end, end + 1} { // an alarm byte may follow
				if len(b) < at+2 && !final && !ruledOut(b, at) {
					return m, 0, nil, true
				}
				if len(b) >= at+2 && isStop(b[at:]) {
					m, n, err = bareFrame(b, at)
					return m, n, err, true
				}
			}
		}
	}
	if length == 0 || !sendsBare && !siblingNumber(number) && length >= 5 {
		return m, 0, nil, false
	}
	for _, at := range [...]int{length + 2, length + 3, length + 4} {
		if at < 4 || at == length+2 && number != 0x13 {
			continue
		}
		if len(b) < at+2 && !final && !ruledOut(b, at) {
			return m, 0, nil, true
		}
		if len(b) >= at+2 && isStop(b[at:]) {
			m, n, err = bareFrame(b, at)
			return m, n, err, true
		}
	}
	return m, 0, nil, false
}

// wifiEnd is where the stop bytes of a WiFi message belong: date 6, LEN access points of 7, cell count 1, and where there are
// cells MCC 2, MNC 1 and cells of 5.
func wifiEnd(b []byte, points int) (end int, known bool) {
	at := 4 + 6 + 7*points
	if len(b) <= at {
		return 0, false
	}
	cells := int(b[at])
	if cells == 0 && len(b) > at+2 && isStop(b[at+1:]) {
		return at + 1, true // without the network's codes
	}
	return at + 1 + 3 + 5*cells, true
}
