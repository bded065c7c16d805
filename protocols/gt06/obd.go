package gt06

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// obd reads messages 0x8C, 0x66 and 0x65: date 6, ignition 1, key=value pairs with commas, and at the end a position of satellites 1,
// latitude 4, longitude 4, speed 1, course word 2.
func (c *call) obd(e *protocols.Event) bool {
	const place = 12
	b := c.info
	if len(b) < 7+place || !plausibleDate(b) {
		return false
	}
	c.date = b[:6]
	c.many = true
	e.Bool("ignition", b[6] != 0)
	list, p := b[7:len(b)-place], b[len(b)-place:]
	e.SetSats(p[0] & 15)
	e.SetSpeed(float64(p[9]))
	c.place(e, p[1:], binary.BigEndian.Uint16(p[10:]))
	if !printable(list) {
		c.unread(e, list)
		return true
	}
	raw := list
	if c.number == msgOBD {
		raw = c.items(e, list)
	}
	if len(raw) > 0 {
		e.Text("obd", text(raw))
	}
	return true
}

// items reads the values of message 0x8C that have a meaning and returns the pairs that have none. A key is an item's number, two
// hex digits, and one more digit; a value is hundredths in hex, but for the VIN.
func (c *call) items(e *protocols.Event, list []byte) (rest []byte) {
	for len(list) > 0 {
		var pair []byte
		pair, list, _ = bytes.Cut(list, []byte(","))
		key, value, ok := bytes.Cut(pair, []byte("="))
		if ok && len(value) == 0 {
			continue
		}
		if !ok || len(key) != 3 || !c.item(e, string(key[:2]), string(value)) {
			if len(rest) > 0 {
				rest = append(rest, ',')
			}
			rest = append(rest, pair...)
		}
	}
	return rest
}

func (c *call) item(e *protocols.Event, key, value string) bool {
	if key == "4A" {
		e.Text("vin", value)
		return true
	}
	n, err := strconv.ParseInt(value, 16, 48)
	if err != nil {
		return false
	}
	switch key {
	case "28":
		e.Int("odometer_m", n*10)
	case "2B":
		e.Dec("fuel", n, 2)
	case "2D":
		e.Dec("coolant_c", n, 2)
	case "35":
		e.Dec("vehicle_speed_kmh", n, 2)
	case "36":
		e.Dec("rpm", n, 2)
	case "47":
		e.Dec("fuel_used_l", n, 2)
	case "49":
		e.Int("hours_s", n*36)
	default:
		return false
	}
	return true
}
