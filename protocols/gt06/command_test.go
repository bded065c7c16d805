package gt06

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

func TestEncode(t *testing.T) {
	f := func(options string, c protocols.Command, words string) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		b, err := encode(&protocols.Session{Options: o}, c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			return
		}
		m, n, err := next(false, b, false)
		if err != nil || n != len(b) || m.badCRC || m.number != msgCommand || m.form != short {
			t.Fatalf("%+v: %x is no frame: %v", c, b, err)
		}
		if got := uint32(u32(m.info[1:])); got != c.ID {
			t.Errorf("%+v: server flag %d", c, got)
		}
		end := 1 + int(m.info[0])
		if got := string(m.info[5:end]); got != words || strings.Count(got, "#") > 1 {
			t.Errorf("%+v: %q, want %q", c, got, words)
		}
		if got, want := hex.EncodeToString(m.info[end:]), map[bool]string{true: "0002"}[strings.Contains(options, "language=2")]; got != want {
			t.Errorf("%+v: language %q, want %q", c, got, want)
		}
	}
	args := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	f("", protocols.Command{Name: "engine_stop", ID: 42}, "RELAY,1#")
	f("language=2", protocols.Command{Name: "engine_resume", ID: 43}, "RELAY,0#")
	f("relay=dyd", protocols.Command{Name: "engine_stop", ID: 44}, "DYD#")
	f("relay=dyd", protocols.Command{Name: "engine_resume", ID: 45}, "HFYD#")
	f("", protocols.Command{Name: "engine_stop", ID: 46, Args: args("password", "123456")}, "DYD,123456#")
	f("", protocols.Command{Name: "engine_resume", ID: 47, Args: args("password", "123456")}, "HFYD,123456#")
	f("", protocols.Command{Name: "position", ID: 48}, "WHERE#")
	f("", protocols.Command{Name: "reboot", ID: 49}, "RESET#")
	f("", protocols.Command{Name: "status", ID: 50}, "STATUS#")
	f("", protocols.Command{Name: "parameters", ID: 51}, "PARAM#")
	f("", protocols.Command{Name: "version", ID: 52}, "VERSION#")
	f("", protocols.Command{Name: "arm", ID: 53}, "111#")
	f("", protocols.Command{Name: "disarm", ID: 54}, "000#")
	f("", protocols.Command{Name: "interval", ID: 55, Args: args("moving", "10", "static", "300")}, "TIMER,10,300#")
	f("", protocols.Command{Name: "heartbeat", ID: 56, Args: args("moving", "3", "static", "5")}, "HBT,3,5#")
	f("language=2", protocols.Command{Name: "custom", Text: "sos#", ID: 1 << 31}, "sos#")
	f("", protocols.Command{Name: "custom", Text: "FACTORY#", ID: 57, Args: args("confirm", "yes")}, "FACTORY#")
	f("", protocols.Command{Name: "custom", Text: strings.Repeat("x", 244) + "#", ID: 58}, strings.Repeat("x", 244)+"#")

	refused := func(options string, state string, c protocols.Command) {
		t.Helper()
		o, err := protocols.ParseOptions(strings.Fields(options))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := encode(&protocols.Session{Options: o, State: state}, c); err == nil {
			t.Errorf("%+v: encoded as %x", c, b)
		}
	}
	refused("", "", protocols.Command{Name: "dance"})
	refused("", "", protocols.Command{Name: "custom"})
	refused("", "", protocols.Command{Name: "custom", Text: "RELAY,0#FACTORY#"})
	refused("", "", protocols.Command{Name: "custom", Text: "RELAY\r\n"})
	refused("", "", protocols.Command{Name: "custom", Text: " factory#"})
	refused("", "", protocols.Command{Name: "custom", Text: strings.Repeat("x", 246)})
	refused("language=2", "", protocols.Command{Name: "custom", Text: strings.Repeat("x", 244)})
	refused("language=9", "", protocols.Command{Name: "position"})
	refused("", "", protocols.Command{Name: "engine_stop", Args: args("password", "1#FACTORY")})
	refused("", "", protocols.Command{Name: "interval", Args: args("moving", "10")})
	refused("", "", protocols.Command{Name: "interval", Args: args("moving", "10", "static", "1#")})
	refused("", "t---------0", protocols.Command{Name: "position"})
}

// TestEncodeAsDocumented compares whole frames with the vendor's examples.
func TestEncodeAsDocumented(t *testing.T) {
	b, err := encode(&protocols.Session{Options: protocols.Options{Extra: "language=2"}}, protocols.Command{Name: "custom", Text: "sos#"})
	if err != nil {
		t.Fatal(err)
	}
	// The example has serial number 1; ours is the low half of the ID, here 0.
	m, _, _ := next(false, b, false)
	if got, want := hex.EncodeToString(appendFrame(nil, false, m.number, m.info, 1)), "787810800800000000736f7323000200019a170d0a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
