package jt808

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Session.State is a text of fixed places:
//
//	0    flag: 7 or e
//	1    how times are read: u UTC, l the zone of the standard, - not decided
//	2-3  version of the header in hex, or -- for one without
//	4-   identity as the header holds it, in hex
//
// Behind it may stand what is known of a message in parts: see assembly.
const (
	atFlag     = 0
	atZone     = 1
	atVersion  = 2
	atIdentity = 4

	maxStateText = atIdentity + 20
)

// speaksLock tells whether the device uses the flag e7.
func speaksLock(state string) bool { return state != "" && state[atFlag] == 'e' }

// bind makes the device of the header that of the session. Nothing is allocated when it is the same as before.
func (c *call) bind() error {
	var next [maxStateText]byte
	next[atFlag], next[atZone], next[atVersion], next[atVersion+1] = '7', '-', '-', '-'
	if c.flag == flagLock {
		next[atFlag] = 'e'
	}
	if c.is2019() {
		hex.Encode(next[atVersion:], []byte{c.version})
	}
	state := next[:atIdentity+hex.Encode(next[atIdentity:], c.identity)]
	old := stateText(c.s.State)
	if len(old) == len(state) && old[atIdentity:] == string(state[atIdentity:]) {
		state[atZone] = old[atZone]
		if old == string(state) && c.s.Device != "" {
			return nil
		}
	}
	device, err := deviceID(c.identity)
	if err != nil {
		return err
	}
	if c.s.Device != device {
		c.s.Device = device
	}
	c.s.State = string(state)
	return nil
}

// deviceID is the device's name: the digits without leading zeros. Six bytes that are no digits are an IMEI without its check digit, as a
// binary number.
func deviceID(identity []byte) (string, error) {
	text := hex.EncodeToString(identity)
	if len(identity) == 6 && strings.ContainsAny(text, "abcdef") {
		v, err := strconv.ParseUint(text, 16, 64)
		if err != nil || v >= 1e14 {
			return "", fmt.Errorf("jt808: identity %s is neither digits nor an IMEI: %w", text, protocols.ErrMalformed)
		}
		text = fmt.Sprintf("%014d", v)
		return text + string(luhn(text)), nil
	}
	if text = strings.TrimLeft(text, "0"); text == "" {
		text = "0"
	}
	return text, nil
}

// luhn is the check digit of an IMEI's 14 digits.
func luhn(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// setZone notes how times are to be read.
func setZone(s *protocols.Session, z byte) {
	if len(s.State) > atZone {
		s.State = s.State[:atZone] + string(rune(z)) + s.State[atZone+1:]
	}
}
