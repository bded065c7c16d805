package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/trackgate/trackgate/fanout/redistest"
)

// TestClientInBrowser opens the example page of clients/js in a real browser, served from another origin as its README says. The node that serves it is killed
// while vehicles move, and another is started in its place: nothing is missed, repeated or out of order.
func TestClientInBrowser(t *testing.T) {
	node := browserTools(t)
	files := httptest.NewServer(http.FileServer(http.Dir("../../clients/js")))
	defer files.Close()
	s := scaleOut(t, redistest.Start(t), 1, "WS_CORS_ORIGIN="+files.URL)
	b := openPage(t, node, files.URL+"/example/", "http://"+s.balancer.addr, s.token, s.vehicles[0])
	b.waitFor("shown", `"connected"`)
	b.waitFor("state", `"connected"`)
	s.publish()
	b.waitFor("row", fmt.Sprintf(`"%s","50.000000","10.000100"`, s.vehicles[0]))
	b.events(s, 1, 1)
	for range 2 {
		first := s.n + 1
		s.members[0].kill()
		b.waitFor("shown", `"connecting"`)
		b.waitFor("state", `"connecting"`)
		for range 5 { // one of them is an alarm
			s.publish()
		}
		s.members[0].start(t)
		b.waitFor("state", `"connected"`)
		b.waitFor("shown", `"connected"`)
		b.events(s, first, s.n)
		s.publish()
		b.events(s, s.n, s.n)
		b.waitFor("row", fmt.Sprintf(`"%s","50.000000","%.6f"`, s.vehicles[0], 10+float64(s.n)/1e4))
	}
	b.close()
}

// openedPage is a page in a browser, and what it said that was not asked for yet.
type openedPage struct {
	t     *testing.T
	lines chan []json.RawMessage
	held  map[string][]string
	close func()
}

func openPage(t *testing.T, node string, args ...string) *openedPage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), node, append([]string{"../../clients/js/test/page.mjs"}, args...)...)
	var said tailOfOutput
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &openedPage{t: t, lines: make(chan []json.RawMessage, 10_000), held: make(map[string][]string)}
	go func() {
		defer close(p.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var line []json.RawMessage
			if json.Unmarshal(scan.Bytes(), &line) == nil && len(line) > 0 {
				p.lines <- line
			}
		}
	}()
	p.close = func() {
		in.Close()
		for range p.lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the page: %v\n%s", err, said)
		}
	}
	return p
}

// tailOfOutput keeps what a program said.
type tailOfOutput []byte

func (o *tailOfOutput) Write(b []byte) (int, error) {
	*o = append(*o, b...)
	return len(b), nil
}

// next is the next thing of a kind that the page said.
func (p *openedPage) next(kind string) string {
	p.t.Helper()
	late := time.After(60 * time.Second)
	for len(p.held[kind]) == 0 {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.close()
				p.t.Fatalf("the page ended before %q", kind)
			}
			var name string
			json.Unmarshal(line[0], &name)
			if name == "error" || name == "resync" {
				p.t.Errorf("the client says %s %s", name, line[1:])
			}
			text := ""
			for i, arg := range line[1:] {
				if i > 0 {
					text += ","
				}
				text += string(arg)
			}
			p.held[name] = append(p.held[name], text)
		case <-late:
			p.t.Fatalf("the page never says %q", kind)
		}
	}
	first := p.held[kind][0]
	p.held[kind] = slices.Delete(p.held[kind], 0, 1)
	return first
}

// waitFor skips what is said of a kind before text.
func (p *openedPage) waitFor(kind, text string) {
	p.t.Helper()
	for p.next(kind) != text {
	}
}

// events checks that the next events of the page's vehicle are numbered so, each once.
func (p *openedPage) events(s *scale, from, to int) {
	p.t.Helper()
	for n := from; n <= to; n++ {
		if got, want := p.next("event"), fmt.Sprintf(`%q,%d`, s.vehicles[0], n); got != want {
			p.t.Fatalf("got %s, want %s", got, want)
		}
	}
}
