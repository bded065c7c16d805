package fanout

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// bothWires runs a test on connections under a poller and on connections with a goroutine.
func bothWires(t *testing.T, o nodeOptions, f func(t *testing.T, n *node)) {
	for name, stream := range map[string]bool{"poller": false, "goroutine": true} {
		t.Run(name, func(t *testing.T) {
			o.stream = stream
			f(t, startNode(t, o))
		})
	}
}

// served reads what the server sends, frame by frame: text frames as their text, others as "opcode: payload", the end as "end". It stops behind last.
func served(t *testing.T, c net.Conn, last string) (got []string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return append(got, "end")
		}
		size := int(head[1])
		if size == 126 {
			var more [2]byte
			io.ReadFull(r, more[:])
			size = int(binary.BigEndian.Uint16(more[:]))
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(r, payload); err != nil {
			return append(got, "end")
		}
		switch {
		case head[0] == 0x81:
			got = append(got, string(payload))
		case head[0] == 0x88 && size >= 2:
			got = append(got, fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload)))
		default:
			got = append(got, fmt.Sprintf("%x: %s", head[0], payload))
		}
		if got[len(got)-1] == last {
			return got
		}
	}
}

func pong(n string) string { return `{"type":"pong","pong":` + n + `}` }

// conformance are sequences of client frames and what RFC 6455 wants for them. Sections stand beside.
var conformance = []struct {
	name string
	send [][]byte
	want []string // "close n" is followed by the end
}{
	{"one text frame (5.6)", frameList(0x81, `{"ping":1}`), []string{pong("1")}},
	{"two in one segment", frameList(0x81, `{"ping":1}`, 0x81, `{"ping":2}`), []string{pong("1"), pong("2")}},
	{"empty text", frameList(0x81, ``, 0x81, `{"ping":1}`), []string{`{"type":"error","error":"not a request: unexpected end of JSON input"}`, pong("1")}},
	{"fragments (5.4)", frameList(0x01, `{"pi`, 0x00, `ng"`, 0x80, `:1}`), []string{pong("1")}},
	{"empty fragments", frameList(0x01, ``, 0x00, ``, 0x00, `{"ping":1}`, 0x80, ``), []string{pong("1")}},
	{"a character cut by fragments (8.1)", frameList(0x01, "{\"ping\":\"\xc3", 0x80, "\xa9\"}"), []string{pong(`"é"`)}},
	{"ping (5.5.2)", frameList(0x89, "hello"), []string{"8a: hello"}},
	{"empty ping", frameList(0x89, ""), []string{"8a: "}},
	{"the longest ping", frameList(0x89, strings.Repeat("x", 125)), []string{"8a: " + strings.Repeat("x", 125)}},
	{"ping between fragments (5.4)", frameList(0x01, `{"pi`, 0x89, "now", 0x80, `ng":1}`), []string{"8a: now", pong("1")}},
	{"pong unasked (5.5.3)", frameList(0x8a, "x", 0x81, `{"ping":1}`), []string{pong("1")}},
	{"pong between fragments", frameList(0x01, `{"pi`, 0x8a, "", 0x80, `ng":1}`), []string{pong("1")}},
	{"16-bit length", frameList(0x81, `{"ping":1`+strings.Repeat(" ", 300)+`}`), []string{pong("1")}},
	{"exactly the limit", frameList(0x81, `{"ping":1`+strings.Repeat(" ", 4096-10)+`}`), []string{pong("1")}},
	{"64-bit length for few bytes", [][]byte{append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0}, `{"ping":1}`...)}, []string{pong("1")}},

	{"one byte over the limit (7.4.1)", frameList(0x81, `{"ping":1`+strings.Repeat(" ", 4096-9)+`}`), []string{"close 1009"}},
	{"fragments over the limit", frameList(0x01, strings.Repeat("y", 4000), 0x80, strings.Repeat("y", 100)), []string{"close 1009"}},
	{"a length that lies", [][]byte{{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}}, []string{"close 1009"}},
	{"a length with the highest bit (5.2)", [][]byte{{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}}, []string{"close 1002"}},
	{"unmasked (5.1)", [][]byte{{0x81, 2, '{', '}'}}, []string{"close 1002"}},
	{"unmasked ping", [][]byte{{0x89, 0}}, []string{"close 1002"}},
	{"reserved bit 1 (5.2)", frameList(0xc1, "{}"), []string{"close 1002"}},
	{"reserved bit 2", frameList(0xa1, "{}"), []string{"close 1002"}},
	{"reserved bit 3", frameList(0x91, "{}"), []string{"close 1002"}},
	{"reserved bit of a ping", frameList(0xc9, ""), []string{"close 1002"}},
	{"opcode 3", frameList(0x83, "{}"), []string{"close 1002"}},
	{"opcode 7", frameList(0x87, "{}"), []string{"close 1002"}},
	{"opcode 11", frameList(0x8b, ""), []string{"close 1002"}},
	{"opcode 15", frameList(0x8f, ""), []string{"close 1002"}},
	{"continuation of nothing (5.4)", frameList(0x80, "{}"), []string{"close 1002"}},
	{"continuation behind a whole message", frameList(0x81, `{"ping":1}`, 0x80, "{}"), []string{pong("1"), "close 1002"}},
	{"text within fragments", frameList(0x01, "{", 0x81, "}"), []string{"close 1002"}},
	{"fragmented ping (5.5)", frameList(0x09, ""), []string{"close 1002"}},
	{"fragmented close", frameList(0x08, "\x03\xe8"), []string{"close 1002"}},
	{"ping of 126 bytes (5.5)", frameList(0x89, strings.Repeat("x", 126)), []string{"close 1002"}},
	{"close of 126 bytes", frameList(0x88, "\x03\xe8"+strings.Repeat("x", 124)), []string{"close 1002"}},
	{"binary", frameList(0x82, "{}"), []string{"close 1003"}},
	{"not UTF-8 (8.1)", frameList(0x81, "{\"ping\":\"\xff\"}"), []string{"close 1007"}},
	{"a surrogate", frameList(0x81, "{\"ping\":\"\xed\xa0\x80\"}"), []string{"close 1007"}},
	{"an overlong slash", frameList(0x81, "{\"ping\":\"\xc0\xaf\"}"), []string{"close 1007"}},
	{"half a character at the end", frameList(0x01, "{}\xc3", 0x80, ""), []string{"close 1007"}},

	{"close (5.5.1)", frameList(0x88, "\x03\xe8"), []string{"close 1000"}},
	{"close with a reason", frameList(0x88, "\x03\xe9going"), []string{"close 1000"}},
	{"close without a code", frameList(0x88, ""), []string{"close 1000"}},
	{"close of an application", frameList(0x88, "\x0f\xa0"), []string{"close 1000"}},
	{"close behind a message", frameList(0x81, `{"ping":1}`, 0x88, "\x03\xe8"), []string{pong("1"), "close 1000"}},
	{"a message behind a close", frameList(0x88, "\x03\xe8", 0x81, `{"ping":1}`), []string{"close 1000"}},
	{"close between fragments", frameList(0x01, `{"pi`, 0x88, "\x03\xe8"), []string{"close 1000"}},
	{"close with one byte", frameList(0x88, "\x03"), []string{"close 1002"}},
	{"close with a code that may not be sent, 1005 (7.4.1)", frameList(0x88, "\x03\xed"), []string{"close 1002"}},
	{"1006", frameList(0x88, "\x03\xee"), []string{"close 1002"}},
	{"1015", frameList(0x88, "\x03\xf7"), []string{"close 1002"}},
	{"999", frameList(0x88, "\x03\xe7"), []string{"close 1002"}},
	{"2999", frameList(0x88, "\x0b\xb7"), []string{"close 1002"}},
	{"5000", frameList(0x88, "\x13\x88"), []string{"close 1002"}},
	{"close with a reason that is not UTF-8", frameList(0x88, "\x03\xe8\xff"), []string{"close 1007"}},
}

