package all

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// hostile are arguments that would end a command early, or begin another, in one protocol or another.
var hostile = []string{"a\r\nb", "a\nb", "a\x00b", "a#b", "a;b", "a,b", "a*b", "a$b", "a)b", "a(b", "a]b", "a[3G*1*0001*CRb", "a~b", "a\x7e\x7db", "a\xf8b", "a\x1ab",
	"a#\r\n$$", "a##,imei:1;", "**,imei:123456789012345,J", "#RELAY,1#", "a|b", "a:b", "a=b", "a%b", "a&b", "a\"b", "a\x0d\x0a\x78\x78b", "ü", string(bytes.Repeat([]byte("x"), 70_000))}

// TestCommandsStayOne puts hostile texts into every argument of every command that a protocol can send. It is refused, or what is sent is still one
// command: as many frames to the protocol's own decoder as with a harmless text, and no more line ends or terminators.
func TestCommandsStayOne(t *testing.T) {
	all := listen(t)
	for _, p := range Protocols {
		if p.Encode == nil {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			sessions := append(all[p.Name].sessions, fresh...)
			tried := 0
			for _, name := range commands(t, p, sessions) {
				forms := map[string]bool{}
				for _, s := range sessions {
					harmless := protocols.Command{Name: name, Text: "54455854", ID: 7, Args: arguments}
					plain, err := p.Encode(&s, harmless)
					form := fmt.Sprintf("%.4s %d", plain, len(plain)-len(s.Device))
					if err != nil || forms[form] {
						continue
					}
					forms[form] = true
					for _, h := range hostile {
						for arg := range arguments {
							c := harmless
							c.Args = maps.Clone(arguments)
							c.Args[arg] = h
							tried += stayOne(t, p, s, plain, c, fmt.Sprintf("%s(%s: %.30q)", name, arg, h))
						}
						c := harmless
						c.Text = h
						tried += stayOne(t, p, s, plain, c, fmt.Sprintf("%s %.30q", name, h))
					}
				}
			}
			if tried == 0 {
				t.Error("no command was tried")
			}
		})
	}
}

// stayOne encodes c beside plain, the same command with harmless arguments.
func stayOne(t *testing.T, p *protocols.Protocol, s protocols.Session, plain []byte, c protocols.Command, what string) int {
	t.Helper()
	b, err := p.Encode(&s, c)
	if err != nil || bytes.Equal(b, plain) {
		return 1
	}
	if got, want := heads(p, s, b), heads(p, s, plain); got != want && want > 0 {
		t.Errorf("%s: %d frames, %d when harmless: %.120q", what, got, want, b)
	}
	last := plain[len(plain)-1]
	if !printable(plain) || bytes.HasPrefix(plain, []byte("HTTP/")) || last >= '0' && last <= '9' || last|0x20 >= 'a' && last|0x20 <= 'z' {
		return 1 // the length or the check ends it
	}
	for _, end := range []byte{last, '\r', '\n', 0} {
		if got, want := bytes.Count(b, []byte{end}), bytes.Count(plain, []byte{end}); got > want {
			t.Errorf("%s: %q %d times, %d when harmless: %.120q", what, end, got, want, b)
		}
	}
	return 1
}

// heads counts the frames that the decoder cuts b into; -1: it does not know this direction's frames.
func heads(p *protocols.Protocol, s protocols.Session, b []byte) int {
	var f protocols.Frame
	n, foreign := 0, false
	used, _ := protocols.Drain(p, &s, protocols.Input{Bytes: b, Received: protocols.CaptureTime, Final: true}, &f, func(_ []byte, err error) bool {
		if errors.Is(err, protocols.ErrGarbage) {
			foreign = true
		}
		n++
		return true
	})
	if foreign {
		return -1
	}
	if used < len(b) {
		n++
	}
	return n
}

func printable(b []byte) bool {
	for _, x := range b {
		if x != '\r' && x != '\n' && (x < ' ' || x > '~') {
			return false
		}
	}
	return true
}
