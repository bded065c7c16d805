package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trackgate/trackgate/protocols"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a protocol of lines: each is answered with its last letter in capitals, but not one that starts with '-'. "clock" is answered with a
// number that is never the same, "bye" with hanging up.
var lines = protocols.Protocol{
	Name: "lines", TCP: 1, UDP: 1, MaxLogin: 100, MaxFrame: 100,
	Decode: func(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
		n := bytes.IndexByte(in.Bytes, '\n') + 1
		if n == 0 {
			return 0, nil
		}
		line := in.Bytes[:n-1]
		switch {
		case len(line) == 0 || line[0] == '-':
		case string(line) == "clock":
			f.Reply = fmt.Appendf(f.Reply, "%05d", time.Now().Nanosecond()%100_000)
		case string(line) == "bye":
			f.Close = true
		default:
			f.Reply = append(f.Reply, bytes.ToUpper(line[len(line)-1:])...)
		}
		return n, nil
	},
}

// gateway is a tiny gateway: it drains what it hears with lines, over TCP and UDP on one port.
type gateway struct {
	addr string

	mu    sync.Mutex
	heard []string // of each connection that ended, what it said, with | between reads
	now   int      // connections open
	most  int
}

func serve(t *testing.T) *gateway {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{addr: l.Addr().String()}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { g.stream(c) })
		}
	})
	wait.Go(func() {
		b := make([]byte, 2000)
		var f protocols.Frame
		for {
			n, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			var s protocols.Session
			protocols.Drain(&lines, &s, protocols.Input{Bytes: b[:n], Datagram: true}, &f, func([]byte, error) bool {
				if len(f.Reply) > 0 {
					u.WriteTo(f.Reply, from)
				}
				return true
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		u.Close()
		wait.Wait()
	})
	return g
}

func (g *gateway) stream(c net.Conn) {
	defer c.Close()
	g.mu.Lock()
	g.now++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	var said []string
	defer func() {
		g.mu.Lock()
		g.now--
		g.heard = append(g.heard, strings.Join(said, "|"))
		g.mu.Unlock()
	}()
	var s protocols.Session
	var f protocols.Frame
	var rest []byte
	b := make([]byte, 2000)
	for {
		n, err := c.Read(b)
		if n > 0 {
			said = append(said, string(b[:n]))
		}
		rest = append(rest, b[:n]...)
		closed := false
		used, _ := protocols.Drain(&lines, &s, protocols.Input{Bytes: rest}, &f, func([]byte, error) bool {
			c.Write(f.Reply)
			closed = closed || f.Close
			return !closed
		})
		rest = rest[used:]
		if err != nil || closed {
			return
		}
	}
}

// talk makes a conversation: "> line" and "< answer" at the same moment, "+" a second later.
func talk(name string, steps ...string) Conversation {
	c := Conversation{Name: name, Lane: name}
	var at time.Duration
	for _, s := range steps {
		if s == "+" {
			at += time.Second
			continue
		}
		c.Steps = append(c.Steps, Step{At: at, Server: s[0] == '<', Data: []byte(s[2:])})
	}
	return c
}

func TestPlay(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string
		want  string // the outcome's line without name and numbers of no interest
		heard string
	}{
		{"all as captured", []string{"> a\n", "< A", "> b\n", "< B"}, "answers 2 equal, 0 different, 0 missing", "a\n|b\n"},
		{"an answer that differs", []string{"> clock\n", "< xxxxx", "> b\n", "< B"}, "answers 1 equal, 1 different, 0 missing", "clock\n|b\n"},
		{"another answer", []string{"> a\n", "< B", "> b\n", "< B"}, "answers 1 equal, 1 different, 0 missing", "a\n|b\n"},
		{"a shorter answer", []string{"> a\n", "< AA", "> b\n", "< B"}, "answers 1 equal, 1 different, 0 missing", "a\n|b\n"},
		{"a missing answer", []string{"> -a\n", "< A", "> b\n", "< B"}, "answers 1 equal, 0 different, 1 missing", "-a\n|b\n"},
		{"an answer in two", []string{"> a\nb\n", "< AB"}, "answers 1 equal, 0 different, 0 missing", "a\nb\n"},
		{"two answers in one", []string{"> a\nb\n", "< A", "< B"}, "answers 2 equal, 0 different, 0 missing", "a\nb\n"},
		{"a frame in two segments", []string{"> a", "> \n", "< \x00"}, "answers 0 equal, 1 different, 0 missing", ""},
		{"an answer that is not in the capture", []string{"> a\n", "< A", "> b\n", "+", "> c\n", "< C"},
			"answers 2 equal, 0 different, 0 missing; 1 bytes not in the capture", ""},
		{"the server hangs up", []string{"> a\n", "< A", "> bye\n", "< X", "> b\n"}, "answers 1 equal, 0 different, 1 missing; the server hung up", "a\n|bye\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := serve(t)
			var out strings.Builder
			p := Player{To: g.addr, Timeout: 300 * time.Millisecond, Report: func(o Outcome) { o.Write(&out) }}
			total, err := p.Play(t.Context(), []Conversation{talk("x", c.steps...)})
			if err != nil || total.Failed != 0 {
				t.Fatalf("got %v, %d failed: %s", err, total.Failed, out.String())
			}
			if _, got, _ := strings.Cut(strings.SplitN(out.String(), "\n", 2)[0], "; "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if wantErr := total.Missing > 0; (total.Err(false) != nil) != wantErr || (total.Err(true) != nil) != (wantErr || total.Differs > 0) {
				t.Errorf("errors %v, strict %v", total.Err(false), total.Err(true))
			}
			waitFor(t, g, 1)
			if g.heard[0] != c.heard && c.heard != "" {
				t.Errorf("the gateway heard %q, want %q", g.heard[0], c.heard)
			}
		})
	}
}

// waitFor waits until n connections have ended.
func waitFor(t *testing.T, g *gateway, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		g.mu.Lock()
		done := len(g.heard) >= n
		g.mu.Unlock()
		if done {
			return
		}
		<-tick.C
	}
	t.Fatalf("%d connections did not end", n)
}