// frameList makes masked frames of first bytes and payloads in turn.
func frameList(parts ...any) (list [][]byte) {
	for i := 0; i < len(parts); i += 2 {
		list = append(list, clientFrame(byte(parts[i].(int)), parts[i+1].(string)))
	}
	return list
}

// TestConformance sends every sequence to the real server at once, frame by frame, and byte by byte.
func TestConformance(t *testing.T) {
	bothWires(t, nodeOptions{config: Config{Limits: Limits{Frame: 4096}}}, func(t *testing.T, n *node) {
		for _, c := range conformance {
			whole := slices.Concat(c.send...)
			bytewise := make([][]byte, 0, len(whole))
			for i := range whole {
				bytewise = append(bytewise, whole[i:i+1])
			}
			if len(whole) > 500 {
				bytewise = [][]byte{whole[:1], whole[1:3], whole[3 : len(whole)/2], whole[len(whole)/2:]}
			}
			for how, pieces := range map[string][][]byte{"at once": {whole}, "by frames": c.send, "in pieces": bytewise} {
				t.Run(c.name+" "+how, func(t *testing.T) {
					t.Parallel()
					conn := n.raw(t)
					conn.(*net.TCPConn).SetNoDelay(true)
					for _, p := range pieces {
						if _, err := conn.Write(p); err != nil {
							break // it closed at the first fault
						}
					}
					want := c.want
					last := want[len(want)-1]
					if strings.HasPrefix(last, "close") {
						want, last = append(slices.Clone(want), "end"), ""
					}
					if got := served(t, conn, last); !slices.Equal(got, want) {
						t.Errorf("got %q, want %q", got, want)
					}
				})
			}
		}
	})
}

