package inspect

import (
	"container/list"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// MaxSessions is how many sessions a Decoder remembers; beyond, the one that was not heard of for longest starts anew.
const MaxSessions = 1 << 16

// MaxSessionName is the longest name of a session in bytes.
const MaxSessionName = 1 << 10

// Decoder reads inputs, each one whole frame or datagram, or several of them glued together. The inputs of one session teach
// each other: a login names the device of the frames after it. The zero value of the optional fields is usable; a Decoder is for one caller at a time.
type Decoder struct {
	Protocols []*protocols.Protocol
	Default   *protocols.Protocol // for inputs that name none; nil: the session's, else told by the bytes
	Now       func() time.Time    // nil: the clock
	Explain   bool                // say of each frame which bytes mean what
	Asks      int                 // how often decoders may be asked to explain, of all inputs together; 0: maxAsked for each input

	asked    int
	sessions map[string]*list.Element // of *session
	recent   list.List                // newest first
}

type session struct {
	name     string
	protocol *protocols.Protocol // that the last input was read with
	datagram bool
	learnt   map[*protocols.Protocol]protocols.Session
}

// Decode reads one input in the named session. protocol may be nil.
func (d *Decoder) Decode(name string, protocol *protocols.Protocol, b []byte) Result {
	switch {
	case len(name) > MaxSessionName:
		return Result{Bytes: b, Err: fmt.Errorf("session name of more than %d bytes", MaxSessionName)}
	case len(b) > MaxInput:
		return Result{Bytes: b, Err: fmt.Errorf("input of more than %d bytes", MaxInput)}
	case len(b) == 0:
		return Result{Bytes: b, Err: errors.New("input is empty")}
	}
	s := d.session(name)
	reason := ""
	if protocol == nil {
		protocol = d.Default
	}
	if protocol == nil {
		protocol = s.protocol
	}
	if protocol == nil {
		var err error
		if protocol, reason, err = d.recognise(b); err != nil {
			return Result{Bytes: b, Err: err}
		}
	}
	r, after := d.eitherForm(protocol, s.learnt[protocol], b, s.datagram)
	r.Reason = reason
	if r.explain = d.Explain; r.explain {
		d.explain(&r)
	}
	s.protocol, s.datagram, s.learnt[protocol] = protocol, r.Datagram, after
	return r
}

// ByName returns the protocol of that name.
func (d *Decoder) ByName(name string) (*protocols.Protocol, error) {
	for _, p := range d.Protocols {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("unknown protocol %q", name)
}

func (d *Decoder) session(name string) *session {
	if e := d.sessions[name]; e != nil {
		d.recent.MoveToFront(e)
		return e.Value.(*session)
	}
	if d.sessions == nil {
		d.sessions = make(map[string]*list.Element)
	}
	if len(d.sessions) >= MaxSessions {
		oldest := d.recent.Back()
		delete(d.sessions, oldest.Value.(*session).name)
		d.recent.Remove(oldest)
	}
	s := &session{name: name, learnt: make(map[*protocols.Protocol]protocols.Session, 1)}
	d.sessions[name] = d.recent.PushFront(s)
	return s
}

func (d *Decoder) received() protocols.Millis {
	if d.Now != nil {
		return protocols.At(d.Now())
	}
	return protocols.At(time.Now())
}

// eitherForm reads b in the form, of a TCP stream or of a UDP datagram, that its bytes show. Where they show neither the form of the
// session's last input is tried first; the other one is taken when only it can be read.
func (d *Decoder) eitherForm(p *protocols.Protocol, s protocols.Session, b []byte, last bool) (Result, protocols.Session) {
	first, both := form(p, b, last)
	r, after := d.read(p, s, b, first)
	if !both || r.Fault() == "" {
		return r, after
	}
	if other, otherAfter := d.read(p, s, b, !first); grade(&other) > grade(&r) {
		return other, otherAfter
	}
	return r, after
}

// form says how to read b first, and whether the other form is possible too.
func form(p *protocols.Protocol, b []byte, last bool) (datagram, both bool) {
	if p.TCP == 0 || p.UDP == 0 {
		return p.TCP == 0, false
	}
	if p.Detect == nil {
		return last, true
	}
	stream, _ := p.Detect(b, false)
	whole, _ := p.Detect(b, true)
	if stream == whole {
		return last, true
	}
	return whole > stream, true
}

// grade orders readings of the same bytes: understood, understood but for a checksum, not understood.
func grade(r *Result) int {
	switch r.Fault() {
	case "":
		return 2
	case "checksum":
		return 1
	}
	return 0
}

// read runs every frame of b through p and returns what the session is afterwards.
func (d *Decoder) read(p *protocols.Protocol, s protocols.Session, b []byte, datagram bool) (Result, protocols.Session) {
	r := Result{Protocol: p, Datagram: datagram, Bytes: b}
	in := protocols.Input{Bytes: b, Received: d.received(), Datagram: datagram, Final: true}
	r.drain(p, &s, in)
	r.nameDevice(&s)
	return r, s
}

// drain reads what in holds and appends its frames to r; it returns the number of bytes used.
func (r *Result) drain(p *protocols.Protocol, s *protocols.Session, in protocols.Input) int {
	var f protocols.Frame
	at, before := 0, *s
	r.received = in.Received
	used, err := protocols.Drain(p, s, in, &f, func(raw []byte, err error) bool {
		offset := at
		at += len(raw)
		started := before
		before = *s
		if errors.Is(err, protocols.ErrGarbage) && blank(raw) {
			return true // a line end that a logger or an editor put there
		}
		frame := Frame{Offset: offset, Len: len(raw), Type: f.Type, Err: err, before: started}
		if err == nil || errors.Is(err, protocols.ErrChecksum) {
			frame.Events = slices.Clone(f.Events)
			for i := range frame.Events {
				frame.Events[i].Attrs = slices.Clone(frame.Events[i].Attrs) // f's storage serves the next frame
			}
			frame.Reply, frame.Close = slices.Clone(f.Reply), f.Close
		}
		r.Frames = append(r.Frames, frame)
		return true
	})
	if err != nil && blank(in.Bytes[used:]) {
		err = nil
	}
	r.Err, r.Rest = err, len(in.Bytes)-used
	return used
}

// nameDevice sets Device: the one that the events name, since frames of several devices may share a session, else the session's.
func (r *Result) nameDevice(s *protocols.Session) {
	r.Device = s.Device
	for i := range r.Frames {
		for k := range r.Frames[i].Events {
			if name := r.Frames[i].Events[k].Device; name != "" {
				r.Device = name
				return
			}
		}
	}
}

func blank(b []byte) bool { return strings.Trim(string(b), " \t\r\n\x00") == "" }

var errUnrecognised = errors.New("no protocol recognises these bytes: name one")

// recognise finds the protocol that b belongs to.
func (d *Decoder) recognise(b []byte) (*protocols.Protocol, string, error) {
	found := d.Identify(b)
	if len(found) == 0 {
		return nil, "", errUnrecognised
	}
	best := found[0]
	if best.Verdict == protocols.More && grade(&best.Result) == 0 {
		return nil, "", errors.New("these bytes are too few to tell their protocol: name one")
	}
	for _, other := range found[1:] {
		if other.Protocol != best.Protocol && other.rank() == best.rank() {
			return nil, "", fmt.Errorf("these bytes could be %s or %s: name one", best.Protocol.Name, other.Protocol.Name)
		}
	}
	return best.Protocol, best.Reason, nil
}
