package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Why a login is refused. Whoever is refused is told the same, whatever the reason: an address outside the device's networks learns
// nothing that a wrong number would not tell.
const (
	refusedUnknown     = "unknown"     // the registry does not have the id, and gateway.unknown is reject
	refusedRejected    = "rejected"    // the registry has it with the policy reject
	refusedNetwork     = "network"     // the device is pinned to other networks
	refusedTakeover    = "takeover"    // the device is connected already, see tenants
	refusedCertificate = "certificate" // the certificate is of another device
	refusedBudget      = "budget"      // the address has had its logins
)

// refuseLinger is how long a refused device stays connected: an instant close makes trackers dial again in a tight loop.
const refuseLinger = time.Second

// identify asks the registry about the device that a frame named. It returns false when the device is refused; the session then
// answers what the protocol has for that, and ends a little later.
func (s *session) identify(w *worker, raw []byte) bool {
	if !s.itself(s.state.Device) {
		s.refuse(raw, errNotItself, "refused")
		s.refused(refusedCertificate)
		return false
	}
	if !s.core.mayLogin(s.remote.Addr(), s.lastRead) {
		s.refused(refusedBudget)
		return false
	}
	e, reason := s.core.registry.lookup(s.state.Device)
	switch {
	case e == nil:
	case !s.from(e.device.Load()):
		reason = refusedNetwork
	case !s.takeOver(e):
		reason = refusedTakeover
	}
	if reason != "" {
		s.core.m.unknown.Inc()
		s.core.refusedLogin(s.remote.Addr(), s.lastRead)
		s.refuse(raw, fmt.Errorf("device %q is not accepted: %s", s.state.Device, reason), "refused")
		if !s.listener.datagram { // silence there: the address may be forged
			w.out = append(w.out, w.frame.Refuse...)
		}
		s.refused(reason)
		return false
	}
	if s.counter == 0 || s.entry != nil && s.entry != e { // a connection may name a second device
		s.started = e.begin(s.started)
	}
	s.entry = e
	s.adopt(e.device.Load())
	return true
}

// refused counts a refusal and lets the connection end.
func (s *session) refused(reason string) {
	s.core.m.refusals.WithLabelValues(reason).Inc()
	s.hangUpAt = s.lastRead + protocols.Millis(refuseLinger/time.Millisecond)
}

// from says whether the device may come from where the session's peer is. HTTP ingest is not asked: its token says more than an address.
func (s *session) from(d *protocols.Device) bool {
	return s.protocol.Name == "http" || d.Options.From(s.remote.Addr())
}

// adopt makes what the registry says of the device that of the session.
func (s *session) adopt(d *protocols.Device) {
	shift := s.state.Options.Shift
	s.device, s.header = d, ""
	s.state.Options = d.Options
	s.state.Options.Shift, s.state.Options.Networks = shift, ""
}

// follow takes over what an operator changed of the device since the last frame. A device that is no longer accepted is heard no more.
func (s *session) follow() {
	if s.entry == nil {
		return
	}
	d := s.entry.device.Load()
	if d == s.device {
		return
	}
	s.adopt(d)
	switch {
	case d.Policy == protocols.Reject:
		s.refused(refusedRejected)
	case !s.from(d):
		s.refused(refusedNetwork)
	}
}

var errNotItself = errors.New("the certificate is of another device")

// itself says whether a session may log in as this device.
func (s *session) itself(device string) bool {
	c, ok := s.transport.(*streamConn)
	return !ok || c.mustBe == "" || c.mustBe == device
}
