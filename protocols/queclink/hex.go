package queclink

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// The HEX form: numbers big endian, and
//
//	+RSP +BSP +EVT +BVT   type 1 | mask 4 | length 2
//	+INF +BNF             type 1 | mask 2 | length 2
//	+CRD +BRD +LGN        type 1 | mask 1 | length 2
//	+ACK                  type 1 | mask 1 | length 1
//	+HBD                  mask 1 | length 1
//
// and behind it, as far as the masks let them through,
//
//	device type 1 | protocol version 2 | firmware 2 | id 8 | ... | send time 7 | count 2 | CRC 2 | 0d 0a
//
// The length is that of the whole message, the CRC is CRC-16/CCITT-FALSE from the type on.
const hexTail = 6 // count, CRC and the end

// hexHead is a head of the HEX form: where its length stands and how many bytes it has.
type hexHead struct {
	name   string
	at     int
	wide   bool
	stored bool
}

var hexHeads = [...]hexHead{
	{"+RSP", 9, true, false}, {"+BSP", 9, true, true}, {"+EVT", 9, true, false}, {"+BVT", 9, true, true}, {"+INF", 7, true, false},
	{"+BNF", 7, true, true}, {"+CRD", 6, true, false}, {"+BRD", 6, true, true}, {"+LGN", 6, true, false}, {"+ACK", 6, false, false},
	{"+HBD", 5, false, false},
}

// body is where the fields behind the length begin.
func (h *hexHead) body() int {
	if h.wide {
		return h.at + 2
	}
	return h.at + 1
}

// headOf is the HEX head that b begins with; may says that it could with more bytes.
func headOf(b []byte) (h *hexHead, may bool) {
	for i := range hexHeads {
		name := hexHeads[i].name
		if len(b) >= len(name) {
			if string(b[:len(name)]) == name {
				return &hexHeads[i], false
			}
		} else if name[:len(b)] == string(b) {
			may = true
		}
	}
	return nil, may
}

// Bounds of the length of a message of the binary form, which begins with 2b 00 or 2d 00 and its length.
const (
	minBinary = 24
	maxBinary = 2048
)

// otherLength is the form and the length of a message that is not text; length 0: too short to tell. known: there may be one at all.
func otherLength(m []byte) (f form, length int, known bool) {
	if h, may := headOf(m); h != nil || may {
		if h == nil || len(m) < h.body() {
			return formHex, 0, true
		}
		if length = int(m[h.at]); h.wide {
			length = length<<8 | int(m[h.at+1])
		}
		return formHex, length, length >= h.body()+5+hexTail && length <= maxFrame
	}
	if m[0] != '+' && m[0] != '-' {
		return formNone, 0, false
	}
	if len(m) < 4 {
		return formBinary, 0, len(m) == 1 || m[1] == 0
	}
	length = int(m[2])<<8 | int(m[3])
	return formBinary, length, m[1] == 0 && length >= minBinary && length <= maxBinary
}

// endsWell says whether the message has the end of its form.
func endsWell(f form, m []byte) bool {
	if f == formBinary {
		return m[len(m)-1] == '$'
	}
	return m[len(m)-2] == '\r' && m[len(m)-1] == '\n'
}

// hexCall is what the readers of a HEX message share.
type hexCall struct {
	s    *protocols.Session
	f    *protocols.Frame
	head *hexHead
	kind byte
	mask uint32
	sent protocols.Millis
	base int32
}

// decodeHex reads a HEX message.
func decodeHex(s *protocols.Session, f *protocols.Frame, b []byte) error {
	h, _ := headOf(b)
	n := len(b)
	f.Type = h.name[1:]
	before := *s
	f.Note(b[:4], "message type", "the form of the head, and whether the message was stored")
	f.Note(b[h.at:h.body()], "length", "big endian; of the whole message")
	f.Note(b[n-hexTail:n-4], "count number", "u16 big endian; the answer repeats it")
	f.Note(b[n-4:n-2], "checksum", "CRC-16/CCITT-FALSE of all behind the first four bytes, u16 big endian")
	f.Note(b[n-2:], "stop", "CR LF")
	sum := uint16(b[n-4])<<8 | uint16(b[n-3])
	bad := protocols.CCITT(protocols.CCITTStart, b[4:n-4]) != sum && protocols.X25.Sum(b[4:n-4]) != sum
	c := hexCall{s: s, f: f, head: h, base: protocols.Fingerprint(b[4 : n-hexTail])}
	c.decode(b)
	if !bad {
		return nil
	}
	if s.Options.TolerateChecksum {
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
		return nil
	}
	*s = before
	return fmt.Errorf("queclink: %s: %w", h.name, protocols.ErrChecksum)
}

