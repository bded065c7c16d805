package gateway

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/gateway/journal"
)

// v2 is a binary PROXY header.
func v2(command, family byte, addresses string) string {
	b := append([]byte{}, proxyV2...)
	b = append(b, command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addresses)))
	return string(b) + addresses
}

func TestProxyHeader(t *testing.T) {
	const tcp4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x30\x39\x13\x88"
	tests := []struct {
		name, head string
		source     string
		bad        bool
	}{
		{"text", "PROXY TCP4 192.0.2.7 10.0.0.1 12345 5000\r\n", "192.0.2.7:12345", false},
		{"text, version 6", "PROXY TCP6 2001:db8::7 2001:db8::1 12345 5000\r\n", "[2001:db8::7]:12345", false},
		{"text, unknown", "PROXY UNKNOWN\r\n", "invalid AddrPort", false},
		{"binary", v2(0x21, 0x11, tcp4), "192.0.2.7:12345", false},
		{"binary, extended", v2(0x21, 0x11, tcp4+"\x04\x00\x01x"), "192.0.2.7:12345", false},
		{"binary, local", v2(0x20, 0, ""), "invalid AddrPort", false},
		{"no header", "login A\n", "", true},
		{"not an address", "PROXY TCP4 me you 1 2\r\n", "", true},
		{"wrong family", "PROXY TCP4 ::1 ::1 1 2\r\n", "", true},
		{"a port too large", "PROXY TCP4 192.0.2.7 10.0.0.1 70000 5000\r\n", "", true},
		{"an endless line", "PROXY " + strings.Repeat("x", 200), "", true},
		{"binary, version 1", v2(0x11, 0x11, tcp4), "", true},
		{"binary, short addresses", v2(0x21, 0x11, tcp4[:8]), "", true},
		{"binary, lying length", string(proxyV2) + "\x21\x11\xff\xff", "", true},
	}
	for _, tt := range tests {
		n, source, err := proxyHeader([]byte(tt.head + "login"))
		if tt.bad {
			if err == nil {
				t.Errorf("%s: read %d bytes, %v", tt.name, n, source)
			}
			continue
		}
		if err != nil || n != len(tt.head) || source.String() != tt.source {
			t.Errorf("%s: %d of %d bytes, %v, %v", tt.name, n, len(tt.head), source, err)
		}
		for i := range tt.head {
			if n, _, err := proxyHeader([]byte(tt.head[:i])); n != 0 || err != nil {
				t.Errorf("%s, cut after %d: %d, %v", tt.name, i, n, err)
			}
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 10.0.0.1 12345 5000\r\n"))
	f.Add([]byte(v2(0x21, 0x21, strings.Repeat("x", 36))))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, source, err := proxyHeader(b)
		if n < 0 || n > len(b) || (err != nil && n != 0) || (source.IsValid() && n == 0) {
			t.Fatalf("%d of %d bytes, %v, %v", n, len(b), source, err)
		}
		if n > 0 && !bytes.HasPrefix(b, proxyV1) && !bytes.HasPrefix(b, proxyV2) {
			t.Fatal("no header, and yet read")
		}
	})
}

// TestProxiedConnection believes a trusted balancer, cut wherever the network likes, and nobody else.
func TestProxiedConnection(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.ProxyFrom = []string{"127.0.0.1"}; c.ConnectionsPerAddress = 1 })
	p := r.dial("tcp", r.addr)
	p.say("PROXY TCP4 192.0.2.7 10.")
	p.say("0.0.1 12345 5000\r\nlogin A\n")
	p.hear("ok")
	second := r.dial("tcp", r.addr)
	second.say("PROXY TCP4 192.0.2.7 10.0.0.1 12346 5000\r\nlogin B\n")
	second.gone() // of this address one is enough
	third := r.dial("tcp", r.addr)
	third.say("%s", v2(0x20, 0, "")+"login C\n")
	third.hear("ok")
	r.dial("tcp", r.addr).sayAndGo("login D\n")
	p.Close()
	third.Close()
	r.until("forgotten", func() bool {
		r.core.mu.Lock()
		defer r.core.mu.Unlock()
		c := r.core.peers[netip.MustParseAddr("192.0.2.7")]
		return r.core.open.Load() == 0 && c.connections == 0
	})
}

func TestProxyHeaderOfAStranger(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.ProxyFrom = []string{"10.0.0.0/8"} })
	r.dial("tcp", r.addr).sayAndGo("PROXY TCP4 192.0.2.7 10.0.0.1 12345 5000\r\nlogin A\n")
}

// sayAndGo says something that ends the connection.
func (p *peer) sayAndGo(format string) {
	p.t.Helper()
	p.say("%s", format)
	p.gone()
}
