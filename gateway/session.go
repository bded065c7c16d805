package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// session is one peer of the gateway: a connection, the datagrams of one address, or HTTP ingest as a whole. It turns bytes into journal
// records and replies and knows no socket: the same code serves gnet, UDP, HTTP and whatever comes later. One goroutine at a time feeds it.
type session struct {
	core     *core
	listener *listener
	protocol *protocols.Protocol // nil until recognised
	state    protocols.Session
	entry    *entry            // of the registry, once identified
	device   *protocols.Device // as last read from entry
	remote   netip.AddrPort
	number   uint64 // of the connection, within this process
	started  protocols.Millis
	header   string // the connection part of its records; empty when state changed

	transport   transport
	lastRefusal error

	opened, lastRead protocols.Millis
	heard            atomic.Int64     // lastRead, for the other connections of its device
	partialSince     protocols.Millis // since when the start of a frame waits for its rest; 0: nothing waits
	hangUpAt         protocols.Millis // 0: not to be closed

	counter       uint32       // events so far
	pending       atomic.Int32 // frames whose reply waits for the disk
	held          int32        // bytes that came and are not decoded yet
	frames, bytes int32        // read since the last tick, against the limits of one connection
	faults        int32        // refused frames in a row
	garbage       int32        // bytes outside frames in a row
	place         int32        // index among its loop's sessions

	closed     bool // touched only where the session lives
	proxied    bool // a PROXY header has still to come
	spoke      bool // at least one byte came
	stalledTry bool // the waiting part was already tried as final
	deaf       bool // does not read its answers, and is being closed
	paused     bool // its socket raises no event
	greedy     bool // paused because of what it holds itself
}

// transport is what a session's replies leave by. write is called only where the session lives: in its event loop, or anywhere for those
// that are safe.
type transport interface {
	write(b []byte) error
	close(reason string)
	probe() // asks the peer whether it is still there; safe from anywhere
}

// feed reads every whole frame of buf, which starts where the last call stopped. It returns how many bytes are used up and, when the session must end,
// why. final: no more bytes will come for what is there.
func (s *session) feed(w *worker, buf []byte, now protocols.Millis, final bool) (used int, reason string) {
	w.reset()
	s.lastRead = now
	s.heard.Store(int64(now))
	hangUp := false
	for used < len(buf) && reason == "" && len(w.stage) < maxStage && int(s.frames) < s.core.cfg.FramesPerSecond {
		if s.hangUpAt != 0 {
			used = len(buf) // nothing is heard of a peer that was refused
			break
		}
		if s.protocol == nil {
			more := false
			if s.protocol, more = s.core.detect(buf[used:], s.listener.datagram, final); s.protocol == nil {
				if more && len(buf)-used < maxDetect {
					break
				}
				used, reason = len(buf), "unknown_protocol"
				s.core.refusals.keep(s, buf, reason, errUnknownProtocol)
				s.core.m.frames.WithLabelValues("", "", reason).Inc()
				break
			}
		}
		n, close, why := s.next(w, buf[used:], now, final)
		if n == 0 {
			reason = why
			if reason == "" && len(buf)-used > s.frameLimit() {
				reason = "oversize"
				s.refuse(buf[used:], fmt.Errorf("frame of more than %d bytes", s.frameLimit()), reason)
			}
			break
		}
		used += n
		reason = why
		hangUp = hangUp || close
	}
	if used > 0 || s.partialSince == 0 {
		s.partialSince, s.stalledTry = 0, false
		if used < len(buf) {
			s.partialSince = now
		}
	}
	if err := s.flush(w, hangUp); err != nil {
		return used, "journal"
	}
	return used, reason
}

var errUnknownProtocol = errors.New("no protocol starts like this")

// maxDetect is how many bytes may come before the protocol is known.
const maxDetect = 512

