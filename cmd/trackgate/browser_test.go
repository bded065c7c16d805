package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLiveMapInBrowser opens the link that a first start prints in a real browser; a replayed tracker appears on the map and moves.
func TestLiveMapInBrowser(t *testing.T) {
	node := browserTools(t)
	any, replay, web := freePort(t), freePort(t), freePort(t)
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, []string{"TRACKGATE_GATEWAY_REPLAY=" + replay}, "serve", "--data", data, "--http", web, "--any", any)
	p.ready(web)
	link := regexp.MustCompile(`http://\S+#ticket=\S+`)
	until(t, "link to the map", func() bool { return link.MatchString(p.said()) })

	demo := start(t, nil, "demo", "--gateway", any, "--to", replay, "--vehicles", "2")
	vehicle := regexp.MustCompile(`(?m)^\s+(\d{15})\s+(gt06|teltonika)`)
	until(t, "a vehicle of the demo", func() bool { return vehicle.MatchString(demo.said()) })
	id := vehicle.FindStringSubmatch(demo.said())[1]

	shot := filepath.Join(t.TempDir(), "map.png")
	out, err := exec.CommandContext(t.Context(), node, "../../fanout/console/test/live.mjs", "--url", link.FindString(p.said()), "--expect", id, "--moved",
		"--timeout", "60", "--screenshot", shot).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if st, err := os.Stat(shot); err != nil || st.Size() < 10_000 {
		t.Errorf("no picture: %v", err)
	}
	demo.stop()
	p.stop()
	if said := p.said(); strings.Contains(said, "panic") || strings.Contains(said, "ERROR") {
		t.Errorf("the gateway said:\n%s", said)
	}
}

// browserTools is node, where what the browser tests need is there.
func browserTools(t *testing.T) (node string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if _, missing := os.Stat("../../fanout/console/node_modules"); err != nil || missing != nil {
		if os.Getenv("TRACKGATE_TEST_ALL") != "" {
			t.Fatal("node or the npm packages of fanout/console are missing; `make tools` installs them")
		}
		t.Skip("needs node and the npm packages of fanout/console")
	}
	return node
}

// TestDecodePageInBrowser pastes frames into the page that explains bytes, of a gateway as it is served.
func TestDecodePageInBrowser(t *testing.T) {
	node := browserTools(t)
	any, web := freePort(t), freePort(t)
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, []string{"TRACKGATE_GATEWAY_REPLAY="}, "serve", "--data", data, "--http", web, "--any", any)
	p.ready(web)
	token, err := run(t, nil, "token", "--data", data, "--vehicles", "*")
	if err != nil {
		t.Fatalf("%v\n%s", err, token)
	}
	shot := filepath.Join(t.TempDir(), "decode.png")
	if dir := os.Getenv("TRACKGATE_SCREENSHOTS"); dir != "" {
		shot = filepath.Join(dir, "decode.png")
	}
	out, err := exec.CommandContext(t.Context(), node, "../../fanout/console/test/decode.mjs", "http://"+web, strings.TrimSpace(token), shot).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.stop()
	if said := p.said(); strings.Contains(said, "panic") || strings.Contains(said, "ERROR") {
		t.Errorf("the gateway said:\n%s", said)
	}
}
