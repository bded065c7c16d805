package jt808

import (
	"encoding/binary"
	"encoding/hex"
)

// Results in answers of the platform.
const (
	resultOK      = 0
	resultFailure = 1
	resultWrong   = 2

	registerUnknown = 4 // no such terminal
)

// reply prepares the answer that the message is owed. Its own serial number is 0: terminals tie answers to what they sent.
func (c *call) reply() {
	switch {
	case compact(c.id):
		if c.attributes&attrWantsAck != 0 {
			c.f.Reply = c.answerCompact(c.f.Reply)
		}
		return
	case c.parts > 1:
		if v, _ := c.s.Options.Get("answers"); v == "last" && c.part != c.parts {
			return
		}
		c.f.Reply = c.general(c.f.Reply, resultOK)
		return
	case c.encrypted():
		c.f.Reply = c.general(c.f.Reply, resultOK)
		return
	}
	switch c.id {
	case msgRegister:
		c.f.Reply = c.registered(c.f.Reply, resultOK)
		c.f.Refuse = c.registered(c.f.Refuse, registerUnknown)
	case msgAuthenticate:
		c.f.Reply = c.general(c.f.Reply, resultOK)
		c.f.Refuse = c.general(c.f.Refuse, resultFailure)
	case msgTime:
		c.f.Reply = c.answer(c.f.Reply, msgTimeAnswer, appendBCD(nil, c.received))
	case msgTimeVendor:
		c.f.Reply = c.answer(c.f.Reply, msgTimeVendorAnswer, append(appendDate(nil, c.received), 0))
	case msgMediaData:
		if len(c.body) >= 4 {
			c.f.Reply = c.answer(c.f.Reply, msgMediaAnswer, c.body[:4])
		}
	case msgLocation:
		if len(c.body) < locationSize {
			c.f.Reply = c.general(c.f.Reply, resultWrong)
			return
		}
		c.f.Reply = c.general(c.f.Reply, resultOK)
	default:
		if answersNeedNone(c.id) {
			return
		}
		c.f.Reply = c.general(c.f.Reply, resultOK)
	}
}

// answersNeedNone tells whether the message is itself an answer, or one that only a platform sends.
func answersNeedNone(id uint16) bool {
	switch id {
	case msgGeneralAnswer, msgParameters, msgLocationAnswer, msgControlAnswer, msgTachograph, 0x0802, 0x0805, 0x1205:
		return true
	}
	return id >= 0x8000 && id != msgPhotoVendor
}

// general appends a general answer of the platform, 0x8001.
func (c *call) general(out []byte, result byte) []byte {
	return c.answer(out, msgPlatformAnswer, []byte{byte(c.serial >> 8), byte(c.serial), byte(c.id >> 8), byte(c.id), result})
}

// registered appends the answer to a registration. The code that the terminal is to authenticate with is its identity.
func (c *call) registered(out []byte, result byte) []byte {
	body := append(make([]byte, 0, 24), byte(c.serial>>8), byte(c.serial), result)
	if result == resultOK {
		if id := c.s.Device; len(c.identity) == 6 && len(id) == 15 {
			body = append(body, id...)
		} else {
			body = hex.AppendEncode(body, c.identity)
		}
	}
	return c.answer(out, msgRegistered, body)
}

// answer appends a message to the terminal, in the form of its own header.
func (c *call) answer(out []byte, id uint16, body []byte) []byte {
	return appendMessage(out, c.flag, c.is2019(), c.version, id, c.identity, 0, body)
}

// appendMessage appends a frame: header, body, check.
func appendMessage(out []byte, flag byte, is2019 bool, version byte, id uint16, identity []byte, serial uint16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 64), id)
	attributes := uint16(len(body))
	if is2019 {
		attributes |= attrVersion
	}
	b = binary.BigEndian.AppendUint16(b, attributes)
	if is2019 {
		b = append(b, version)
	}
	b = append(b, identity...)
	b = binary.BigEndian.AppendUint16(b, serial)
	return appendFrame(out, flag, append(b, body...))
}

// answerCompact appends the answer to a message 0x55xx: serial number of one byte, id of the message, result.
func (c *call) answerCompact(out []byte) []byte {
	b := append(make([]byte, 0, 16), msgCompactAnswer>>8, msgCompactAnswer&0xff, 0, 3)
	b = append(b, c.identity...)
	return appendFrame(out, c.flag, append(b, 1, byte(c.id>>8), byte(c.id), resultOK))
}
