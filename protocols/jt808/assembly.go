package jt808

import (
	"encoding/binary"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// A message in parts is put together from what the Session carries from part to part, and from nothing else: each part is a frame and a record of
// its own, acknowledged when it is on disk, so a terminal that waits for each answer is never kept waiting, and the journal, which has the Session
// beside each frame, reads a part as the socket did wherever it begins. A frame made of all parts would have to hold the first one's answer back
// until the last has come, and would mean something else when the network cuts the stream elsewhere.
//
// The State that a Session may carry is small. A batch of locations, which is what terminals mostly send in parts, needs little of it: each part
// tells its whole locations, and the start of the one that goes on in the next is carried over. Another message is put together while it
// fits. A part whose content no event tells yet is kept raw: what was acknowledged is on record, whether the rest comes or not. Nothing waits for a
// time to run out: an assembly that stays incomplete holds a State's room until the connection ends, or the next message in parts begins.

// assembly is what is known of the last message that came in parts.
type assembly struct {
	id, first uint16 // message, and serial number of part 1
	parts     int
	next      int // part that continues it
	seen      int // the highest that came
	asked     int // up to which part the terminal was asked to send again; 0: it was not
	mode      assemblyMode
	last      uint32 // fingerprint of part next-1: a part that is sent again is told from another of the same number

	tail  []byte      // what the parts up to next have left over
	early []earlyPart // that came before their turn
}

// earlyPart is a part that waits for those before it.
type earlyPart struct {
	part int
	body []byte
}

// assemblyMode is how a message is put together.
type assemblyMode byte

const (
	whole       assemblyMode = 'w' // tail is all of it so far
	batchLive   assemblyMode = 'l' // tail is the start of a location
	batchStored assemblyMode = 's'
	apart       assemblyMode = 'a' // each part is kept raw; tail is the id of a photo
)

// assemblyMark stands in a State between its text and the assembly:
//
//	/ | id 2 | first 2 | parts 2 | next-1 2 | seen 2 | asked 2 | mode 1 | last 4 | tail: length 2 | early: part 2, length 2 each
const (
	assemblyMark = '/'
	assemblyHead = 19
	earlyHead    = 4
)

// stateText is the part of a State that is text.
func stateText(state string) string {
	if at := strings.IndexByte(state, assemblyMark); at >= 0 {
		return state[:at]
	}
	return state
}

// pending reads the assembly of the State; nil: there is none.
func (c *call) pending() *assembly {
	at := strings.IndexByte(c.s.State, assemblyMark)
	if at < 0 {
		return nil
	}
	r := protocols.NewReader([]byte(c.s.State[at+1:]))
	a := &assembly{id: r.U16(), first: r.U16(), parts: int(r.U16()), next: int(r.U16()) + 1, seen: int(r.U16()), asked: int(r.U16()),
		mode: assemblyMode(r.U8()), last: r.U32()}
	a.tail = r.Bytes(int(r.U16()))
	for r.Len() > 0 && r.Err() == nil {
		a.early = append(a.early, earlyPart{int(r.U16()), r.Bytes(int(r.U16()))})
	}
	if r.Err() != nil {
		return nil
	}
	return a
}

// carry writes the assembly into the State.
func (c *call) carry(a *assembly) {
	b := append(make([]byte, 0, protocols.MaxState), stateText(c.s.State)...)
	b = append(b, assemblyMark)
	for _, v := range [...]int{int(a.id), int(a.first), a.parts, a.next - 1, a.seen, a.asked} {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	b = binary.BigEndian.AppendUint32(append(b, byte(a.mode)), a.last)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(a.tail))), a.tail...)
	for _, p := range a.early {
		b = binary.BigEndian.AppendUint16(b, uint16(p.part))
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.body))), p.body...)
	}
	c.s.State = string(b)
}

// room is how many bytes of parts the State still takes beside those that it has. The longest identity leaves enough for this.
func (a *assembly) room() int {
	n := protocols.MaxState - maxStateText - 1 - assemblyHead - len(a.tail)
	for _, p := range a.early {
		n -= earlyHead + len(p.body)
	}
	return n
}

// fragment reads one part of a message that spans frames.
func (c *call) fragment() {
	part, parts := int(c.part), int(c.parts)
	if part == 0 || part > parts {
		c.raw()
		return
	}
	first := c.serial - c.part + 1
	a := c.pending()
	same := a != nil && a.id == c.id && a.first == first && a.parts == parts
	if same && part == a.next-1 && a.last == fingerprint(c.body) {
		return // sent again: what it says is on record
	}
	if !same || part == 1 && a.next > 1 { // a terminal that was restarted may count as before
		a = &assembly{id: c.id, first: first, parts: parts, next: 1, mode: whole}
	}
	a.seen = max(a.seen, part)
	if part == a.next {
		c.advance(a)
	} else {
		c.raw()
		c.ahead(a, part)
	}
	c.carry(a)
}

// ahead notes a part that is not the next.
func (c *call) ahead(a *assembly, part int) {
	if part < a.next { // one that was asked for again, or came late
		return
	}
	if a.mode == apart { // those that came need no waiting
		a.asked = 0
		c.ask(a, a.next, part-1)
		a.next = part + 1
		return
	}
	if !a.waits(part) && earlyHead+len(c.body) <= a.room() {
		a.early = append(a.early, earlyPart{part, c.body})
	}
	c.ask(a, a.next, a.seen)
}

