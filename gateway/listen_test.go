package gateway

import (
	"net"
	"net/netip"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/trackgate/trackgate/gateway/journal"
)

// TestAddressWithoutHost: ":5000", as in the default configuration, is open to IPv4 and IPv6.
func TestAddressWithoutHost(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) {
		_, port, err := net.SplitHostPort(c.Any)
		if err != nil {
			t.Fatal(err)
		}
		c.Any = ":" + port
	})
	hosts := []string{"127.0.0.1"}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil { // a machine may be without IPv6
		l.Close()
		hosts = append(hosts, "::1")
	}
	_, port, _ := net.SplitHostPort(r.cfg.Any)
	for _, host := range hosts {
		for _, network := range []string{"tcp", "udp"} {
			p := r.dial(network, net.JoinHostPort(host, port))
			p.say("login %s-%s\n", network, host)
			p.hear("ok")
		}
	}
}

// TestWithoutIPv6: where the system has no IPv6, an address without a host is open to IPv4, and the log says so.
func TestWithoutIPv6(t *testing.T) {
	for addr, want := range map[string][2]string{":5000": {"[::]:5000", "0.0.0.0:5000"}, "127.0.0.1:5000": {"127.0.0.1:5000", "127.0.0.1:5000"}} {
		for i, ipv6 := range []bool{true, false} {
			if got, err := resolve(addr, ipv6); err != nil || got != netip.MustParseAddrPort(want[i]) {
				t.Errorf("%s, IPv6 %v: %v, %v", addr, ipv6, got, err)
			}
		}
	}
	observed, logs := observer.New(zap.WarnLevel)
	r := startWith(t, func(g *Gateway) { g.ipv6, g.log = false, zap.New(observed) }, func(c *Config, _ *journal.Config) {
		_, port, _ := net.SplitHostPort(c.Any)
		c.Any = ":" + port
	})
	_, port, _ := net.SplitHostPort(r.cfg.Any)
	for _, network := range []string{"tcp", "udp"} {
		p := r.dial(network, net.JoinHostPort("127.0.0.1", port))
		p.say("login %s\n", network)
		p.hear("ok")
	}
	for _, p := range r.Ports() {
		if p.Protocol == "any" && p.Address != "0.0.0.0:"+port {
			t.Errorf("%s is open on %s", p.Network, p.Address)
		}
	}
	if logs.FilterMessageSnippet("without IPv6").Len() != 1 {
		t.Errorf("the log says %v", logs.All())
	}
}
