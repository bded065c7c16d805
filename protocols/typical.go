package protocols

import (
	"bytes"
	"cmp"
	"slices"
)

// Typical is the location frame that stands for a protocol where its speed is measured.
type Typical struct {
	Session Session // of a connection on which such a frame came before: it teaches nothing
	Input   Input   // the frame and nothing else
	Text    bool    // the protocol speaks text
	Texts   int     // how many texts its event holds beside the device's id: attributes, and the vehicle where the frame names it
}

// FindTypical picks the location frame that stands for p, from its captures. It is one of those that are a valid fix with a speed and nothing else; of
// these, where there are such, one without attributes that are texts, of a device of which the operator said nothing, of the message that occurs most. Captures collect what is rare, and rare is long: so
// of the frames left it is the one that a quarter of them are shorter than. False: there is none.
func FindTypical(p *Protocol, captures []*Capture) (Typical, bool) {
	var all []candidate
	texts := 0
	for _, c := range captures {
		c.play(p, func(s Session, in Input, f *Frame) {
			if len(f.Events) != 1 {
				return
			}
			e := &f.Events[0]
			if e.Kind != Position || !e.Valid || e.NoTime || e.Has&(HasFix|HasSpeed) != HasFix|HasSpeed {
				return
			}
			text := isText(in.Bytes)
			if text {
				texts++
			}
			in.Bytes = bytes.Clone(in.Bytes)
			c := candidate{Typical{s, in, text, 0}, f.Type}
			for i := range e.Attrs {
				if e.Attrs[i].text != "" {
					c.Texts++
				}
			}
			if e.Vehicle != "" {
				c.Texts++
			}
			all = append(all, c)
		})
	}
	if len(all) == 0 {
		return Typical{}, false
	}
	text := 2*texts > len(all)
	all = keep(all, func(c candidate) bool { return c.Text == text })
	all = keep(all, func(c candidate) bool { return c.Texts == 0 })
	all = keep(all, func(c candidate) bool { return c.Session.Options == Options{} })
	count := make(map[string]int)
	for _, c := range all {
		count[c.message]++
	}
	most := slices.MaxFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(count[a.message], count[b.message]), cmp.Compare(b.message, a.message))
	}).message
	all = keep(all, func(c candidate) bool { return c.message == most })
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(len(a.Input.Bytes), len(b.Input.Bytes)) })
	return all[len(all)/4].Typical, true
}

// candidate is a location frame that may be the typical one.
type candidate struct {
	Typical
	message string
}

// keep is those of list for which want holds, or list when there is none.
func keep(list []candidate, want func(candidate) bool) []candidate {
	var kept []candidate
	for _, c := range list {
		if want(c) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return list
	}
	return kept
}

// play runs the device's side of a capture through p, and each sound frame that is whole without the bytes behind it once more: it calls visit for those
// that teach the connection nothing then, with what they mean.
func (c *Capture) play(p *Protocol, visit func(s Session, in Input, f *Frame)) {
	state := captureState{received: CaptureTime}
	var s Session
	var f Frame
	var rest []byte
	for _, l := range c.Lines {
		switch l.Mark {
		case '@':
			_ = state.directive(l.Text) // checked by ReadCapture
			s.Options = state.options
			continue
		case '>':
		default:
			continue
		}
		rest = append(rest, l.Data...)
		in := Input{Bytes: rest, Received: state.received, Datagram: c.Datagram, Final: c.Datagram}
		used, _ := Drain(p, &s, in, &f, func(raw []byte, err error) bool {
			if err != nil {
				return true
			}
			again, alone := s, in
			alone.Bytes = raw
			f.Reset()
			if n, err := Next(p, &again, alone, &f); n == len(raw) && err == nil && again == s {
				visit(s, alone, &f)
			}
			return true
		})
		if rest = rest[used:]; c.Datagram {
			rest = nil
		}
	}
}

// isText tells whether three quarters of b are printable ASCII: some protocols put a sentence into a binary frame.
func isText(b []byte) bool {
	printable := 0
	for _, x := range b {
		if x >= ' ' && x <= '~' {
			printable++
		}
	}
	return 4*printable >= 3*len(b)
}