// TestHalfAFrame is what a client that never finishes one costs: nobody waits for it, and others are served.
func TestHalfAFrame(t *testing.T) {
	bothWires(t, nodeOptions{}, func(t *testing.T, n *node) {
		whole := clientFrame(0x81, `{"ping":1}`)
		var halves []net.Conn
		for i := range 40 { // more than there are pollers
			c := n.raw(t)
			c.Write(whole[:1+i%(len(whole)-1)])
			halves = append(halves, c)
		}
		v := n.dial(token(t, "other", auth.Scopes(auth.Read), "*"))
		v.send(`{"ping":2}`)
		v.expect("pong")
		for i, c := range halves {
			c.Write(whole[1+i%(len(whole)-1):])
			if got := served(t, c, pong("1")); !slices.Equal(got, []string{pong("1")}) {
				t.Errorf("client %d: %q", i, got)
			}
		}
	})
}

// TestFramesHoldNothing: between two messages nothing is kept, and a header's promise allocates nothing.
func TestFramesHoldNothing(t *testing.T) {
	f := &frames{limit: 1 << 20}
	if bad := f.feed(slices.Concat(frameList(0x01, "{", 0x89, "x", 0x80, "}")...), func(int, []byte) {}); bad != nil || f.message != nil || f.control != nil || f.open {
		t.Errorf("%v, holds %+v", bad, f)
	}
	promise := append([]byte{0x81, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<20)...)
	if bad := f.feed(append(promise, 0, 0, 0, 0, 'x'), nil); bad != nil || cap(f.message) > 64 {
		t.Errorf("%v, %d bytes for one", bad, cap(f.message))
	}
}

func FuzzFrames(f *testing.F) {
	for _, c := range conformance {
		f.Add(slices.Concat(c.send...), 3)
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		run := func(pieces ...[]byte) (texts []string, bad *fault) {
			r := &frames{limit: 1024}
			for _, p := range pieces {
				if bad = r.feed(p, func(op int, payload []byte) { texts = append(texts, fmt.Sprint(op, string(payload))) }); bad != nil {
					return texts, bad
				}
				if len(r.message) > 1024 || len(r.control) > 125 {
					t.Fatalf("%d and %d bytes gathered", len(r.message), len(r.control))
				}
			}
			return texts, nil
		}
		whole, bad := run(stream)
		at := 0
		if len(stream) > 0 {
			at = int(uint(cut) % uint(len(stream)))
		}
		if cutUp, worse := run(bytes.Clone(stream[:at]), bytes.Clone(stream[at:])); !slices.Equal(whole, cutUp) || bad != worse {
			t.Errorf("cut at %d: %q %v, whole: %q %v", at, cutUp, worse, whole, bad)
		}
	})
}
