package inspect

import (
	"strings"
	"testing"

	"github.com/trackgate/trackgate/gateway/replay"
)

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"login", frame(1, "abc"), "sure acme TCP 7001 login, device abc"},
		{"datagram", "7d616263020102", "sure acme UDP 7001 position, device abc, 1 event"},
		{"bad checksum", "7e03020102ff", "sure acme TCP 7001 position, 1 event, bad checksum"},
		{"text", `"*abc;"`, "likely text TCP 7002 line, 1 event"},
		{"typed text", "*abc;", "likely text TCP 7002 line, 1 event"},
		{"start alone", "7e", "more acme TCP 7001 nothing: acme: frame is cut off: malformed frame"},
		{"nothing", "00ff", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := FromArgument(c.input)
			if err != nil {
				t.Fatal(err)
			}
			found := newTestDecoder().Identify(b)
			var out strings.Builder
			WriteFindings(&out, b, found)
			if c.want == "" {
				if len(found) != 0 || !strings.Contains(out.String(), "What to do") {
					t.Errorf("got %s", out.String())
				}
				return
			}
			if len(found) == 0 {
				t.Fatal("nothing found")
			}
			f := &found[0]
			got := strings.Join([]string{f.Verdict.String(), f.Protocol.Name, transport(f.Result.Datagram), "7001", f.Result.brief()}, " ")
			if f.Protocol == &text {
				got = strings.Replace(got, "7001", "7002", 1)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for _, part := range strings.Fields(c.want) {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, out.String())
				}
			}
		})
	}
}

func TestFromArgument(t *testing.T) {
	f := func(in, want, wantErr string) {
		t.Helper()
		got, err := FromArgument(in)
		if string(got) != want || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%q: got %q, %v; want %q, %q", in, got, err, want, wantErr)
		}
	}
	f("7e 01", "\x7e\x01", "")
	f("0x7e,01", "0x7e,01", "")
	f("7E:01", "\x7e\x01", "")
	f("0x7e 0x01", "\x7e\x01", "")
	f("78780d0101234567890123450x018cdd", "", "not a hex digit")
	f("*HQ,1#", "*HQ,1#", "")
	f(`"7e01"`, "7e01", "")
	f(`"*HQ\r\n"`, "*HQ\r\n", "")
	f(`"\xff\x00"`, "\xff\x00", "")
	f(`"é€"`, "\xe9€", "")
	f(`"\q"`, "", "escape")
	f("78780d010358899051020301x0018cdd", "", "not a hex digit")
	f("78780d0103588990510203010", "", "half")
}

// TestConversation: a frame may span segments; the last one ends with the stream.
func TestConversation(t *testing.T) {
	login, _ := FromHex(frame(1, "abc"))
	fix, _ := FromHex(frame(2, "\x01\x02"))
	c := replay.Conversation{Steps: []replay.Step{{Data: login[:2]}, {Data: append(login[2:], fix[:3]...)}, {Server: true, Data: []byte("x")}, {Data: fix[3:5]}}}
	var got []string
	var out strings.Builder
	newTestDecoder().Conversation(&c, nil, func(r Result) {
		got = append(got, r.brief())
		r.Write(&out)
	})
	if want := ";login, device abc;position, device abc, 1 event"; strings.Join(got, ";") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ";"), want)
	}
	for _, want := range []string{"2 bytes of a frame that is not whole yet", "login, bytes 0 to 6", "position  1.0000000, 2.0000000", "rssi  1", "reply     7e0182"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

// TestWriteErrors: a refused frame shows where it lies and its bytes.
func TestWriteErrors(t *testing.T) {
	d := newTestDecoder()
	b, _ := FromHex(frame(1, "abc") + frame(3, "") + "7e03020102ff")
	r := d.Decode("", &acme, b)
	var out strings.Builder
	r.Write(&out)
	for _, want := range []string{"bytes 7 to 10", "refused   malformed: acme: message of 1 bytes", "     7  7e 01 03 02", "refused   checksum", "but for the checksum",
		"device    abc"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}
