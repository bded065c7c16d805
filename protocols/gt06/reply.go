package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Options of the operator in Options.Extra.
const (
	optionAckLocations = "ack_locations" // false: locations are not answered
	optionCardVerdict  = "card_verdict"  // accept or refuse: the answer to a card that an X3 read
	optionLanguage     = "language"      // 1 or 2: commands end in this language
)

// reply prepares the answer that the message is owed.
func (c *call) reply() {
	switch c.number {
	case msgGPSLBS, msgGPSLBSTail, msgGPSLBS4, msgGPS, msgLBS, msgCells28, msgWiFi, msgGPSLBSWith, msgCells2E, msgGPSLBSModules,
		msgCells4G, msgWiFi4G:
		c.answerLocation()
	case msgText, msgTextExtended, msgCommand, 0x81, 0x82, msgInformation, msgPeripheral, msgOBD, msgOBDCodes, msgOBDPIDs,
		msgX1:
	case msgModules: // only when the report asks for it
	case msgPhoto: // a request for the picture's first block
	case msgSerial:
		c.answerCard()
	case msgTime:
		var date [6]byte
		putDate(date[:], c.received)
		c.f.Reply = appendFrame(c.f.Reply, false, msgTime, date[:], c.serial)
	case msgPhoneByCell:
		if len(c.info) >= gpsSize+lbsSize+9 {
			c.answerLocation() // with a card
			return
		}
		c.refuseAddress()
	case msgPhoneByGPS, msgAddress, msgPhoneBy4G:
		c.refuseAddress()
	case msgSL4XAlarm, msgSL4XWiFi, msgMedia:
		c.answer(c.form == extended)
	default:
		if c.form == short || names[c.number] != unknown {
			c.answer(false)
		}
	}
}

// answer is the standard one: same number, same serial, nothing else.
func (c *call) answer(long bool) {
	if long {
		c.f.Reply = appendFrame(c.f.Reply, long, c.number, nil, c.serial)
		return
	}
	at := len(c.f.Reply)
	r := append(c.f.Reply, 0x78, 0x78, 5, c.number, byte(c.serial>>8), byte(c.serial), 0, 0, 0x0d, 0x0a)
	sum := protocols.X25.Sum(r[at+2 : at+6])
	r[at+6], r[at+7] = byte(sum>>8), byte(sum)
	c.f.Reply = r
}

// answerLocation answers a location. The vendor asks for none; some clones repeat locations that get none.
func (c *call) answerLocation() {
	if c.s.Options.Extra != "" {
		if v, ok := c.s.Options.Get(optionAckLocations); ok && v == "false" {
			return
		}
	}
	c.answer(false)
}

// answerCard tells an X3 whether the card in a pass-through message is accepted, where the operator decided so.
func (c *call) answerCard() {
	switch v, _ := c.s.Options.Get(optionCardVerdict); v {
	case "accept":
		c.f.Reply = appendFrame(c.f.Reply, true, msgSerial, []byte{2, 1}, c.serial)
	case "refuse":
		c.f.Reply = appendFrame(c.f.Reply, true, msgSerial, []byte{2, 0}, c.serial)
	}
}

// refuseAddress says that there is no address to be had, so that the device does not ask again.
func (c *call) refuseAddress() {
	const none = "\x0b\x00\x00\x00\x00NA&&NA&&0##"
	c.f.Reply = appendFrame(c.f.Reply, true, msgAddressText, []byte(none), c.serial)
}

// appendFrame appends a frame with serial and checksum.
func appendFrame(b []byte, long bool, number byte, info []byte, serial uint16) []byte {
	length := len(info) + 5
	if long {
		b = append(b, 0x79, 0x79, byte(length>>8), byte(length))
	} else {
		b = append(b, 0x78, 0x78, byte(length))
	}
	start := len(b) - 1
	if long {
		start--
	}
	b = append(b, number)
	b = append(b, info...)
	b = append(b, byte(serial>>8), byte(serial))
	b = binary.BigEndian.AppendUint16(b, protocols.X25.Sum(b[start:]))
	return append(b, 0x0d, 0x0a)
}

// putDate writes a time as year-2000, month, day, hour, minute, second.
func putDate(b []byte, t protocols.Millis) {
	y, mo, d := t.Time().Date()
	h, mi, s := t.Time().Clock()
	b[0], b[1], b[2] = byte(y-2000), byte(mo), byte(d)
	b[3], b[4], b[5] = byte(h), byte(mi), byte(s)
}
