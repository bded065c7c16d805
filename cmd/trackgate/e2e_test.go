package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/redistest"
	"github.com/trackgate/trackgate/persistence/pgtest"
)

// deployment is one ingest and one fanout process on one Redis and one TimescaleDB.
type deployment struct {
	t                    *testing.T
	env                  []string
	database, redis      string
	ingest, fanout       *process
	any, replay          string // where devices dial
	ingestHTTP, peopleAt string
	token                string
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{t: t, database: pgtest.Timescale(t), redis: redistest.Start(t), any: freePort(t), replay: freePort(t), ingestHTTP: freePort(t), peopleAt: freePort(t)}
	d.env = []string{"DATABASE_URL=" + d.database, "REDIS_URL=" + d.redis, "JWT_SECRET=" + testSecret, "TRACKGATE_GATEWAY_REPLAY=" + d.replay}
	data := t.TempDir()
	d.ingest = start(t, d.env, "serve", "--roles", "ingest", "--data", filepath.Join(data, "ingest"), "--http", d.ingestHTTP, "--any", d.any)
	d.ingest.ready(d.ingestHTTP)
	d.fanout = start(t, d.env, "serve", "--roles", "fanout", "--data", filepath.Join(data, "fanout"), "--http", d.peopleAt)
	d.fanout.ready(d.peopleAt)
	out, err := run(t, d.env, "token", "--vehicles", "*", "--scope", "read,ingest")
	if err != nil {
		t.Fatal(err)
	}
	d.token = strings.TrimSpace(out)
	return d
}

// dashboard collects all events that a WebSocket client is sent.
type dashboard struct {
	conn *websocket.Conn
	mu   sync.Mutex
	seen map[string]string // id, and device with seq -> type
}

