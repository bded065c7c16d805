package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the process that holds connections.
func TestMain(m *testing.M) {
	if os.Getenv(holdEnv) != "" {
		fail(holdConnections(os.Args[2], os.Stdin, os.Stdout))
		return
	}
	os.Exit(m.Run())
}

// TestSmoke runs every scenario on every contender with small counts: the figures are whatever they are, but none is missing, nothing is lost
// and every client ends on the newest event.
func TestSmoke(t *testing.T) {
	b := &bench{sizes: small(), trackgate: filepath.Join(t.TempDir(), "trackgate"), reference: "reference", serverCore: -1, loadCore: -1}
	need(t, "redis-server", "node")
	if out, err := exec.Command("go", "build", "-o", b.trackgate, "github.com/trackgate/trackgate/cmd/trackgate").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat("reference/node_modules"); err != nil {
		missing(t, "npm ci --prefix fanout/bench/reference was not run")
	}
	results, err := b.run()
	if err != nil {
		t.Fatal(err)
	}
	counted := make(map[string]int)
	for _, r := range results {
		counted[r.contender]++
		if strings.Contains(r.what, "not on the newest") && r.value != 0 {
			t.Errorf("%s: %s: %v", r.contender, r.what, r.value)
		}
		if strings.Contains(r.note, "not delivered") || strings.Contains(r.note, "lost") {
			t.Errorf("%s: %s: %s", r.contender, r.what, r.note)
		}
	}
	for _, c := range contenders {
		if want := map[string]int{"trackgate": 30}[c.flag]; counted[c.name] < max(want, 16) {
			t.Errorf("%s: %d figures", c.name, counted[c.name])
		}
	}
	var table strings.Builder
	b.print(&table, results)
	if !strings.Contains(table.String(), "| idle connection, one vehicle |") {
		t.Error(table.String())
	}
}

// TestServersHaveTheirOwnCore: a server that shares the core of what measures it, or is not where it should be, is not measured.
func TestServersHaveTheirOwnCore(t *testing.T) {
	need(t, "taskset")
	own := runsOn(os.Getpid())
	first, _, several := strings.Cut(own, ",")
	first, _, span := strings.Cut(first, "-")
	core, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("this runs on %q", own)
	}
	b, up := &bench{loadCore: -1}, filepath.Join(t.TempDir(), "up")
	answers := func(string) bool { _, err := os.Stat(up); return err == nil }
	p, err := b.start("a server", "", core, nil, answers, "sh", "-c", "touch "+up+"; exec sleep 60")
	if err == nil {
		p.stop()
	}
	if (err == nil) != (several || span) {
		t.Errorf("this runs on %s, the server is to run on %d: %v", own, core, err)
	}
}

func need(t *testing.T, programs ...string) {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" is not installed")
		}
	}
}

// missing ends a test that needs what is not there; `make test` brings everything.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func TestPercentiles(t *testing.T) {
	h := &heard{began: time.Now()}
	for us := range 10_000 {
		h.count(0, h.began.Add(time.Duration(us)*time.Microsecond))
	}
	for q, want := range map[float64]float64{0.01: 0.1, 0.5: 5, 0.99: 9.9} {
		if got := h.percentile(q); got < want*0.97 || got > want*1.03 {
			t.Errorf("percentile %v: %v ms, want %v", q, got, want)
		}
	}
}

// TestStampsCutAnywhere reads the same frames in every possible pair of pieces.
func TestStampsCutAnywhere(t *testing.T) {
	event := func(at, vehicle string) string { return `{"lat":1,"pub":"` + at + "-" + vehicle + `"}` }
	payload := "[" + event("0000000000000011", "000007") + "," + event("0000000000000012", "000008") + "]"
	frame := append([]byte{0x81, 126, 0, byte(len(payload))}, payload...)
	ping := []byte{0x89, 0}
	stream := slices.Concat(frame, ping, frame)
	for cut := range len(stream) {
		h := &heard{began: time.Now()}
		c := &client{conn: &pieces{parts: [][]byte{stream[:cut], stream[cut:]}}, buf: make([]byte, 256), heard: h, first: 7, newest: make([]int64, 2)}
		if err := c.read(); err != io.EOF {
			t.Fatalf("cut %d: %v", cut, err)
		}
		if h.delivered.Load() != 4 || c.newest[0] != 11 || c.newest[1] != 12 {
			t.Errorf("cut %d: %d events, newest %v", cut, h.delivered.Load(), c.newest)
		}
	}
}

func TestBars(t *testing.T) {
	f := func(b *bar, value, reference float64, text, verdict string) {
		t.Helper()
		if got := b.text("ms"); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if got := b.verdict(&figure{value: value}, &figure{value: reference}); got != verdict {
			t.Errorf("%s, %v beside %v: got %q, want %q", text, value, reference, got, verdict)
		}
	}
	f(atMost(35), 35, 0, "at most 35 ms", "met")
	f(atMost(35), 36, 0, "at most 35 ms", "**missed**")
	f(atLeast(7000), 7001, 0, "at least 7,000 ms", "met")
	f(atMostTimes(0.4), 4, 10, "at most 0.4 times the reference", "met")
	f(atLeastTimes(25), 240, 10, "at least 25 times the reference", "**missed**")
	f(atLeastTimes(25), 240, 0, "at least 25 times the reference", "") // a reference that bears nothing says nothing
	f(nil, 1, 1, "", "")
}

func TestDocument(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+figuresBegin+"old\n"+figuresEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, figures := range []string{"\n| new |\n", "| newer |"} {
		if err := document(page, []byte(figures)); err != nil {
			t.Fatal(err)
		}
		want := "before\n" + figuresBegin + "\n" + strings.TrimSpace(figures) + "\n\n" + figuresEnd + "after\n"
		if got, _ := os.ReadFile(page); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := replaced([]byte("a page of something else"), nil); err == nil {
		t.Error("no place for them, and no error")
	}
	real, err := os.ReadFile("../../docs/performance-fanout.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replaced(real, nil); err != nil {
		t.Error(err)
	}
}
