package gt06

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const digits = "0123456789abcdef"

// login reads message 0x01:
//
//	terminal id 8 (BCD) | type code 2, optional | time zone and language word 2, optional
//
// More, or half of it, is passed over. // What the connection taught before is forgotten, but for the reading of dates when the same device says the same again.
func (c *call) login() error {
	b := c.info
	if len(b) < 8 || !isIMEI(b) {
		return fmt.Errorf("gt06: login without a device id: %w", protocols.ErrMalformed)
	}
	code, word := "----", "----"
	if len(b) >= 10 {
		code = hexText(b[8:10])
	}
	if len(b) >= 12 {
		word = hexText(b[10:12])
	}
	state := "-" + code + word + "-0"
	if known(c.s, b[:8]) && len(c.s.State) >= len(state) && c.s.State[:atZone] == state[:atZone] {
		state = c.s.State
	}
	c.bind(b[:8], state)
	c.reply()
	return nil
}

// bind makes the device that of the session. Nothing is allocated when both are known.
func (c *call) bind(id []byte, state string) {
	if !known(c.s, id) {
		c.s.Device = imei(id)
	}
	if c.s.State != state {
		c.s.State = state
	}
}

// isIMEI tells whether b starts with eight bytes of BCD that are not all zero.
func isIMEI(b []byte) bool {
	var any byte
	for _, x := range b[:8] {
		if x>>4 > 9 || x&15 > 9 {
			return false
		}
		any |= x
	}
	return any != 0
}

// appendBCD appends the digits of b.
func appendBCD(dst, b []byte) []byte {
	for _, x := range b {
		dst = append(dst, digits[x>>4], digits[x&15])
	}
	return dst
}

// imei is the device id of eight bytes of BCD: 15 digits, or 16 where the first is not 0.
func imei(b []byte) string {
	id := appendBCD(make([]byte, 0, 16), b[:8])
	if id[0] == '0' {
		id = id[1:]
	}
	return string(id)
}

// known tells whether the session's device is the one of these eight bytes.
func known(s *protocols.Session, b []byte) bool {
	id := appendBCD(make([]byte, 0, 16), b[:8])
	if id[0] == '0' {
		id = id[1:]
	}
	return s.Device == string(id)
}

// identity takes the device id that a message carries besides its content: it names the device of a connection that has none, and
// is kept with the record where it is another.
func (c *call) identity(e *protocols.Event, b []byte) {
	if !isIMEI(b) || known(c.s, b) {
		return
	}
	if c.s.Device == "" {
		c.s.Device = imei(b)
		return
	}
	e.Text("imei", imei(b))
}

// hexText is b in hex.
func hexText(b []byte) string {
	t := make([]byte, 0, 64)
	for _, x := range b {
		t = append(t, digits[x>>4], digits[x&15])
	}
	return string(t)
}
