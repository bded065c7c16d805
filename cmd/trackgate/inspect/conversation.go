package inspect

import (
	"slices"

	"github.com/trackgate/trackgate/gateway/replay"
	"github.com/trackgate/trackgate/protocols"
)

// Conversation decodes what the device said in a recorded conversation, cut as it was sent: a frame may span segments. show is called once for each
// segment or datagram. p may be nil: then the first bytes tell.
func (d *Decoder) Conversation(c *replay.Conversation, p *protocols.Protocol, show func(Result)) {
	var s protocols.Session
	var rest []byte
	last := lastSegment(c)
	for i := range c.Steps {
		if c.Steps[i].Server {
			continue
		}
		rest = append(slices.Clip(rest), c.Steps[i].Data...)
		r := Result{Protocol: p, Datagram: c.Datagram, Bytes: rest, Rest: len(rest)}
		final := c.Datagram || i == last
		if p == nil {
			var more bool
			if p, more = protocols.Detect(d.Protocols, rest, c.Datagram, final); p == nil && !more {
				r.Err = errUnrecognised
				show(r)
				return
			}
			r.Protocol = p
		}
		used := 0
		if p != nil {
			used = r.drain(p, &s, protocols.Input{Bytes: rest, Received: d.received(), Datagram: c.Datagram, Final: final})
			r.nameDevice(&s)
			if r.explain = d.Explain; r.explain {
				d.explain(&r)
			}
		}
		show(r)
		if r.Err != nil || final {
			used = len(rest)
		}
		rest = rest[used:]
		if r.Err != nil && !c.Datagram {
			return // the stream can not be followed any more
		}
	}
}

func lastSegment(c *replay.Conversation) int {
	for i := len(c.Steps) - 1; i >= 0; i-- {
		if !c.Steps[i].Server {
			return i
		}
	}
	return -1
}
