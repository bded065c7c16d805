package main

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/gorilla/websocket"
)

// TestHTTPConnectionsAreLimited: people have connections of their own, and share the rest with devices.
func TestHTTPConnectionsAreLimited(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var devices atomic.Int64
	l := newLimitedListener(socket, nil)
	l.own, l.shared, l.device = 2, 10, devices.Load
	accepted := make(chan net.Conn, 20)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func(want bool) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if want {
			return <-accepted
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || len(accepted) > 0 {
			t.Errorf("one too many is served")
		}
		return nil
	}
	devices.Store(9)
	first := dial(true)
	dial(true)
	dial(true) // one of those shared
	if l.beyond() != 1 {
		t.Errorf("%d beyond its own", l.beyond())
	}
	dial(false)
	first.Close()
	first.Close()
	dial(true)
	dial(false)
	devices.Store(0)
	detached := dial(true).(*limitedConn)
	gone := detached.Detach() // as WebSockets are
	open := l.open.Load()
	detached.Close()
	if got := l.open.Load(); got != open {
		t.Errorf("%d open after a connection was closed that its descriptor counts for, want %d", got, open)
	}
	gone()
	if got := l.open.Load(); got != open-1 {
		t.Errorf("%d open after the end of one of %d", got, open)
	}
	conn := weak.Make(detached)
	detached = nil
	runtime.GC()
	if conn.Value() != nil {
		t.Error("who counts a detached connection keeps it in memory")
	}
	runtime.KeepAlive(gone)
}

// TestSilentWebSocketsHaveNoGoroutine: as the program serves them, behind the listener that counts connections.
func TestSilentWebSocketsHaveNoGoroutine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere they have one")
	}
	web := freePort(t)
	env := []string{"JWT_SECRET=" + testSecret}
	p := start(t, append(env, "TRACKGATE_GATEWAY_REPLAY="), "serve", "--data", t.TempDir(), "--http", web, "--any", freePort(t))
	p.ready(web)
	token, err := run(t, env, "token", "--vehicles", "*")
	if err != nil {
		t.Fatal(token, err)
	}
	number := func(metric string) int {
		t.Helper()
		resp, err := http.Get("http://" + web + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		found := regexp.MustCompile(`(?m)^` + metric + ` (\d+)$`).FindSubmatch(raw)
		if found == nil {
			t.Fatalf("no %s in %s", metric, raw)
		}
		n, _ := strconv.Atoi(string(found[1]))
		return n
	}
	const clients = 60
	before := number("go_goroutines")
	var conns []*websocket.Conn
	for range clients {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+web+"/ws", http.Header{"Authorization": {"Bearer " + strings.TrimSpace(token)}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	for _, c := range conns {
		c.WriteMessage(websocket.TextMessage, []byte(`{"ping":1}`))
		if _, _, err := c.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "few goroutines", func() bool { return number("go_goroutines") < before+clients/2 })
	if n := number("trackgate_ws_clients"); n != clients {
		t.Errorf("%d clients", n)
	}
}