// advance takes the next part, and those behind it that have come already.
func (c *call) advance(a *assembly) {
	told := len(c.f.Events)
	for body := c.body; body != nil; {
		a.next++
		a.last = fingerprint(body)
		behind := a.take() // makes room
		c.join(a, body)
		body = behind
	}
	if a.mode == apart {
		a.early = nil
	}
	switch n := len(c.f.Events); {
	case n == told && (a.mode == apart || a.next <= a.parts):
		c.raw() // nothing else says what is in it
	case n > told && a.next <= a.parts && len(a.tail) > 0:
		hexText(&c.f.Events[n-1], "fragment_rest", a.tail) // until the rest comes, and if it never does
	}
	if a.asked > 0 && a.next > a.asked {
		a.asked = 0
		c.ask(a, a.next, a.seen)
	}
	if a.next <= a.parts {
		return
	}
	if c.id == msgMediaData && len(a.tail) >= 4 {
		c.also(msgMediaAnswer, a.tail[:4])
	}
	a.tail, a.early = nil, nil // what is left tells a part that is sent again
}

// giveUp keeps the parts from here on raw, and of a photo its id, which the answer to its end holds.
func (a *assembly) giveUp(id uint16, data []byte) {
	if a.mode = apart; id == msgMediaData && len(data) >= 4 {
		a.tail = data[:4]
	}
}

// take removes the next part from those that came early; nil: it has not come.
func (a *assembly) take() []byte {
	for i, p := range a.early {
		if p.part == a.next {
			a.early = append(a.early[:i:i], a.early[i+1:]...)
			return append([]byte{}, p.body...)
		}
	}
	return nil
}

// join puts a part to those before it. At the end of the message, all of it is told.
func (c *call) join(a *assembly, body []byte) {
	if a.mode == apart {
		return
	}
	data := append(append(make([]byte, 0, len(a.tail)+len(body)), a.tail...), body...)
	a.tail = nil
	if c.id == msgBatch && a.mode == whole && len(data) >= 3 { // number of locations 2, kind 1
		if a.mode = batchLive; data[2] == 1 {
			a.mode = batchStored
		}
		data = data[3:]
	}
	if a.mode != whole {
		data = c.locations(a, data)
	}
	ends := a.next > a.parts
	for !ends && len(data) > a.room() && len(a.early) > 0 {
		a.early = a.early[:len(a.early)-1] // it will be asked for
	}
	switch {
	case ends && a.mode == whole:
		first := len(c.f.Events)
		a.tail, c.body = data, data
		c.message()
		if len(c.f.Events) > first {
			c.f.Events[first].Int("fragments", int64(a.parts))
		}
	case ends && len(data) > 0:
		c.unread(data)
	case ends:
	case len(data) <= a.room():
		a.tail = data
	default: // a location that is no location, or a message that is too long
		if a.mode != whole {
			c.unread(data)
		}
		a.giveUp(c.id, data)
	}
}

// locations tells the whole locations of data and returns what is left.
func (c *call) locations(a *assembly, data []byte) []byte {
	for len(data) >= 2 {
		n := int(binary.BigEndian.Uint16(data))
		if n < locationSize || n > len(data)-2 {
			break
		}
		c.stored(data[2:2+n], a.mode == batchStored)
		data = data[2+n:]
	}
	return data
}

// raw keeps a part as it is.
func (c *call) raw() {
	e := c.status()
	e.Int("fragment", int64(c.part))
	e.Int("fragments", int64(c.parts))
	hexText(e, "raw", c.body)
	var place [4]byte
	binary.BigEndian.PutUint16(place[:], c.parts)
	binary.BigEndian.PutUint16(place[2:], c.part)
	e.FP = protocols.Fingerprint([]byte{byte(c.id >> 8), byte(c.id)}, place[:], c.body)
}

// maxAsked is how many parts are asked for at once.
const maxAsked = 64

// ask asks the terminal for the parts of a range that have not come, or that had to be given up for want of room, once until they come:
//
//	8003: serial number of part 1 2 | count 1, in the edition of 2019 2 | parts 2 each
func (c *call) ask(a *assembly, from, to int) {
	if a.asked > 0 {
		return
	}
	var missing []byte
	n, last := 0, 0
	for part := from; part <= to && n < maxAsked; part++ {
		if !a.waits(part) {
			missing = binary.BigEndian.AppendUint16(missing, uint16(part))
			n, last = n+1, part
		}
	}
	body := []byte{byte(a.first >> 8), byte(a.first)}
	if c.is2019() {
		body = append(body, 0)
	}
	if n > 0 && c.also(msgResend, append(append(body, byte(n)), missing...)) {
		a.asked = last
	}
}

// waits tells whether a part came before its turn and is carried.
func (a *assembly) waits(part int) bool {
	for _, p := range a.early {
		if p.part == part {
			return true
		}
	}
	return false
}

// also adds a message to the answer; false: a datagram can not be answered at such length, and the acknowledgement goes first.
func (c *call) also(id uint16, body []byte) bool {
	n := len(c.f.Reply)
	c.f.Reply = c.answer(c.f.Reply, id, body)
	if c.most > 0 && len(c.f.Reply) > c.most {
		c.f.Reply = c.f.Reply[:n]
		return false
	}
	return true
}

func fingerprint(body []byte) uint32 { return uint32(protocols.Fingerprint(body)) }