// TestPlayUnsure: answers that may rightly be others are neither missing nor different.
func TestPlayUnsure(t *testing.T) {
	g := serve(t)
	c := talk("x", "> a\n", "< A", "> b\n", "< X", "> -c\n", "< C")
	c.Unsure = "the registry's options"
	p := Player{To: g.addr, Timeout: 100 * time.Millisecond}
	total, err := p.Play(t.Context(), []Conversation{c})
	if err != nil || total.Equal != 1 || total.Unjudged != 2 || total.Err(true) != nil {
		t.Errorf("got %+v, %v", total, err)
	}
}

func TestPlayUDP(t *testing.T) {
	g := serve(t)
	c := talk("x", "> a\n", "< A", "> b\nc\n", "< BC", "> -d\n", "< D")
	c.Datagram = true
	p := Player{To: g.addr, Timeout: 200 * time.Millisecond}
	total, err := p.Play(t.Context(), []Conversation{c})
	if err != nil || total.Equal != 2 || total.Missing != 1 || total.Segments != 3 {
		t.Errorf("got %+v, %v", total, err)
	}
}

// TestPlayRefused: with nobody listening the first attempt is the last.
func TestPlayRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, datagram := range []bool{false, true} {
		var list []Conversation
		for i := range 50 {
			c := talk(fmt.Sprint(i), "> a\n", "< A")
			c.Datagram = datagram
			list = append(list, c)
		}
		p := Player{To: l.Addr().String(), Parallel: 1, Loop: true}
		total, err := p.Play(t.Context(), list)
		if !errors.Is(err, ErrRefused) || total.Conversations != 1 || total.Err(false) == nil {
			t.Errorf("datagram %t: got %+v, %v", datagram, total, err)
		}
	}
}

// TestPlayRhythm: gaps between segments are kept, scaled by the speed.
func TestPlayRhythm(t *testing.T) {
	g := serve(t)
	p := Player{To: g.addr, Speed: 10}
	total, err := p.Play(t.Context(), []Conversation{talk("x", "> a\n", "< A", "+", "> b\n", "< B", "+", "> c\n", "< C")})
	if err != nil || total.Equal != 3 || total.Took < 200*time.Millisecond || total.Took > 2*time.Second {
		t.Errorf("got %+v, %v", total, err)
	}
}

