//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// watcher is a dashboard beside the devices: it sees every update, and knows when the device sent it.
type watcher struct {
	conn    *websocket.Conn
	wire    *wire
	at      [1 << 20]atomic.Int64 // when a record was sent, Unix ns, by its number; a ring
	latency atomic.Pointer[load.Histogram]
	updates atomic.Int64
}

// startWatcher connects to the WebSocket of a node and follows all vehicles, without a limit on their rate.
func startWatcher(o *order, w *wire) (*watcher, error) {
	conn, _, err := websocket.DefaultDialer.Dial(o.To, http.Header{"Authorization": {"Bearer " + o.Token}})
	if err != nil {
		return nil, err
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"track":["*"],"max_hz":0}`)); err != nil {
		return nil, err
	}
	if _, first, err := conn.ReadMessage(); err != nil || !bytes.Contains(first, []byte("snapshot")) {
		return nil, fmt.Errorf("watch: no snapshot but %.200s, %v", first, err)
	}
	k := &watcher{conn: conn, wire: w}
	k.latency.Store(new(load.Histogram))
	go k.read()
	return k, nil
}

// sent notes when the record of that number was sent.
func (k *watcher) sent(n uint32, at time.Time) { k.at[n%uint32(len(k.at))].Store(at.UnixNano()) }

// take returns what was seen since it was called last, once nothing more comes.
func (k *watcher) take() (*load.Histogram, int64) {
	for before := int64(-1); before != k.updates.Load(); time.Sleep(200 * time.Millisecond) {
		before = k.updates.Load()
	}
	return k.latency.Swap(new(load.Histogram)), k.updates.Swap(0)
}

// read takes updates; a message holds one or several.
func (k *watcher) read() {
	for {
		_, m, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now().UnixNano()
		for {
			i := bytes.Index(m, longitude)
			if i < 0 {
				break
			}
			m = m[i+len(longitude):]
			end := bytes.IndexAny(m, ",}")
			v, err := strconv.ParseFloat(string(m[:max(0, end)]), 64)
			if err != nil {
				continue
			}
			k.updates.Add(1)
			if at := k.at[k.wire.number(v)%uint32(len(k.at))].Swap(0); at != 0 {
				k.latency.Load().Add(time.Duration(now-at), 1)
			}
		}
	}
}

var longitude = []byte(`"lng":`)
