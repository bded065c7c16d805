package console

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// testGateway is as much of a gateway as the page talks to, and does what test/page.mjs tells it.
type testGateway struct {
	t      *testing.T
	config Config

	mu      sync.Mutex
	ticket  string // spent when empty
	last    []json.RawMessage
	sockets map[*websocket.Conn]bool
	cursors []string // what history was asked with
}

func (g *testGateway) handler() http.Handler {
	mux := http.NewServeMux()
	page, err := HandlerWith(g.config)
	if err != nil {
		g.t.Fatal(err)
	}
	mux.Handle("/", page)
	mux.HandleFunc("POST /api/session", g.session)
	mux.HandleFunc("GET /api/vehicles/locations", g.authorised(g.locations))
	mux.HandleFunc("GET /api/vehicles/{id}/history", g.authorised(g.history))
	mux.HandleFunc("/ws", g.socket)
	mux.HandleFunc("POST /test/send", g.send)
	mux.HandleFunc("POST /test/last", g.setLast)
	mux.HandleFunc("POST /test/asked", g.asked)
	mux.HandleFunc("POST /test/drop", func(http.ResponseWriter, *http.Request) { g.each(func(c *websocket.Conn) { c.Close() }) })
	mux.HandleFunc("POST /test/expire", func(http.ResponseWriter, *http.Request) {
		g.each(func(c *websocket.Conn) {
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4401, "expired"), time.Now().Add(time.Second))
		})
	})
	return mux
}

const testToken = "the-token"

func (g *testGateway) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+testToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func (g *testGateway) session(w http.ResponseWriter, r *http.Request) {
	var given struct{ Ticket string }
	err := json.NewDecoder(r.Body).Decode(&given)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil || g.ticket == "" || given.Ticket != g.ticket {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.ticket = ""
	answer(w, map[string]string{"token": testToken})
}

func (g *testGateway) locations(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	answer(w, map[string]any{"events": append([]json.RawMessage{}, g.last...)})
}

// history gives two pages of twenty fixes, all within the last minutes that today has had.
func (g *testGateway) history(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	cursor := query.Get("cursor")
	g.mu.Lock()
	g.cursors = append(g.cursors, cursor)
	g.mu.Unlock()
	from, err := time.Parse(time.RFC3339, query.Get("from"))
	if err != nil || query.Get("to") == "" || query.Get("limit") != "10000" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	first := 0
	next := any("second")
	if cursor == "second" {
		first, next = 20, nil
	}
	step := min(time.Since(from)/60, 20*time.Second)
	events := make([]map[string]any, 20)
	for i := range events {
		n := float64(first + i)
		at := time.Now().Add(-step * time.Duration(50-first-i))
		events[i] = map[string]any{"vehicle": r.PathValue("id"), "time": at, "lat": 47.34 + 0.0009*n, "lng": 8.49 + 0.0012*n + 0.0004*float64(i%3), "valid": true}
	}
	answer(w, map[string]any{"events": events, "cursor": next})
}

func (g *testGateway) socket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	var first struct{ Auth string }
	if c.ReadJSON(&first) != nil {
		return
	}
	if first.Auth != testToken {
		c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4401, "unauthorized"), time.Now().Add(time.Second))
		return
	}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.sockets, c)
	}()
	for {
		var ask struct {
			Track []string
			Ping  int
		}
		if c.ReadJSON(&ask) != nil {
			return
		}
		g.mu.Lock()
		if len(ask.Track) == 1 && ask.Track[0] == "*" {
			g.sockets[c] = true
			c.WriteJSON(map[string]any{"type": "snapshot", "events": append([]json.RawMessage{}, g.last...)})
		}
		if ask.Ping != 0 {
			c.WriteJSON(map[string]any{"type": "pong"})
		}
		g.mu.Unlock()
	}
}

