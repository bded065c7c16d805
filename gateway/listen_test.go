package gateway

import (
	"net"
	"testing"

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