// next reads one frame: n is 0 when it is not whole yet, why is not empty when the session can not go on.
func (s *session) next(w *worker, buf []byte, now protocols.Millis, final bool) (n int, hangUp bool, why string) {
	if s.follow(); s.hangUpAt != 0 {
		return len(buf), false, ""
	}
	before := s.state
	in := protocols.Input{Bytes: buf, Received: now, Datagram: s.listener.datagram, Final: final || s.listener.datagram}
	f := &w.frame
	f.Reset()
	n, err := protocols.Next(s.protocol, &s.state, in, f)
	switch {
	case n == 0 && err == nil:
		return 0, false, ""
	case n > s.frameLimit():
		s.state = before
		s.refuse(buf[:n], fmt.Errorf("frame of %d bytes, at most %d are allowed", n, s.frameLimit()), "oversize")
		return n, false, "oversize"
	case err != nil:
		fault := protocols.Fault(err)
		if s.state.State != before.State { // a decoder may remember what it refused, never take an identity from it
			before.State, s.header = s.state.State, ""
		}
		s.state = before
		if n == 0 { // the stream can not be followed any more
			s.refuse(buf, err, fault)
			return 0, false, fault
		}
		s.refuse(buf[:n], err, fault)
		if fault == "garbage" {
			s.garbage += int32(n)
		} else {
			s.faults++
		}
		if int(s.faults) >= s.core.cfg.Faults || int(s.garbage) > s.core.cfg.Garbage {
			return n, false, fault
		}
		return n, false, ""
	}
	raw := buf[:n]
	again := false
	if s.state.Device != before.Device {
		if !s.identify(w, raw) {
			s.state = before
			return n, false, ""
		}
		again = s.state.Options != before.Options
		before.Options = s.state.Options
	}
	if s.listener.replay && s.state.Options.Shift == 0 && len(f.Events) > 0 && !f.Events[0].NoTime {
		if shift := int64(now - f.Events[0].Time); shift != 0 {
			before.Options.Shift, again = shift, true
		}
	}
	if again { // the frame means something else by what the registry, or the replay, says of its device
		s.state, s.header = before, ""
		f.Reset()
		if n2, err := protocols.Next(s.protocol, &s.state, in, f); err != nil || n2 != n {
			s.refuse(raw, fmt.Errorf("reads differently with the device's options: %d bytes, %v", n2, err), "malformed")
			return n, false, ""
		}
	}
	if len(f.Events) > 0 {
		if !s.identified(f) {
			s.state = before
			s.faults++
			s.refuse(raw, errors.New("data before any login"), "unidentified")
			if s.faults >= maxUnidentified {
				return n, false, "unidentified"
			}
			return n, false, ""
		}
		if other := s.stranger(f); other != "" {
			s.state = before
			s.core.m.unknown.Inc()
			s.refuse(raw, fmt.Errorf("device %q is not accepted", other), "refused")
			return n, false, ""
		}
		s.journal(w, before, raw, now)
	}
	if s.state != before {
		s.header = ""
	}
	s.faults, s.garbage = 0, 0
	s.frames++
	if f.Media > 0 {
		s.core.m.media.WithLabelValues(s.protocol.Name).Add(float64(f.Media))
	}
	w.count(s.core.m, s.protocol, f.Type)
	if s.listener.datagram && !s.listener.request && s.state.Device == "" && len(f.Events) == 0 {
		return n, false, "" // of nobody: the address may be forged
	}
	w.out = append(w.out, f.Reply...)
	return n, f.Close, ""
}

// maxUnidentified is how many frames with data may come before the login.
const maxUnidentified = 3

// identified tells whether every event of the frame says whose it is.
func (s *session) identified(f *protocols.Frame) bool {
	for i := range f.Events {
		if f.Events[i].Device == "" {
			return false
		}
	}
	return true
}

// stranger is a device that the frame speaks of, that is not the session's own and that the registry does not accept; empty: there is none. A
// platform that passes on the records of many vehicles is so bound to the same policy as each of them. Nothing of such a frame is acknowledged.
func (s *session) stranger(f *protocols.Frame) string {
	if s.state.Device == "" {
		return "" // HTTP ingest, whose callers have shown a token for each vehicle
	}
	for i := range f.Events {
		d := f.Events[i].Device
		if d == s.state.Device {
			continue
		}
		if e, _ := s.core.registry.lookup(d); e == nil {
			return d
		}
	}
	return ""
}