func (g *testGateway) each(do func(*websocket.Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.sockets {
		do(c)
	}
}

func (g *testGateway) send(w http.ResponseWriter, r *http.Request) {
	message, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Error(err)
	}
	sent := 0
	g.each(func(c *websocket.Conn) {
		sent++
		c.WriteMessage(websocket.TextMessage, message)
	})
	if sent == 0 {
		http.Error(w, "nobody listens", http.StatusConflict)
	}
}

func (g *testGateway) setLast(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&g.last); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (g *testGateway) asked(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	answer(w, map[string]any{"cursors": g.cursors})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// need skips the test where a tool is missing, unless the run promised to have them all.
func need(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// browser finds what the browser tests need: node, Chromium and the locked npm packages.
func browser(t *testing.T) (node string) {
	t.Helper()
	node, err := exec.LookPath("node")
	need(t, "node", err)
	chromium := os.Getenv("TRACKGATE_CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	_, err = os.Stat(chromium)
	need(t, "chromium", err)
	_, err = os.Stat("node_modules/playwright-core")
	need(t, "npm packages (npm ci in fanout/console)", err)
	return node
}

// TestUnits runs the tests of the page's parts that need no browser.
func TestUnits(t *testing.T) {
	node, err := exec.LookPath("node")
	need(t, "node", err)
	_, err = os.Stat("node_modules/esbuild")
	need(t, "npm packages (npm ci in fanout/console)", err)
	run(t, node, "test/units.mjs")
}

// TestPage drives the page in a browser. With TRACKGATE_SCREENSHOTS set to a folder it leaves pictures there.
func TestPage(t *testing.T) {
	node := browser(t)
	g := &testGateway{t: t, ticket: "one-time", sockets: map[*websocket.Conn]bool{}}
	server := httptest.NewServer(g.handler())
	defer server.Close()
	run(t, node, "test/page.mjs", server.URL, os.Getenv("TRACKGATE_SCREENSHOTS"))
}

// TestLive runs the script that others point at a real gateway: it must see a vehicle move, and must say why it did not.
// The page has tiles here, from another origin as they are in real life.
func TestLive(t *testing.T) {
	node := browser(t)
	var tiles atomic.Int64
	tileServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tiles.Add(1)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, image.NewGray(image.Rect(0, 0, 256, 256)))
	}))
	defer tileServer.Close()
	g := &testGateway{
		t:       t,
		config:  Config{TileURL: tileServer.URL + "/{z}/{x}/{y}.png", TileAttribution: "Example"},
		ticket:  "one-time",
		sockets: map[*websocket.Conn]bool{},
	}
	server := httptest.NewServer(g.handler())
	defer server.Close()
	done := make(chan struct{})
	var driving sync.WaitGroup
	driving.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for lat := 47.0; ; lat += 0.0005 {
			select {
			case <-done:
				return
			case now := <-tick.C:
				g.each(func(c *websocket.Conn) {
					c.WriteJSON(map[string]any{"type": "location:update", "vehicle": "bus 7", "lat": lat, "lng": 8.0, "speed": 40, "course": 0, "time": now, "received": now, "valid": true})
				})
			}
		}
	})
	run(t, node, "test/live.mjs", "--url", server.URL+"/#ticket=one-time", "--expect", "bus 7", "--moved")
	run(t, node, "test/live.mjs", "--url", server.URL, "--token", testToken, "--expect", "bus 7")
	if tiles.Load() == 0 {
		t.Error("no tile was asked for")
	}

	out, err := command(t, node, "test/live.mjs", "--url", server.URL, "--token", testToken, "--expect", "ghost", "--timeout", "2")
	if err == nil || !bytes.Contains(out, []byte("vehicle ghost on the page: not within 2 s")) {
		t.Errorf("a vehicle that is not there: %v\n%s", err, out)
	}
	close(done)
	driving.Wait()
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := command(t, name, args...)
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func command(t *testing.T, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).CombinedOutput()
}