func (d *deployment) dashboard() *dashboard {
	d.t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+d.peopleAt+"/ws", http.Header{"Authorization": {"Bearer " + d.token}})
	if err != nil {
		d.t.Fatal(err)
	}
	b := &dashboard{conn: conn, seen: make(map[string]string)}
	d.t.Cleanup(func() { conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"track":["*"],"max_hz":0}`)); err != nil {
		d.t.Fatal(err)
	}
	first := make(chan struct{})
	go func() {
		var once sync.Once
		for {
			_, raw, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if !bytes.HasPrefix(raw, []byte("[")) {
				raw = append(append([]byte("["), raw...), ']')
			}
			var list []struct{ ID, Type, Device, Seq string }
			if json.Unmarshal(raw, &list) == nil {
				b.mu.Lock()
				for _, e := range list {
					if e.ID != "" {
						b.seen[e.ID], b.seen[e.Device+" "+e.Seq] = e.Type, e.Type
					}
				}
				b.mu.Unlock()
			}
			once.Do(func() { close(first) }) // the snapshot, perhaps empty
		}
	}()
	select {
	case <-first:
	case <-time.After(20 * time.Second):
		d.t.Fatal("no snapshot")
	}
	return b
}

// saw says whether the event with that id, or that device and seq, was seen, and as what.
func (b *dashboard) saw(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[key]
}

// sawTwin says whether another position of the same device and millisecond was seen. Captures that are played at once begin in the same one, and of two
// positions of one instant the map shows one.
func (b *dashboard) sawTwin(id string) bool {
	instant := id[:strings.LastIndexByte(id, '-')+1]
	b.mu.Lock()
	defer b.mu.Unlock()
	for other, as := range b.seen {
		if as == "location:update" && strings.HasPrefix(other, instant) {
			return true
		}
	}
	return false
}

// stored is an event in the store.
type stored struct {
	ID    string
	Place string // device and seq
	Live  bool   // a position that may move the vehicle on the map
}

// events are all events in the store, those kept apart included.
func (d *deployment) events() (list []stored) {
	d.t.Helper()
	d.query(`SELECT d.device || '-' || (extract(epoch FROM e.time)*1000)::bigint || '-' || lpad(to_hex(e.fp), 8, '0') AS id,
		d.device || ' ' || lpad((extract(epoch FROM session_at)*1000)::bigint::text, 13, '0') || '-' || lpad(counter::text, 10, '0') AS place,
		coalesce(valid, false) AND NOT late AND alarm IS NULL AS live
		FROM (SELECT * FROM location_events UNION ALL SELECT * FROM location_quarantine) e JOIN devices d USING (device_id)`, func(rows pgx.Rows) (err error) {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[stored])
		return err
	})
	return list
}

// query runs a query on the store.
func (d *deployment) query(sql string, read func(pgx.Rows) error, args ...any) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.database)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err == nil {
		err = read(rows)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *deployment) get(path string) string {
	d.t.Helper()
	req, _ := http.NewRequest("GET", "http://"+d.peopleAt+path, nil)
	req.Header.Set("Authorization", "Bearer "+d.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		d.t.Fatalf("%s: %d %s", path, resp.StatusCode, raw)
	}
	return string(raw)
}

// TestDeviceToDashboard follows a tracker's fix all the way: its bytes in, the answer out, the row, the message on Redis, and the frame on a WebSocket of
// another process. Then every capture of testdata: each event is stored once and seen.
func TestDeviceToDashboard(t *testing.T) {
	d := deploy(t)
	board := d.dashboard()
	opts, err := redis.ParseURL(d.redis)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	sub := rdb.Subscribe(t.Context(), "tracking:vehicle:358899051025419")
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}

	device, err := net.Dial("tcp", d.any)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	device.SetDeadline(time.Now().Add(20 * time.Second))
	exchange := func(say, want string) {
		t.Helper()
		b, _ := hex.DecodeString(say)
		if _, err := device.Write(b); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len(want)/2)
		if _, err := io.ReadFull(device, answer); err != nil || hex.EncodeToString(answer) != want {
			t.Fatalf("answered %x, %v, want %s", answer, err, want)
		}
	}
	exchange("000f333538383939303531303235343139", "01")
	exchange(codec8(time.Now()), "00000001")

	message, err := sub.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		ID, Vehicle, Protocol string
		Lat, Lng, Speed       float64
	}
	if err := json.Unmarshal([]byte(message.Payload), &event); err != nil || event.Lat != 54.7146368 || event.Lng != 25.3032016 || event.Speed != 12 || event.Protocol != "teltonika" {
		t.Fatalf("on Redis: %s, %v", message.Payload, err)
	}
	until(t, "frame on the WebSocket", func() bool { return board.saw(event.ID) == "location:update" })
	until(t, "row in the store", func() bool { return count(d.events(), event.ID) == 1 })
	if got := d.get("/api/vehicles/358899051025419/location"); !strings.Contains(got, event.ID) {
		t.Errorf("last known: %s", got)
	}
	if ttl := rdb.TTL(t.Context(), "location:current:vehicle:358899051025419").Val(); ttl <= 0 || ttl > 300*time.Second {
		t.Errorf("last known in Redis lives %v", ttl)
	}

	exchange(codec8(time.Unix(1700000000, 0)), "00000001") // stored long ago, twice
	exchange(codec8(time.Unix(1700000000, 0)), "00000001")

	d.replayAll()
	settled := 0
	until(t, "everything stored", func() bool {
		n := len(d.events())
		same := n == settled && d.metric("trackgate_sink_lag_records") == 0 && n > 100
		settled = n
		return same
	})
	all := d.events()
	for _, e := range all {
		if count(all, e.ID) != 1 {
			t.Errorf("%s is stored %d times", e.ID, count(all, e.ID))
		}
	}
	var unseen []stored
	for deadline := time.Now().Add(10 * time.Second); ; {
		unseen = unseen[:0]
		for _, e := range all {
			if board.saw(e.Place) == "" && !(e.Live && board.sawTwin(e.ID)) {
				unseen = append(unseen, e)
			}
		}
		if len(unseen) == 0 || time.Now().After(deadline) {
			break
		}
		time.Sleep(50 * time.Millisecond) // another process is sending
	}
	if len(unseen) > 0 {
		t.Errorf("%d of %d events never reached the dashboard: %v", len(unseen), len(all), unseen)
	}
	d.ingest.stop()
	d.fanout.stop()
}

// replayAll plays every capture, faster than it was; each answer comes that should.
func (d *deployment) replayAll() {
	d.t.Helper()
	if out, err := run(d.t, d.env, "replay", "../../testdata", "--to", d.replay, "--speed", "20", "--timeout", "5s"); err != nil {
		d.t.Errorf("replay: %v\n%s", err, out)
	}
}

// metric sums a metric of the ingest node.
func (d *deployment) metric(name string) float64 {
	d.t.Helper()
	resp, err := http.Get("http://" + d.ingestHTTP + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	sum := 0.0
	for _, line := range strings.Split(string(raw), "\n") {
		if head, value, ok := strings.Cut(line, " "); ok && (head == name || strings.HasPrefix(head, name+"{")) {
			var v float64
			if json.Unmarshal([]byte(value), &v) == nil {
				sum += v
			}
		}
	}
	return sum
}

func count(list []stored, id string) (n int) {
	for _, e := range list {
		if e.ID == id {
			n++
		}
	}
	return n
}