func (c *hexCall) decode(b []byte) {
	n := len(b)
	body := c.head.body()
	count := b[n-hexTail : n-4]
	head := protocols.NewReader(b[4:c.head.at])
	if c.head.name != "+HBD" {
		c.kind = head.U8()
	}
	c.mask = uint32(head.Uint(head.Len()))
	version := b[body : body+5] // device type, protocol version, firmware
	at := body + 5
	if i, imei := findIMEI(b[:n-hexTail], body); i > 0 {
		version = b[i-5 : i]
		if at = i + 8; c.s.Device != string(imei[:]) {
			c.s.Device = string(imei[:])
		}
	}
	switch c.head.name {
	case "+HBD":
		c.f.Reply = append(c.f.Reply, "+SACK:GTHBD,"...)
		c.f.Reply = append(appendHex(c.f.Reply, version[:3]), ',')
		c.f.Reply = append(appendHex(c.f.Reply, count), '$')
		return
	default:
		if v, _ := c.s.Options.Get(optionSack); v != "false" {
			c.f.Reply = append(c.f.Reply, "+SACK:"...)
			c.f.Reply = append(appendHex(c.f.Reply, count), '$')
		}
	}
	rest := b[at : n-hexTail]
	if len(rest) >= 7 {
		if t, ok := hexTime(rest[len(rest)-7:]); ok {
			c.sent = t
			rest = rest[:len(rest)-7]
		}
	}
	first := len(c.f.Events)
	c.fields(rest)
	for i := first; i < len(c.f.Events); i++ {
		e := &c.f.Events[i]
		e.Stored, e.FP = c.head.stored, c.base
		e.Text("protocol_version", string(appendHex(nil, version[:3])))
		e.Text("firmware", string(appendHex(nil, version[3:5])))
		if e.Time == 0 {
			e.Time = c.sent
		} else if c.sent != 0 {
			e.Int("send_delay_s", int64(c.sent-e.Time)/1000)
		}
		if e.Kind == protocols.Status && e.Has&protocols.HasFix != 0 {
			e.Kind = protocols.Position
		}
	}
}

func appendHex(b, v []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, x := range v {
		b = append(b, digits[x>>4], digits[x&15])
	}
	return b
}

// findIMEI finds the id: seven bytes of two digits and one of a single digit, with the right check digit. It stands behind
// device type and versions, which have five bytes or, at login, seven.
func findIMEI(b []byte, body int) (at int, imei [15]byte) {
	for at = body + 5; at <= body+9 && at+8 <= len(b); at++ {
		sum, ok := 0, b[at] >= 1 && b[at+7] <= 9
		for k, x := range b[at : at+7] {
			if x > 99 {
				ok = false
				break
			}
			imei[2*k], imei[2*k+1] = '0'+x/10, '0'+x%10
			double := int(x%10) * 2
			sum += int(x/10) + double/10 + double%10
		}
		if ok && (sum+int(b[at+7]))%10 == 0 {
			imei[14] = '0' + b[at+7]
			return at, imei
		}
	}
	return 0, imei
}

// hexTime reads year 2, month, day, hour, minute, second.
func hexTime(b []byte) (protocols.Millis, bool) {
	year := int(b[0])<<8 | int(b[1])
	if year < 1970 || year > 2200 {
		return 0, false
	}
	return protocols.Civil(year, int(b[2]), int(b[3]), int(b[4]), int(b[5]), int(b[6]), protocols.Zone{})
}
