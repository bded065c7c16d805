package fanout

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trackgate/trackgate/fanout/auth"
)

func TestAddressBehindProxies(t *testing.T) {
	trusted, err := ParseNetworks([]string{"10.0.0.0/8", " fd00::/8", "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{config: Config{TrustedProxies: trusted}}
	for _, c := range []struct {
		remote string
		header []string
		want   string
	}{
		{"203.0.113.5:1", nil, "203.0.113.5"},
		{"203.0.113.5:1", []string{"198.51.100.1"}, "203.0.113.5"}, // nobody we trust said so
		{"10.1.2.3:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"}, // what stands before is the client's own claim
		{"10.1.2.3:1", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:1", []string{"1.1.1.1, 198.51.100.1, 192.0.2.7,10.9.9.9"}, "198.51.100.1"},
		{"10.1.2.3:1", []string{"10.4.4.4"}, "10.4.4.4"},
		{"10.1.2.3:1", []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		{"10.1.2.3:1", []string{""}, "10.1.2.3"},
		{"[::ffff:10.1.2.3]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[fd00::1%eth0]:1", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::"},
		{"[2001:db8:1:2:3:4:5:6]:1", nil, "2001:db8:1:2::"},
		{"garbage", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.header}}
		if got := s.addressOf(r).String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.remote, c.header, got, c.want)
		}
	}
	for _, bad := range []string{"10.0.0.0/33", "proxy.example", "10.0.0"} {
		if _, err := ParseNetworks([]string{bad}); err == nil {
			t.Errorf("%q is a network", bad)
		}
	}
}

func TestPerAddress(t *testing.T) {
	n := startNode(t, nodeOptions{config: Config{Limits: Limits{PerAddress: 2}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	who := "Bearer " + token(t, "u", auth.Scopes(auth.Read), "*")
	from := func(address string) (*viewer, *http.Response, error) {
		return n.tryDial(http.Header{"Authorization": {who}, "X-Forwarded-For": {"9.9.9.9, " + address}})
	}
	var first *viewer
	for range 2 {
		v, _, err := from("198.51.100.1")
		if err != nil {
			t.Fatal(err)
		}
		first = v
	}
	if _, resp, err := from("198.51.100.1"); err == nil || resp.StatusCode != http.StatusServiceUnavailable || n.counters.Refused[refusedAddress].Load() != 1 {
		t.Errorf("a third: %v, %v", err, resp)
	}
	if _, _, err := from("198.51.100.2"); err != nil {
		t.Errorf("of another address: %v", err)
	}
	first.conn.Close()
	until(t, "there is room again", func() bool {
		_, _, err := from("198.51.100.1")
		return err == nil
	})
}

// TestFirstMessage: who says nothing, says half of it, or only pings is closed when the time for the token is over, on both kinds of connection.
func TestFirstMessage(t *testing.T) {
	bothWires(t, nodeOptions{config: Config{Limits: Limits{AuthTimeout: 300 * time.Millisecond}}}, func(t *testing.T, n *node) {
		for name, say := range map[string]func(c *websocket.Conn){
			"mute":  func(*websocket.Conn) {},
			"half":  func(c *websocket.Conn) { c.NetConn().Write(clientFrame(0x81, `{"auth":"x"}`)[:9]) },
			"pings": func(c *websocket.Conn) { c.NetConn().Write(clientFrame(0x89, "")) },
		} {
			t.Run(name, func(t *testing.T) {
				c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+"/ws", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				say(c)
				if code := (&viewer{t: t, conn: c}).closed(); code != CodeUnauthorized {
					t.Errorf("code %d", code)
				}
			})
		}
		until(t, "none is counted any more", func() bool {
			n.gate.mu.Lock()
			defer n.gate.mu.Unlock()
			return n.gate.all == 0 && len(n.gate.addresses) == 0
		})
	})
}

func TestConnectionsWithinFiles(t *testing.T) {
	for _, c := range []struct {
		wanted int
		files  uint64
		want   int
	}{{100_000, 1 << 20, 100_000}, {100_000, 20_000, 19_488}, {100, 1024, 100}, {1000, 1024, 512}, {1000, 100, 50}, {5, 1, 1}} {
		if got := within(c.wanted, c.files); got != c.want {
			t.Errorf("%d of %d files: %d, want %d", c.wanted, c.files, got, c.want)
		}
	}
}
