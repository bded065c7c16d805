package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"go.uber.org/zap"
)

// openListeners binds the UDP ports and decides which TCP ports the event loops open. A default port that is taken is a warning; a configured one
// is an error.
func (g *Gateway) openListeners() error {
	listeners := make(map[netip.AddrPort]*listener)
	var ports []Port
	if !g.ipv6 {
		g.log.Warn("this system is without IPv6: listeners without a host are open to IPv4 alone")
	}
	for _, l := range g.wanted() {
		addr, err := resolve(l.addr, g.ipv6)
		if err == nil && !l.datagram {
			err = probe(addr)
		}
		if err == nil && l.datagram {
			var u *udpServer
			if u, err = newUDPServer(g.core, &l.listener, addr); err == nil {
				g.udp = append(g.udp, u)
				addr = addrPort(u.conn.LocalAddr())
			}
		}
		if err != nil {
			if l.byDefault {
				g.log.Warn("default port is not opened", zap.String("protocol", l.name()), zap.String("address", l.addr), zap.Error(err))
				continue
			}
			return fmt.Errorf("listener %s on %s: %w", l.name(), l.addr, err)
		}
		network := "udp"
		if !l.datagram {
			network = "tcp"
			listeners[addr] = &l.listener
		}
		ports = append(ports, Port{l.name(), network, addr.String()})
	}
	if c := g.core.cfg.TLS; c.Addr != "" {
		t, err := c.load()
		if err != nil {
			return err
		}
		if g.tls, err = newStreamServer(g.core, &listener{addr: c.Addr}, t); err != nil {
			return fmt.Errorf("listener tls on %s: %w", c.Addr, err)
		}
		ports = append(ports, Port{"any, TLS", "tcp", addrPort(g.tls.ln.Addr()).String()})
	}
	if len(listeners) == 0 {
		return errors.New("no TCP port is open; set gateway.any")
	}
	g.open.Store(&ports)
	g.tcp.Store(newTCPServer(g.core, listeners, g.core.cfg.EventLoops()))
	return nil
}

func (g *Gateway) tcpAddrs() []string {
	var out []string
	for a := range g.tcp.Load().listeners {
		addr := a.String()
		if a.Addr() == netip.IPv6Unspecified() {
			addr = net.JoinHostPort("", strconv.Itoa(int(a.Port()))) // gnet takes [::] for IPv6 alone, no host for both
		}
		out = append(out, "tcp://"+addr)
	}
	return out
}

// wantedListener is a listener that the configuration asks for.
type wantedListener struct {
	listener
	byDefault bool
}

func (g *Gateway) wanted() []wantedListener {
	cfg := g.core.cfg
	var out []wantedListener
	add := func(l listener, tcp, udp, byDefault bool) {
		if tcp {
			out = append(out, wantedListener{l, byDefault})
		}
		if l.datagram = true; udp {
			out = append(out, wantedListener{l, byDefault})
		}
	}
	if cfg.Any != "" {
		add(listener{addr: cfg.Any}, true, true, false)
	}
	if cfg.Replay != "" {
		add(listener{addr: cfg.Replay, replay: true}, true, true, true)
	}
	for _, p := range g.core.protocols {
		switch addr, set := cfg.Listen[p.Name]; {
		case addr == "off":
		case set:
			add(listener{addr: addr, protocol: p}, p.TCP != 0, p.UDP != 0, false)
		case cfg.Ports:
			if p.TCP != 0 {
				add(listener{addr: net.JoinHostPort(cfg.Host, strconv.Itoa(p.TCP)), protocol: p}, true, false, true)
			}
			if p.UDP != 0 {
				add(listener{addr: net.JoinHostPort(cfg.Host, strconv.Itoa(p.UDP)), protocol: p}, false, true, true)
			}
		}
	}
	return out
}

// resolve turns ":5000" and "localhost:5000" into an address that the engine binds and reports in the same form.
// Without a host it is open to IPv6 and IPv4, or to IPv4 alone where the system has nothing else.
func resolve(addr string, ipv6 bool) (netip.AddrPort, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if a.IP == nil {
		if a.IP = net.IPv6unspecified; !ipv6 {
			a.IP = net.IPv4zero
		}
	}
	return addrPort(a), nil
}

// hasIPv6 says whether the system can open a socket for both kinds of addresses.
func hasIPv6() bool {
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0) == nil && syscall.Bind(fd, &syscall.SockaddrInet6{}) == nil
}

// probe tells whether a TCP port is free; the event loops open all ports or none.
func probe(a netip.AddrPort) error {
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return err
	}
	return l.Close()
}
