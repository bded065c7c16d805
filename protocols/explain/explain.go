// Package explain says which bytes of a frame mean what: every range with its name, its decoded value and the rule that read it.
//
// Nothing here describes a protocol, so nothing can be wrong about one. Two sources are put together:
//
//   - what the decoder notes of the frame's parts while it reads it (protocols.Notes);
//   - what the decoder answers when it is asked: the frame is decoded again with one bit changed, and what is another then is what the bit feeds. From the
//     values that come back the rule is worked out, and it is given only when it gives every one of them.
//
// It is made for people who look at a frame, not for the way of a record: a frame of 100 bytes is decoded some 800 times.
package explain

import (
	"errors"
	"slices"

	"github.com/trackgate/trackgate/protocols"
)

// Item is a range of a frame that means something. Two items either lie apart, or one holds the other, but for values packed into shared bytes.
type Item struct {
	Offset, Length int
	Depth          int    // how many items hold it
	Name           string // a field of an event as its JSON has it ("lat", "cells[0].lac"), or a part of the frame ("length")
	Event          int    // index of the event that it feeds; -1: none, or the session
	Field          bool   // it feeds a field of an event, or the identity of the device
	Value          string // decoded, as JSON; empty: none
	Rule           string // how it is read
	Reader         string // the function of the decoder that set the field, where known
}

// Explanation is what is known of one frame.
type Explanation struct {
	Items   []Item
	Decoded int  // how often the decoder was asked
	Partial bool // the frame was too long to ask for each bit
}

// Budget is how many times a decoder is asked about one frame, at most.
const Budget = 1 << 14

// Explain explains the frame that in.Bytes holds, and nothing else, as p reads it after what s learnt. It does not change s.
func Explain(p *protocols.Protocol, s *protocols.Session, in protocols.Input) Explanation {
	in.Final = true
	a := asker{p: p, session: *s, in: in, values: make(map[protocols.Field]value), leaves: make(map[string][]leaf)}
	// A changed byte makes the checksum wrong; what the frame would say and teach is wanted all the same.
	a.session.Options.TolerateChecksum = true
	notes := a.first()
	var x Explanation
	if a.usable {
		a.ask()
		a.heed(notes)
		x.Decoded, x.Partial = a.decoded, a.partial
	}
	x.Items = a.items(notes)
	return x
}

// asker decodes one frame again and again.
type asker struct {
	p       *protocols.Protocol
	session protocols.Session // before the frame
	in      protocols.Input

	base    reading // of the frame as it is
	usable  bool    // the frame is accepted, but for its checksum perhaps
	textual bool    // it is a line of text
	readers map[protocols.Field]string
	frame   protocols.Frame // of the reading of the moment
	decoded int
	partial bool

	bytes   []effects // of each byte
	named   []bool    // bytes that the decoder named
	samples map[protocols.Field][]sample
	values  map[protocols.Field]value // of the frame as it is
	leaves  map[string][]leaf         // of its lists and objects
}

// reading is what a decoder makes of a frame.
type reading struct {
	n       int
	refused bool
	badSum  bool
	kind    string
	session protocols.Session
	events  []protocols.Event
	reply   []byte
}

// read decodes b. The result is good until the next call.
func (a *asker) read(b []byte) reading {
	in := a.in
	in.Bytes = b
	r := reading{session: a.session}
	a.frame.Reset()
	n, err := protocols.Next(a.p, &r.session, in, &a.frame)
	a.decoded++
	r.n, r.kind, r.events, r.reply = n, a.frame.Type, a.frame.Events, a.frame.Reply
	r.badSum = errors.Is(err, protocols.ErrChecksum)
	r.refused = n == 0 || err != nil && !r.badSum
	return r
}

// first reads the frame as it is and returns the decoder's notes.
func (a *asker) first() []protocols.Note {
	notes := new(protocols.Notes)
	a.frame.Notes = notes
	a.base = a.read(a.in.Bytes)
	a.base.events = slices.Clone(a.base.events)
	for i := range a.base.events {
		a.base.events[i].Attrs = slices.Clone(a.base.events[i].Attrs)
	}
	a.base.reply = slices.Clone(a.base.reply)
	a.usable = !a.base.refused && a.base.n == len(a.in.Bytes)
	text := 0
	for _, c := range a.in.Bytes {
		if c >= 0x20 && c < 0x7f || c == '\r' || c == '\n' {
			text++
		}
	}
	a.textual = text*10 >= len(a.in.Bytes)*9
	a.readers = notes.Readers
	a.frame = protocols.Frame{}
	return slices.Clone(notes.List)
}
