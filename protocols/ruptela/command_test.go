package ruptela

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	args := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	f := func(c protocols.Command, want string) {
		t.Helper()
		b, err := encode(&protocols.Session{}, c)
		if err != nil || hex.EncodeToString(b) != want {
			t.Errorf("%+v: %x, %v, want %s", c, b, err, want)
			return
		}
		if n := len(b); int(binary.BigEndian.Uint16(b))+overhead != n || protocols.Kermit.Sum(b[2:n-2]) != binary.BigEndian.Uint16(b[n-2:]) {
			t.Errorf("%+v: %x is not one packet", c, b)
		}
	}
	// As documented.
	f(protocols.Command{Name: "engine_stop", Args: args("password", "pass")}, "00146c7061737320696d6d6f62696c697a6572203130bc22")
	f(protocols.Command{Name: "engine_resume", Args: args("password", "pass")}, "00106c70617373207265736574696d6d6f62ee1f")
	f(protocols.Command{Name: "output", Args: args("output", "1", "value", "1")}, "0009750000000100000001861b")
	f(protocols.Command{Name: "server", Args: args("ip", "198.51.100.7", "port", "9000")}, "0016693139382e35312e3130302e372c393030302c544350ec7e")
	f(protocols.Command{Name: "odometer", Args: args("meters", "1234500")}, "00056a0012d644d2fd")
	f(protocols.Command{Name: "custom", Text: " Setio 2,1"}, "000b6c20536574696f20322c31eb3e")
	f(protocols.Command{Name: "custom", Text: "000b890100000000007fffffff89f0"}, "000b890100000000007fffffff89f0")
	f(protocols.Command{Name: "files", Args: args("from", "0", "to", "2147483647")}, "000b890100000000007fffffff89f0")
	// By the rules.
	packet := func(command byte, payload string) string {
		return hex.EncodeToString(appendPacket(nil, command, []byte(payload)...))
	}
	f(protocols.Command{Name: "engine_stop"}, packet(sendText, " immobilizer 10"))
	f(protocols.Command{Name: "version"}, packet(sendVersion, ""))
	f(protocols.Command{Name: "configuration", Text: "a=1"}, packet(sendConfiguration, "a=1\r\n"))
	f(protocols.Command{Name: "custom", Text: "00020000"}, packet(sendText, "00020000")) // hex, but no packet

	refused := func(c protocols.Command) {
		t.Helper()
		if b, err := encode(&protocols.Session{}, c); err == nil {
			t.Errorf("%+v: encoded as %x", c, b)
		}
	}
	refused(protocols.Command{Name: "dance"})
	refused(protocols.Command{Name: "custom"})
	refused(protocols.Command{Name: "custom", Text: "a\r\nb"})
	refused(protocols.Command{Name: "custom", Text: "a\x00"})
	refused(protocols.Command{Name: "custom", Text: strings.Repeat("a", maxText+1)})
	refused(protocols.Command{Name: "configuration", Text: "a\nb"})
	refused(protocols.Command{Name: "engine_stop", Args: args("password", "a b")})
	refused(protocols.Command{Name: "engine_stop", Args: args("password", strings.Repeat("1", 17))})
	refused(protocols.Command{Name: "output", Args: args("output", "1")})
	refused(protocols.Command{Name: "odometer", Args: args("meters", "-1")})
	refused(protocols.Command{Name: "server", Args: args("ip", "x", "port", "1")})
	refused(protocols.Command{Name: "server", Args: args("ip", "1.2.3.4", "port", "0")})
	refused(protocols.Command{Name: "files", Args: args("from", "x", "to", "1")})
}
