package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// watcher is a dashboard that follows all vehicles during a siege.
type watcher struct {
	siege *siege
	mu    sync.Mutex
	last  map[string]time.Time // the newest position seen, by vehicle
	live  time.Time            // of the newest position that came as an update
	back  []string             // updates older than what was shown before
	ended error
}

// watchAll connects a dashboard without a limit of its rate.
func (s *siege) watchAll(addr, token string) *watcher {
	t := s.t
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"track":["*"],"max_hz":0}`)); err != nil {
		t.Fatal(err)
	}
	w := &watcher{siege: s, last: make(map[string]time.Time)}
	go func() {
		for {
			_, raw, err := conn.ReadMessage()
			if err != nil {
				w.mu.Lock()
				w.ended = err
				w.mu.Unlock()
				return
			}
			w.take(raw)
		}
	}()
	return w
}

// shown is a message to a dashboard, or an event within a snapshot.
type shown struct {
	Type, Vehicle, Kind string
	Time                time.Time
	Lat                 *float64
	Events              []shown
}

func (w *watcher) take(raw []byte) {
	if !bytes.HasPrefix(raw, []byte("[")) {
		raw = append(append([]byte("["), raw...), ']')
	}
	var list []shown
	if err := json.Unmarshal(raw, &list); err != nil {
		return // a message without a time
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range list {
		for _, e := range m.Events {
			if e.Lat != nil && e.Time.After(w.last[e.Vehicle]) {
				w.last[e.Vehicle] = e.Time
			}
		}
		if m.Type != "location:update" {
			continue
		}
		if m.Time.Before(w.last[m.Vehicle]) {
			w.back = append(w.back, string(raw))
		}
		w.last[m.Vehicle] = m.Time
		if m.Time.After(w.live) {
			w.live = m.Time
		}
	}
}

// since waits until a position is shown that was made after a moment.
func (w *watcher) since(moment time.Time) {
	w.siege.t.Helper()
	w.siege.until("a new position is shown", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ended != nil {
			w.siege.t.Fatalf("the dashboard was disconnected: %v", w.ended)
		}
		return w.live.After(moment)
	})
}

// upToDate waits until each device's newest acknowledged record is what the dashboard shows, and checks that no vehicle ever went backwards.
func (w *watcher) upToDate() {
	t := w.siege.t
	t.Helper()
	want := newestAcked(t, w.siege.acked)
	until(t, "the newest of each vehicle is shown", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for vehicle, at := range want {
			if w.last[vehicle].Before(at) {
				return false
			}
		}
		return true
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.back) > 0 {
		t.Errorf("%d times a position was followed by an older one: %s", len(w.back), w.back[0])
	}
}

// newestAcked is the time of the newest record of each device in a file of acknowledged records.
func newestAcked(t *testing.T, acked string) map[string]time.Time {
	t.Helper()
	f, err := os.Open(acked)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	newest := make(map[string]time.Time)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		field := strings.Split(lines.Text(), ",")
		if ms, err := strconv.ParseInt(field[1], 10, 64); err == nil && time.UnixMilli(ms).After(newest[field[0]]) {
			newest[field[0]] = time.UnixMilli(ms)
		}
	}
	return newest
}