// TestPlayLanes: no two conversations of one device at once, no more at once than allowed, and all are played.
func TestPlayLanes(t *testing.T) {
	g := serve(t)
	var same, mixed []Conversation
	for i := range 10 {
		c := talk(fmt.Sprint(i), "> a\n", "< A")
		mixed = append(mixed, c)
		c.Lane = "one"
		same = append(same, c)
	}
	p := Player{To: g.addr, Parallel: 3}
	for _, c := range []struct {
		list []Conversation
		most int
	}{{same, 1}, {mixed, 3}} {
		g.mu.Lock()
		g.most, g.heard = 0, nil
		g.mu.Unlock()
		total, err := p.Play(t.Context(), c.list)
		if err != nil || total.Equal != 10 {
			t.Errorf("got %+v, %v", total, err)
		}
		waitFor(t, g, 10)
		if g.most > c.most {
			t.Errorf("%d at once, want at most %d", g.most, c.most)
		}
	}
}

// TestPlayLoop: it begins again until the context ends, and what is cut off is not counted as missing.
func TestPlayLoop(t *testing.T) {
	g := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	p := Player{To: g.addr, Loop: true, Timeout: 50 * time.Millisecond, Report: func(Outcome) {
		if n++; n == 5 {
			cancel()
		}
	}}
	total, err := p.Play(ctx, []Conversation{talk("x", "> a\n", "< A"), talk("y", "> -a\n", "< never")})
	if err != nil || total.Missing != 0 && total.Missing != n/2 || total.Failed != 0 {
		t.Errorf("got %+v, %v", total, err)
	}
	if total.Conversations < 1 {
		t.Error("nothing was played")
	}
}

// TestPlayFlood: what a server pours out beyond every answer is bounded.
func TestPlayFlood(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		block := make([]byte, 64<<10)
		for range 64 { // 4 MB
			if _, err := c.Write(block); err != nil {
				return
			}
		}
		io.Copy(io.Discard, c) // closing with bytes unread would reset the connection
	}()
	p := Player{To: l.Addr().String(), Timeout: 200 * time.Millisecond}
	var extra int
	p.Report = func(o Outcome) { extra = o.Extra }
	total, err := p.Play(t.Context(), []Conversation{talk("x", "> a\n", "< A")})
	l.Close()
	<-done
	if err != nil || total.Differs != 1 || extra < 1<<20 {
		t.Errorf("got %+v, %d bytes extra, %v", total, extra, err)
	}
}

func TestLanesOrder(t *testing.T) {
	var got []string
	for _, lane := range lanes([]Conversation{{Name: "1", Lane: "a"}, {Name: "2", Lane: "b"}, {Name: "3", Lane: "a"}}) {
		for _, c := range lane {
			got = append(got, c.Lane+c.Name)
		}
	}
	if want := []string{"a1", "a3", "b2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPlayPcap plays a pcapng, with segments out of order, sent again and answered, to a gateway: it hears what the device had said.
func TestPlayPcap(t *testing.T) {
	g := serve(t)
	up := func(seq uint32, payload string) []byte { return tcp(t, device, server, seq, flags{ack: true}, payload) }
	down := func(seq uint32, payload string) []byte { return tcp(t, server, device, seq, flags{ack: true}, payload) }
	list, err := new(Loader).Load(writeFile(t, "x.pcapng",
		tcp(t, device, server, 99, flags{syn: true}, ""), tcp(t, server, device, 9, flags{syn: true, ack: true}, ""),
		up(100, "login\n"), down(10, "N"), up(100, "login\n"), up(109, "d\n"), up(106, "2nd"), down(11, "D"),
		udp(t, device, server, "datagram\n"), udp(t, server, device, "M")))
	if err != nil {
		t.Fatal(err)
	}
	p := Player{To: g.addr, Timeout: time.Second}
	total, err := p.Play(t.Context(), list)
	if err != nil || total.Conversations != 2 || total.Equal != 3 || total.Missing+total.Differs+total.Extra+total.Failed > 0 {
		t.Errorf("got %+v, %v", total, err)
	}
	waitFor(t, g, 1)
	if got, want := strings.ReplaceAll(g.heard[0], "|", ""), "login\n2ndd\n"; got != want {
		t.Errorf("the gateway heard %q, want %q", got, want)
	}
}
