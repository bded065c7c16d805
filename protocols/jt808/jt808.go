// Package jt808 decodes JT/T 808, the Chinese transport ministry's protocol for vehicle terminals, in its editions of 2011, 2013 and
// 2019 and in the dialects of the many trackers that speak it with items of their own.
//
// A frame, integers big endian:
//
//	7e | id 2 | attributes 2 | [version 1] | identity 6 or 10 | serial 2 | [parts 2 | part 2] | body | check 1 | 7e
//
// The check is the XOR of all from id to body. Between the flags 7e is written 7d 02, and 7d 7d 01. A family of locks uses the flag e7
// with escapes of its own, and sends sentences in parentheses besides.
//
// Batches of locations in parts are told as the parts come, other messages in parts where they are short; missing parts are asked for: see assembly.
//
// An operator can say of a device, besides its model, zone (default +08:00) and tolerate_checksum:
//
//	alarm_<bit>=<alarm>   what a bit of the alarm flags means, as alarm_16=tampering; none: nothing
//	east_bit=true         status bit 3 means east, not west
//	answers=last          of a message in parts, answer the last only
//	text_flag=1           the flag of text messages, which is 2 otherwise
//	cut=f0                the fuel is cut by the words 0xf0 and 0xf1 of terminal control instead of 0x64 and 0x65
package jt808

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is JT/T 808 as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "jt808",
	Version:    2,
	TCP:        5015,
	UDP:        5015,
	MaxLogin:   maxFrame,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one frame share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	sent     []byte // the frame as it came
	unit
	header

	body    []byte
	surplus []byte // what follows the body that the header declares
	most    int    // how long the answer to a datagram may be; 0: any length
	record  items  // of the location being read
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f, received: in.Received}
	n, err := c.cut(s.State, in.Bytes, in.Final, s.Options.TolerateChecksum)
	defer c.release()
	if n == 0 || err != nil {
		return n, err
	}
	if c.flag == sentence {
		c.sentence()
		return n, nil
	}
	c.sent = in.Bytes[:n]
	if in.Datagram {
		c.most = n // the address of its sender may be forged
	}
	before := *s
	err = c.decode()
	if err == nil && c.badCheck && !s.Options.TolerateChecksum {
		for i := range f.Events {
			f.Events[i].Device = s.Device // which the session does not keep
		}
		err = fmt.Errorf("jt808: message %04x: %w", c.id, protocols.ErrChecksum)
		*s = before
	} else if err != nil {
		f.Reply, f.Refuse = f.Reply[:0], f.Refuse[:0]
		*s = before
	}
	return n, err
}

// decode reads header and body and prepares the answer. An error refuses the frame.
func (c *call) decode() error {
	if err := c.head(); err != nil {
		return err
	}
	if c.f.Notes != nil {
		c.note(c.sent)
	}
	if err := c.bind(); err != nil {
		return err
	}
	c.f.Type = typeName(c.id)
	c.reply()
	first := len(c.f.Events)
	switch {
	case c.encrypted():
		e := c.status()
		e.Int("encryption", int64(c.attributes>>10&7))
		hexText(e, "raw", c.body)
	case c.parts > 1:
		c.fragment()
	default:
		c.message()
	}
	for i := first; i < len(c.f.Events); i++ {
		e := &c.f.Events[i]
		if i == first && len(c.surplus) > 0 {
			if _, ok := e.Attrs.Get("raw"); !ok {
				hexText(e, "raw", c.surplus)
			}
		}
		if c.badCheck && c.s.Options.TolerateChecksum {
			e.Bool("checksum_ok", false)
		}
	}
	return nil
}

// status adds an event of this message that has no position of its own.
func (c *call) status() *protocols.Event {
	e := c.f.Add(protocols.Status)
	e.Int("type", int64(c.id))
	e.FP = protocols.Fingerprint([]byte{byte(c.id >> 8), byte(c.id)}, c.body)
	return e
}
