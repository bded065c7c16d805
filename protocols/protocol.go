// Package protocols is the seam between bytes and events: what a wire protocol is, what it makes of a frame, and the one
// normalised event that all of them make. It has no socket, clock, logger or goroutine, and imports the standard library only.
//
// The meaning of a frame is a function of (protocol, session, input). A decoder keeps nothing of its own: what an earlier
// frame taught is in the Session, a small value that the journal stores beside each frame. So a frame means the same at the
// socket, in a sink, and years later when it is read again.
package protocols

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Protocol is one wire protocol, as a table of pure functions. Its Name is also its folder under protocols/ and testdata/,
// its key in the configuration and its label on metrics.
type Protocol struct {
	Name    string
	Version uint8 // of the decoder: goes up when a frame that was accepted before now means something else
	TCP     int   // the port that installed devices use; 0: not offered over TCP
	UDP     int   // likewise for datagrams; 0: not offered over UDP

	MaxLogin int // the most bytes that one frame of a connection without identity may hold
	MaxFrame int // the most bytes that any frame may hold

	// Detect judges the first bytes of a connection or a whole datagram. It sees a prefix that grows; a verdict of No or Sure
	// holds for every longer prefix. The reason is a constant sentence for people. Nil: never recognised by bytes.
	Detect func(first []byte, datagram bool) (Verdict, string)

	// Decode reads the frame at the start of in.Bytes into f, which has no events yet, and returns its length n, terminator included.
	//
	//	n == 0, err == nil   not a whole frame yet; never with in.Final and len(in.Bytes) > 0
	//	n  > 0, err == nil   one frame: f.Events, f.Reply; s holds what it taught
	//	n  > 0, err != nil   n bytes are not acceptable and are skipped: nothing of f is stored or sent; of s, only State may have changed
	//	n == 0, err != nil   the stream can not be followed any more
	//
	// A frame whose only fault is its checksum is decoded all the same, events and reply, and comes with an error that
	// wraps ErrChecksum; s is unchanged then. Decode copies what it keeps of in.Bytes, and never looks at a clock.
	Decode func(s *Session, in Input, f *Frame) (n int, err error)

	// Attributes documents the names that only this protocol uses; the common ones are in Dictionary.
	Attributes map[string]Attribute

	// Encode makes the bytes of a command for the device of this session, or says why it can not: unknown command, or an
	// argument that would end the command early. Nil: the protocol has no commands.
	Encode func(s *Session, c Command) ([]byte, error)
}

// Input is what a decoder may look at.
type Input struct {
	Bytes    []byte // from the start of a frame; the caller's, valid during the call only
	Received Millis // when the gateway read it: for answers that hold the time, and for records without a time of their own

	// Datagram says that Bytes is a whole UDP datagram.
	Datagram bool
	// Final says that nothing more will come: a datagram, a stream that ended or stalled, a line given to `decode`. What is
	// there is then read as one frame as far as it goes; a cut-off terminator is not an error.
	Final bool
}

// Session is what the frames of one connection (of one peer, over UDP) taught so far and what the registry says of its
// device. It is a plain comparable value: a copy is a snapshot, and a frame decoded with the same Session means the same.
type Session struct {
	Device  string  // IMEI or the protocol's own identity; empty before login
	Options Options // from the registry, set by the gateway when Device becomes known
	State   string  // the protocol's own, at most MaxState bytes, in a form that only its decoder reads
}

// MaxState is the largest Session.State in bytes; a longer one is refused when the frame is journaled.
const MaxState = 512

// MaxIdentity is the longest device or vehicle id in bytes.
const MaxIdentity = 64

// Options are what an operator says of a device and its bytes do not. The zero value means "as the protocol's document
// says".
type Options struct {
	Model string // vendor's model name, picks a variant or an IO family
	Zone  Zone   // of the device's clock, where a protocol sends local time
	Unit  string // of speeds, where a protocol leaves it to the device: "kmh", "knots", "mph"
	Extra string // further "key=value" pairs, separated by semicolons, defined by the protocol

	// TolerateChecksum accepts a frame whose only fault is its checksum; its events carry checksum_ok: false.
	TolerateChecksum bool
	// Networks are the addresses from which the device may log in, as ParseNetworks reads them, comma separated; empty: any. Decoders do not see them.
	Networks string
	// Shift in ms is added to each device time: the replay listener makes an old capture happen now.
	Shift int64
}

// Zone is an offset from UTC, or none.
type Zone struct {
	Set     bool
	Seconds int32 // east of Greenwich is positive
}

// Errors of Decode. Callers branch on them with errors.Is; each frame's own error wraps one and says more.
var (
	ErrChecksum  = errors.New("bad checksum")
	ErrGarbage   = errors.New("bytes outside any frame")
	ErrMalformed = errors.New("malformed frame")
)

// PanicError is a panic in a decoder, caught by Next.
type PanicError struct {
	Protocol string
	Value    any
	Stack    []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("%s: decoder panic: %v", e.Protocol, e.Value) }

// Next is the one function that calls Decode. It appends the events of the next frame to f, completes them from the session,
// and turns a panic, or a decoder that breaks its contract, into an error. The decoder does not see the events that f already
// holds: they are other frames', of other devices perhaps, and somebody may be reading them.
func Next(p *Protocol, s *Session, in Input, f *Frame) (n int, err error) {
	before, others := *s, f.Events
	f.next()
	f.Events = others[len(others):]
	if f.Notes != nil {
		f.Notes.begin(in.Bytes)
	}
	defer func() {
		if v := recover(); v != nil {
			*s = before
			f.Events = others
			n, err = 0, &PanicError{Protocol: p.Name, Value: v, Stack: debug.Stack()}
		}
	}()
	n, err = p.Decode(s, in, f)
	switch {
	case n < 0 || n > len(in.Bytes):
		f.Events = others
		return 0, fmt.Errorf("%s: decoder took %d of %d bytes: %w", p.Name, n, len(in.Bytes), ErrMalformed)
	case n == 0 && err == nil:
		f.Events = others
		if in.Final && len(in.Bytes) > 0 {
			return 0, fmt.Errorf("%s: frame is cut off: %w", p.Name, ErrMalformed)
		}
		return 0, nil
	case len(s.Device) > MaxIdentity || len(s.State) > MaxState:
		*s = before
		f.Events = others
		return n, fmt.Errorf("%s: identity of more than %d bytes: %w", p.Name, MaxIdentity, ErrMalformed)
	}
	for i := range f.Events {
		f.Events[i].complete(p, s, in)
	}
	f.follow(others)
	return n, err
}
