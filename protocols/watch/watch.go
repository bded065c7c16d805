// Package watch decodes the protocol of children's watches, pendants and pet trackers that SeTracker and its relatives serve.
//
//	[maker 2 * id 8 to 15 * LEN 4 hex * content]
//	[maker 2 * id 8 to 15 * index 4 hex * LEN 4 hex * content]      makers ZJ, FA and others
//
// The content is a word, and data behind a comma. LEN is wrong on many devices, so that frames end where their brackets close. In voice and
// pictures the bytes that have a meaning in frames are escaped by 7d.
//
// An operator can say of a device, besides its zone and its unit:
//
//	sender=CS     maker in the commands to the device; by default its own, SG for 3G
package watch

import (
	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the watches' as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "watch",
	Version:    1,
	TCP:        5093,
	MaxLogin:   maxContent + maxHeader,
	MaxFrame:   maxMedia + maxHeader,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one frame share.
type call struct {
	s *protocols.Session
	f *protocols.Frame
	frame
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f}
	n, err := cut(&c.frame, in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	if s.Device != string(c.id) {
		s.Device = string(c.id)
	}
	if f.Notes != nil {
		c.note(in.Bytes[:n])
	}
	c.remember()
	c.message()
	return n, nil
}

// Session.State is the maker, followed by an i where frames hold an index: what the frames to the device need.

func (c *call) remember() {
	state := c.s.State
	if len(state) >= 2 && state[:2] == string(c.maker) && (len(state) > 2) == (c.index != nil) {
		return
	}
	if c.s.State = string(c.maker); c.index != nil {
		c.s.State += "i"
	}
}

// message reads the content.
func (c *call) message() {
	c.f.Type = "other"
	switch word := c.word; string(word) {
	case "":
		return
	case "LK":
		c.f.Type = "LK"
		c.reply("LK")
		c.link()
		return
	case "INIT":
		c.f.Type = "INIT"
		c.reply("INIT,1")
		return
	case "TKQ", "TKQ2":
		c.f.Type = "TKQ"
		c.reply(string(word))
		return
	case "TK", "TK2":
		c.f.Type = "TK"
		c.voice()
		return
	case "JXTK":
		c.f.Type = "JXTK"
		c.voicePart()
		return
	case "img":
		c.f.Type = "img"
		c.picture()
		return
	case "CONFIG":
		c.f.Type = "CONFIG"
		c.reply("CONFIG,1")
		c.add(protocols.Status).Text("settings_text", string(c.data))
		return
	case "WT":
		c.f.Type = "WT"
		c.place(false)
		return
	}
	switch kind := string(c.word[:min(2, len(c.word))]); {
	case kind == "UD":
		c.f.Type = "UD"
		c.place(false)
	case kind == "AL":
		c.f.Type = "AL"
		c.reply("AL")
		c.place(true)
	case c.health():
		c.f.Type = "health"
	default:
		c.other()
	}
}

// add adds an event with the identity of this content.
func (c *call) add(kind protocols.Kind) *protocols.Event {
	e := c.f.Add(kind)
	e.FP = protocols.Fingerprint(c.content)
	return e
}

// reply prepares the answer: maker, id and index as they came, and the true length.
func (c *call) reply(content string) {
	b := append(append(c.f.Reply, '['), c.maker...)
	b = append(append(b, '*'), c.id...)
	if c.index != nil {
		b = append(append(b, '*'), c.index...)
	}
	b = appendLength(b, len(content))
	c.f.Reply = append(append(b, content...), ']')
}

// appendLength appends *LEN*.
func appendLength(b []byte, n int) []byte {
	const digits = "0123456789abcdef"
	return append(b, '*', digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15], '*')
}

// link reads what the link keep says: steps, tumbles and battery; of two values only the battery is known.
func (c *call) link() {
	if len(c.data) == 0 {
		return
	}
	values := fields{c.data}
	var list [3][]byte
	n := 0
	for ; n < 3 && values.more(); n++ {
		list[n] = values.next()
	}
	e := c.add(protocols.Status)
	switch {
	case n == 3 && !values.more():
		addWhole(e, "steps", list[0])
		addWhole(e, "tumbles", list[1])
		addPercent(e, "battery_pct", list[2])
	case n == 2:
		addPercent(e, "battery_pct", list[1])
	default:
		e.Text("data", text(c.data))
	}
	if len(e.Attrs) == 0 {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
	}
}
