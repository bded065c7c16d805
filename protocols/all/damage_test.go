package all

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// frames cuts the device's side of a capture into its accepted frames and calls visit for each with the session before it.
func frames(p *protocols.Protocol, c *protocols.Capture, visit func(s protocols.Session, raw []byte, f *protocols.Frame)) {
	var s protocols.Session
	var f protocols.Frame
	for _, seg := range c.Segments() {
		in := protocols.Input{Bytes: seg, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}
		before := s
		_, _ = protocols.Drain(p, &s, in, &f, func(raw []byte, err error) bool {
			if err == nil {
				visit(before, raw, &f)
			}
			before = s
			return true
		})
	}
}

// meaning is what a frame's events say, one line each.
func meaning(f *protocols.Frame) string {
	var b []byte
	for i := range f.Events {
		b = append(f.Events[i].AppendJSON(b), '\n')
	}
	return string(b)
}

// TestChecksumGuards flips a bit of each byte of each frame that has a checksum. A flip is refused, and teaches the session nothing, or the frame
// means what it meant. A few get through: a length that is one off may fit another vendor's layout by chance, and some checks leave the
// header out.
func TestChecksumGuards(t *testing.T) {
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		t.Run(strings.TrimPrefix(path, "../../testdata/"), func(t *testing.T) {
			var f protocols.Frame
			frames(p, c, func(s protocols.Session, raw []byte, whole *protocols.Frame) {
				want := meaning(whole)
				var caught, slipped int
				for at := range raw {
					damaged := bytes.Clone(raw)
					damaged[at] ^= 1 << (at % 8)
					trial := s
					f.Reset()
					n, err := protocols.Next(p, &trial, protocols.Input{Bytes: damaged, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}, &f)
					switch {
					case errors.Is(err, protocols.ErrChecksum):
						caught++
						if trial != s {
							t.Fatalf("byte %d: a frame with a bad checksum changed the session: %+v", at, trial)
						}
					case err == nil && n == len(raw) && meaning(&f) != want:
						slipped++
					}
				}
				if caught > len(raw)/2 && slipped > max(2, len(raw)/3) {
					t.Errorf("%x: damage in %d of %d bytes is accepted", raw, slipped, len(raw))
				}
			})
		})
	})
}

// hangUp are the protocols whose stream can not be followed any more after bytes that are no frame: a length or a request that nothing marks as such
// comes first. Their devices dial again and send once more what was not acknowledged.
var hangUp = map[string]bool{"galileosky": true, "osmand": true, "ruptela": true, "teltonika": true}

// TestResynchronisation puts what is no frame between the segments of each stream: nothing is made of it, nothing comes twice, and what comes after it
// is found again, unless the protocol hangs up.
func TestResynchronisation(t *testing.T) {
	garbage := map[string][]byte{
		"zeros":      make([]byte, 9),
		"high bytes": bytes.Repeat([]byte{0xa5}, 7),
		"a line":     []byte("no frame at all\r\n"),
		"line ends":  []byte("\r\n\r\n"),
	}
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		name := strings.TrimPrefix(path, "../../testdata/")
		switch {
		case c.Datagram,
			strings.HasPrefix(name, "h02/binary-"), // a record without a length: what comes before the next is its own
			name == "wialon-ips/compressed.tcp":    // a block begins behind a line end only
			return
		}
		for _, l := range c.Lines {
			if l.Mark == '@' || l.Mark == '!' {
				return
			}
		}
		clean := &stream{p: p}
		for _, seg := range c.Segments() {
			clean.feed(seg, false)
		}
		want := slices.DeleteFunc(clean.out, func(item string) bool { return item[0] != '=' })
		for what, noise := range garbage {
			t.Run(name+"/"+what, func(t *testing.T) {
				s := &stream{p: p}
				for _, seg := range c.Segments() {
					s.feed(seg, false)
					s.feed(noise, false)
				}
				got := slices.DeleteFunc(s.out, func(item string) bool { return item[0] != '=' })
				for i, item := range got {
					if !slices.Contains(want, item) || slices.Contains(got[:i], item) && !slices.Contains(want[slices.Index(want, item)+1:], item) {
						t.Fatalf("garbage made %s", item)
					}
				}
				if len(got) < len(want) && !hangUp[p.Name] {
					t.Errorf("%d of %d events", len(got), len(want))
				}
			})
		}
	})
}