// journal stages the record of a frame whose session was `before`.
func (s *session) journal(w *worker, before protocols.Session, raw []byte, now protocols.Millis) {
	if s.header == "" {
		c := connection{protocol: s.protocol.Name, version: s.protocol.Version, start: s.started, number: s.number, session: before, vehicle: s.vehicle()}
		w.header = c.append(w.header[:0])
		s.header = string(w.header)
	}
	r := record{datagram: s.listener.datagram, received: now, counter: s.counter, quarantined: s.quarantined()}
	if s.entry != nil {
		r.newest = protocols.Millis(s.entry.newest.Load())
	}
	w.keep(&r, s.header, raw, len(w.frame.Events))
	newest := r.finish(w.frame.Events, s.state.Device, s.vehicle(), s.started, &before.Options)
	for i := range w.frame.Events {
		w.quality(s.core.m, s.protocol, &w.frame.Events[i])
	}
	if s.entry != nil && newest > r.newest {
		raise(&s.entry.newest, int64(newest))
	}
	s.counter += uint32(len(w.frame.Events))
	w.kept(s.counter, newest)
}

// raise sets v to n unless it is larger already.
func raise(v *atomic.Int64, n int64) {
	for old := v.Load(); n > old; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}

func (s *session) vehicle() string {
	if s.device == nil || s.device.Vehicle == "" {
		return s.state.Device
	}
	return s.device.Vehicle
}

func (s *session) quarantined() bool {
	return s.device != nil && s.device.Policy == protocols.Quarantine
}

// flush hands what one read staged to the committer, or sends the reply at once where nothing has to be durable before it.
func (s *session) flush(w *worker, hangUp bool) error {
	frames := len(w.ends)
	hangUp = hangUp && !s.listener.datagram
	if frames == 0 && len(w.out) == 0 && !hangUp {
		return nil
	}
	reply := w.out
	if s.core.cfg.Ack == "decoded" || (frames == 0 && s.pending.Load() == 0) {
		if len(reply) > 0 {
			s.send(reply)
		}
		if hangUp {
			s.hangUpAt = s.lastRead
		}
		if frames == 0 {
			return nil
		}
		w.out = w.out[:0]
	}
	s.pending.Add(1)
	if err := s.core.commit(w, ack{s: s, frames: 1, hangUp: hangUp}); err != nil {
		s.pending.Add(-1)
		return err
	}
	return nil
}

// send writes a reply where the session lives.
func (s *session) send(b []byte) {
	if s.closed || s.deaf {
		return
	}
	err := s.transport.write(b)
	switch {
	case err == nil:
		s.core.bytesOut.Add(float64(len(b)))
	case errors.Is(err, errOutbound):
		s.deaf, s.hangUpAt = true, s.lastRead
		s.core.m.limits.WithLabelValues("outbound").Inc()
		s.core.m.closes.WithLabelValues("outbound").Inc()
		s.transport.close("outbound")
	default:
		s.core.m.limits.WithLabelValues("write").Inc()
	}
}

// refuse counts a frame that is not accepted and keeps its bytes.
func (s *session) refuse(raw []byte, err error, fault string) {
	s.lastRefusal = err
	name := ""
	if s.protocol != nil {
		name = s.protocol.Name
	}
	s.core.m.frames.WithLabelValues(name, "", fault).Inc()
	s.core.refusals.keep(s, bytes.Clone(raw[:min(len(raw), refusedBytes)]), fault, err)
}

// frameLimit is the most bytes that may wait for the end of a frame.
func (s *session) frameLimit() int {
	switch {
	case s.protocol == nil:
		return maxDetect
	case s.state.Device == "" && !s.listener.datagram:
		return s.protocol.MaxLogin
	}
	return s.protocol.MaxFrame
}

// rest starts the deadlines again: until now it was us who made the peer wait.
func (s *session) rest(now protocols.Millis) {
	s.lastRead = now
	if s.partialSince != 0 {
		s.partialSince = now
	}
	if s.state.Device == "" {
		s.opened = now
	}
}

// overdue says which deadline has passed, if any.
func (s *session) overdue(now protocols.Millis) string {
	past := func(since protocols.Millis, d time.Duration) bool {
		return now-since > protocols.Millis(d/time.Millisecond)
	}
	c := s.core.cfg
	switch {
	case s.hangUpAt != 0 && now >= s.hangUpAt && s.pending.Load() == 0:
		return "done"
	case !s.spoke:
		if past(s.opened, c.FirstByte) {
			return "first_byte"
		}
	case s.state.Device == "" && past(s.opened, c.Login):
		return "login"
	case s.partialSince != 0 && past(s.partialSince, c.Frame):
		return "frame"
	case past(s.lastRead, c.Idle):
		return "idle"
	}
	return ""
}
