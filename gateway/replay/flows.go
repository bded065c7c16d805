package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// flow is one conversation while its packets are being read.
type flow struct {
	Conversation
	device, server netip.AddrPort
	isn            uint32 // of the device's SYN
	handshake      bool
	start, last    time.Time
	up, down       stream
}

// flowKey names both directions of a conversation alike.
type flowKey struct {
	low, high netip.AddrPort
	datagram  bool
}

// flows sorts packets into conversations.
type flows struct {
	loader  *Loader
	open    map[flowKey]*flow
	all     []*flow
	payload int
	odd     int // packets that are neither TCP nor UDP over IP, or fragments
}

func (l *Loader) conversations(name string, source *packets) ([]Conversation, error) {
	s := &flows{loader: l, open: make(map[flowKey]*flow)}
	for {
		p, err := source.next()
		if err == io.EOF {
			break
		}
		if err == io.ErrUnexpectedEOF {
			l.note("%s: the file ends within a packet; what came before is used", name)
			break
		}
		if err == nil {
			err = s.packet(p)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.odd > 0 {
		l.note("%s: %d packets are no TCP or UDP, or fragments, and were left out", name, s.odd)
	}
	var out []Conversation
	for _, f := range s.all {
		f.up.end(f.emit(false))
		f.down.end(f.emit(true))
		f.Lost = f.up.lost + f.down.lost
		f.Name = fmt.Sprintf("%s %s > %s", name, f.device, f.server)
		f.Port = f.server.Port()
		f.setLane()
		if f.Lane == "" {
			continue // the device said nothing
		}
		if f.Lost > 0 {
			l.note("%s: the capture lacks %d bytes", f.Name, f.Lost)
		}
		out = append(out, f.Conversation)
	}
	if len(out) == 0 {
		return nil, errors.New("no conversation over TCP or UDP in this file")
	}
	return out, nil
}

// packet adds one packet.
func (s *flows) packet(p packet) error {
	decoded := gopacket.NewPacket(p.data, p.link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	var from, to netip.Addr
	size := -1 // of the IP payload as sent, where the header tells
	switch ip := decoded.NetworkLayer().(type) {
	case *layers.IPv4:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
		to, _ = netip.AddrFromSlice(ip.DstIP)
		if ip.Length > 0 {
			size = int(ip.Length) - int(ip.IHL)*4
		}
	case *layers.IPv6:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
		to, _ = netip.AddrFromSlice(ip.DstIP)
		if ip.Length > 0 && (ip.NextHeader == layers.IPProtocolTCP || ip.NextHeader == layers.IPProtocolUDP) {
			size = int(ip.Length)
		}
	default:
		s.odd++
		return nil
	}
	switch t := decoded.TransportLayer().(type) {
	case *layers.TCP:
		short := 0
		if size >= 0 {
			short = max(0, size-int(t.DataOffset)*4-len(t.Payload))
		}
		return s.segment(netip.AddrPortFrom(from, uint16(t.SrcPort)), netip.AddrPortFrom(to, uint16(t.DstPort)), p.at, t, short)
	case *layers.UDP:
		return s.datagram(netip.AddrPortFrom(from, uint16(t.SrcPort)), netip.AddrPortFrom(to, uint16(t.DstPort)), p.at, t)
	}
	s.odd++
	return nil
}

func (s *flows) segment(from, to netip.AddrPort, at time.Time, t *layers.TCP, short int) error {
	key := keyOf(from, to, false)
	f := s.open[key]
	opening := t.SYN && !t.ACK
	if f != nil && opening && (!f.handshake || f.isn != t.Seq || f.device != from) && (len(f.Steps) > 0 || f.handshake) {
		f = nil // the same two ports again: another connection
	}
	if f == nil {
		device, server := from, to
		if t.SYN && t.ACK || (!t.SYN && s.serves(from, to)) {
			device, server = to, from
		}
		var err error
		if f, err = s.begin(key, device, server, at); err != nil {
			return err
		}
	}
	if opening {
		f.handshake, f.isn = true, t.Seq
	}
	if s.payload += len(t.Payload); s.payload > MaxPayload {
		return fmt.Errorf("more than %d MB of payload", MaxPayload>>20)
	}
	side, emit := &f.up, f.emit(false)
	if from == f.server {
		side, emit = &f.down, f.emit(true)
	}
	seq := t.Seq
	if t.SYN {
		seq++
		side.begin(seq)
	}
	if len(t.Payload) > 0 || short > 0 {
		side.add(seq, at, t.Payload, short, emit)
	}
	return nil
}

func (s *flows) datagram(from, to netip.AddrPort, at time.Time, u *layers.UDP) error {
	key := keyOf(from, to, true)
	f := s.open[key]
	if f == nil {
		device, server := from, to
		if s.known(from) && !s.known(to) {
			device, server = to, from
		}
		var err error
		if f, err = s.begin(key, device, server, at); err != nil {
			return err
		}
		f.Datagram = true
	}
	if s.payload += len(u.Payload); s.payload > MaxPayload {
		return fmt.Errorf("more than %d MB of payload", MaxPayload>>20)
	}
	if len(u.Payload) > 0 {
		if want := int(u.Length) - 8; want > len(u.Payload) {
			f.up.lost += want - len(u.Payload)
		}
		f.emit(from == f.server)(at, bytes.Clone(u.Payload))
	}
	return nil
}

func (s *flows) begin(key flowKey, device, server netip.AddrPort, at time.Time) (*flow, error) {
	if len(s.all) == MaxConversations {
		return nil, fmt.Errorf("more than %d conversations", MaxConversations)
	}
	f := &flow{device: device, server: server, start: at, last: at}
	s.open[key] = f
	s.all = append(s.all, f)
	return f, nil
}

// serves says that a, rather than b, is the server of a connection whose start is not in the capture: the side whose port is a gateway's, else the lower port.
func (s *flows) serves(a, b netip.AddrPort) bool {
	if known := s.known(a); known != s.known(b) {
		return known
	}
	return a.Port() < b.Port()
}

func (s *flows) known(a netip.AddrPort) bool {
	return s.loader.ServerPort != nil && s.loader.ServerPort(a.Port())
}

// emit returns what appends a step of one side. Times never run backwards: a segment that waited for another counts from when it was due.
func (f *flow) emit(server bool) func(time.Time, []byte) {
	return func(at time.Time, data []byte) {
		if at.Before(f.last) {
			at = f.last
		}
		if len(f.Steps) == 0 {
			f.start = at
		}
		f.last = at
		f.Steps = append(f.Steps, Step{At: at.Sub(f.start), Server: server, Data: data})
	}
}

func keyOf(a, b netip.AddrPort, datagram bool) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{a, b, datagram}
}
