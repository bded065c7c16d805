package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

func TestTCPToSinks(t *testing.T) {
	r := start(t, nil)
	now := time.Now().Unix()
	p := r.dial("tcp", r.addr)
	p.say("log")
	p.say("in A\nfix %d 52.5 13.4\n", now)
	p.hear("ok")
	p.hear("1")
	p.say("fix %d 52.6 13.4\nbeat\nfix %d 52.4 13.4\n", now+1, now-1)
	p.hear("1")
	p.hear("beat")
	p.hear("1")
	events := r.store.wait(t, 4)
	for i, want := range []struct {
		kind  string
		late  bool
		index uint64 // what came together is one record
	}{{"position", false, 0}, {"position", false, 1}, {"status", false, 1}, {"position", true, 1}} {
		e := events[i]
		if e.Kind.String() != want.kind || e.Late != want.late || e.Device != "A" || e.Vehicle != "A" || e.Counter != uint32(i) || e.Session == 0 || e.Index != want.index {
			t.Errorf("event %d: %s late %v of %s/%s counter %d index %d", i, e.Kind, e.Late, e.Device, e.Vehicle, e.Counter, e.Index)
		}
	}
	if live := r.live.wait(t, 4); live[3].Seq() != events[3].Seq() || live[3].ID() != events[3].ID() {
		t.Errorf("live %s %s, store %s %s", live[3].Seq(), live[3].ID(), events[3].Seq(), events[3].ID())
	}
	if got := r.counter("frames_total", "protocol", "wire", "result", "ok"); got != 5 {
		t.Errorf("counted %v frames, want 5", got)
	}
}

func TestUDPToSinks(t *testing.T) {
	r := start(t, nil)
	p := r.dial("udp", r.addr)
	p.say("login U\n")
	p.hear("ok")
	p.say("fix %d 1 2\n", time.Now().Unix())
	p.hear("1")
	if e := r.store.wait(t, 1)[0]; e.Device != "U" {
		t.Errorf("device %q", e.Device)
	}
	p.say("many 3 %d\nx", time.Now().Unix()) // a frame, then rubbish: the answer to the first stands
	p.hear("3")
}

func TestUDPNeverAmplifies(t *testing.T) {
	r := start(t, nil)
	p := r.dial("udp", r.addr)
	p.say("login U\n")
	p.hear("ok")
	p.say("beat") // four bytes are answered with five, but the login left credit
	p.hear("beat")
	for range 12 {
		p.say("beat")
	}
	r.until("an answer held back", func() bool { return r.counter("limits_hit_total", "limit", "udp_answer") > 0 })
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, say, fault string
		gone             bool
	}{
		{"unknown protocol", "GET / HTTP/1.1\r\n\r\n", "unknown_protocol", true},
		{"bad checksum", "login A\nsum\n", "checksum", false},
		{"malformed thrice", "login A\nwhat\nwhat\nwhat\n", "malformed", true},
		{"panic", "login A\npanic\n", "panic", true},
		{"no login", "", "unidentified", true},
		{"oversize", "login A\n" + strings.Repeat("x", 5000), "oversize", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, func(c *Config, _ *journal.Config) { c.Listen = map[string]string{"wire": freePort(t)} })
			bystander := r.dial("tcp", r.addr)
			bystander.say("login B\n")
			bystander.hear("ok")
			addr := r.addr
			if tt.say == "" {
				addr = r.cfg.Listen["wire"]
				tt.say = strings.Repeat("fix 1 1 1\n", 3)
			}
			p := r.dial("tcp", addr)
			p.say("%s", tt.say)
			if strings.HasPrefix(tt.say, "login") {
				p.hear("ok")
			}
			if tt.gone {
				p.gone()
			} else {
				p.say("beat\n")
				p.hear("beat") // and nothing for what was refused
			}
			r.until("counted", func() bool { return r.counter("frames_total", "result", tt.fault) > 0 })
			r.until("kept", func() bool { return strings.Contains(r.refused(), `"fault":"`+tt.fault+`"`) })
			bystander.say("beat\n")
			bystander.hear("beat")
			for _, e := range r.store.wait(t, 1) {
				if e.Kind == protocols.Position {
					t.Error("stored what was refused")
				}
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	short := 300 * time.Millisecond
	tests := []struct {
		reason, say string
		change      func(*Config)
	}{
		{"first_byte", "", func(c *Config) { c.FirstByte = short }},
		{"login", "logi", func(c *Config) { c.Login = short }},
		{"frame", "login A\nfix 1", func(c *Config) { c.Frame = short }},
		{"idle", "login A\n", func(c *Config) { c.Idle = short }},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(c *Config, _ *journal.Config) { tt.change(c) })
			p := r.dial("tcp", r.addr)
			p.say("%s", tt.say)
			if strings.Contains(tt.say, "\n") {
				p.hear("ok")
			}
			p.gone()
			if got := r.counter("closes_total", "reason", tt.reason); got != 1 {
				t.Errorf("counted %v closes for %s", got, tt.reason)
			}
		})
	}
}

func TestStalledFrameIsTriedAsFinal(t *testing.T) {
	r := start(t, nil)
	p := r.dial("tcp", r.addr)
	p.say("login A\nbeat") // the terminator never comes
	p.hear("ok")
	p.hear("beat")
}

func TestAmbiguousStaysUndecided(t *testing.T) {
	r := start(t, nil)
	p := r.dial("tcp", r.addr)
	p.say("beat\n")
	r.until("the best that is left, after a pause", func() bool {
		return r.counter("frames_total", "protocol", "wire", "result", "unidentified") == 1
	})
}

func TestRegistryDecides(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Unknown = "reject" })
	zone := protocols.Zone{Set: true, Seconds: 3600}
	r.registry.PutDevices(t.Context(), []protocols.Device{
		{ID: "A", Vehicle: "truck", Options: protocols.Options{Zone: zone}},
		{ID: "Q", Policy: protocols.Quarantine}, {ID: "R", Policy: protocols.Reject}})
	r.until("known", func() bool { _, ok := r.core.registry.Device("R"); return ok })
	for _, id := range []string{"R", "stranger"} {
		p := r.dial("tcp", r.addr)
		p.say("login %s\nfix 1 1 1\n", id)
		p.hear("no")
		p.gone()
	}
	now := time.Now().Unix()
	p := r.dial("tcp", r.addr)
	p.say("login A\nfix %d 1 1\n", now+3600)
	p.hear("ok")
	p.hear("1")
	e := r.store.wait(t, 1)[0]
	if e.Vehicle != "truck" || e.Time != protocols.Millis(now*1000) {
		t.Errorf("vehicle %q at %v", e.Vehicle, e.Time)
	}
	r.registry.PutDevices(t.Context(), []protocols.Device{{ID: "A", Vehicle: "van"}})
	r.until("moved to the van", func() bool { d, _ := r.core.registry.Device("A"); return d.Vehicle == "van" })
	p.say("fix %d 1 2\n", now)
	p.hear("1")
	if e := r.store.wait(t, 2)[1]; e.Vehicle != "van" || e.Time != protocols.Millis(now*1000) {
		t.Errorf("after the change: vehicle %q at %v", e.Vehicle, e.Time)
	}
	q := r.dial("tcp", r.addr)
	q.say("login Q\nfix %d 1 1\n", now)
	q.hear("ok")
	q.hear("1")
	if e := r.store.wait(t, 3)[2]; !e.Quarantined || e.Live() {
		t.Error("a device in quarantine is live")
	}
}

func TestReplayHappensNow(t *testing.T) {
	r := start(t, nil)
	p := r.dial("tcp", r.replay)
	p.say("login A\nfix 1000000 1 1\n")
	p.hear("ok")
	p.hear("1")
	p.say("fix 1000060 1 1\n")
	p.hear("1")
	e := r.store.wait(t, 2)
	if d := e[0].Received - e[0].Time; d < 0 || d > 1000 || e[1].Time-e[0].Time != 60_000 {
		t.Errorf("first %d ms before its receipt, second %d ms after the first", d, e[1].Time-e[0].Time)
	}
}

func TestRestartReadsOnFromTheStore(t *testing.T) {
	dir, store := t.TempDir(), newMemory()
	r := startIn(t, dir, store, nil)
	store.setFail(errors.New("database is away"))
	p := r.dial("tcp", r.addr)
	p.say("login A\nmany 500 %d\n", time.Now().Unix())
	p.hear("ok")
	p.hear("500") // acknowledged although the store is away
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	store.setFail(nil)
	r = startIn(t, dir, store, nil)
	store.wait(t, 500)
	p = r.dial("tcp", r.addr)
	p.say("login A\nbeat\n")
	p.hear("ok")
	p.hear("beat")
	if got := store.wait(t, 501); len(got) != 501 {
		t.Errorf("stored %d, want 501", len(got))
	}
}

func TestJournalFullStopsAnswers(t *testing.T) {
	var full atomic.Bool
	r := start(t, func(c *Config, j *journal.Config) {
		j.Sync = func(f *os.File) error {
			if full.Load() {
				return errors.New("disk gone")
			}
			return f.Sync()
		}
		c.Idle = 200 * time.Millisecond
	})
	p := r.dial("tcp", r.addr)
	p.say("login A\nbeat\n")
	p.hear("ok")
	p.hear("beat")
	full.Store(true)
	p.say("beat\n")
	r.until("not ready", func() bool { return r.Ready() != nil })
	p.say("beat\n")
	p.SetReadDeadline(time.Now().Add(1500 * time.Millisecond)) // longer than the idle deadline, which rests meanwhile
	if b, err := p.r.ReadByte(); err == nil {
		t.Fatalf("heard %q from a gateway that can keep nothing", b)
	} else if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
		t.Fatalf("was hung up on: %v", err)
	}
	p.SetReadDeadline(time.Now().Add(15 * time.Second))
	full.Store(false)
	p.hear("beat")
	p.hear("beat")
	r.until("ready again", func() bool { return r.Ready() == nil })
	if got := r.store.wait(t, 3); len(got) != 3 {
		t.Errorf("stored %d, want 3", len(got))
	}
}

func TestAckModes(t *testing.T) {
	t.Run("stored", func(t *testing.T) {
		r := start(t, func(c *Config, _ *journal.Config) { c.Ack = "stored" })
		r.store.setFail(errors.New("away"))
		p := r.dial("tcp", r.addr)
		p.say("login A\nbeat\n")
		p.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if b, err := p.r.ReadString('\n'); err == nil && b != "ok\n" {
			t.Fatalf("heard %q before the store had it", b)
		}
		p.SetReadDeadline(time.Now().Add(15 * time.Second))
		r.store.setFail(nil)
		line, err := p.r.ReadString('\n')
		if line == "ok\n" {
			line, err = p.r.ReadString('\n')
		}
		if line != "beat\n" {
			t.Fatalf("heard %q, %v", line, err)
		}
	})
	t.Run("decoded", func(t *testing.T) {
		r := start(t, func(c *Config, _ *journal.Config) { c.Ack = "decoded" })
		p := r.dial("tcp", r.addr)
		p.say("login A\nbeat\n")
		p.hear("ok")
		p.hear("beat")
		r.store.wait(t, 1)
	})
}

func TestPeerThatNeverReads(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Outbound = 4096 })
	p := r.dial("tcp", r.addr)
	p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	p.say("login A\n")
	beats := []byte(strings.Repeat("beat\n", 1000))
	for {
		if _, err := p.Write(beats); err != nil {
			break // closed by the gateway
		}
	}
	r.until("gone", func() bool { return r.counter("connections", "protocol", "any") == 0 })
	if limit, closed := r.counter("limits_hit_total", "limit", "outbound"), r.counter("closes_total", "reason", "outbound"); limit != 1 || closed != 1 {
		t.Errorf("counted %v times and %v closes", limit, closed)
	}
}

func TestManyDevicesAtOnce(t *testing.T) {
	const devices, fixes = 200, 20
	r := start(t, func(c *Config, _ *journal.Config) { c.Loops = 2; c.CommitWindow = time.Millisecond })
	done := make(chan error, devices)
	now := time.Now().Unix()
	for d := range devices {
		go func() {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(c, "login D%d\n", d)
			for i := range fixes {
				fmt.Fprintf(c, "fix %d 1 %d\n", now+int64(i), i+1)
			}
			want := "ok\n" + strings.Repeat("1\n", fixes)
			got := make([]byte, len(want))
			if _, err = io.ReadFull(c, got); err == nil && string(got) != want {
				err = fmt.Errorf("heard %q", got)
			}
			done <- err
		}()
	}
	for range devices {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	next := make(map[string]uint32)
	for _, e := range r.store.wait(t, devices*fixes) {
		if e.Counter != next[e.Device] {
			t.Fatalf("%s: counter %d, want %d: order is lost", e.Device, e.Counter, next[e.Device])
		}
		next[e.Device]++
	}
}

func TestDrainLeavesNothingUnanswered(t *testing.T) {
	r := start(t, func(c *Config, j *journal.Config) {
		j.Sync = func(f *os.File) error { time.Sleep(100 * time.Millisecond); return f.Sync() } // a slow disk
	})
	p := r.dial("tcp", r.addr)
	p.say("login A\nfix %d 1 1\n", time.Now().Unix())
	p.hear("ok")
	r.until("read", func() bool { return r.counter("records_total") == 1 })
	begin := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > 8*time.Second {
		t.Errorf("took %v", d)
	}
	p.hear("1")
	p.gone()
	if got := r.store.wait(t, 1); len(got) != 1 {
		t.Errorf("stored %d", len(got))
	}
}

func TestHTTPIngest(t *testing.T) {
	r := start(t, nil)
	mux := http.NewServeMux()
	for pattern, h := range r.Ingest().Routes() {
		mux.Handle(pattern, h)
	}
	s := httptest.NewServer(mux)
	defer s.Close()
	post := func(path, body string, status int, want string) {
		t.Helper()
		resp, err := s.Client().Post(s.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(got), want) {
			t.Errorf("%s %s: %d %s, want %d %s", path, body, resp.StatusCode, got, status, want)
		}
	}
	post("/api/tracking/location", `{"vehicleId":"mine","lat":1,"lng":2,"speed":3}`, 202, "accepted")
	post("/api/tracking/location", `{"vehicleId":"yours","lat":1,"lng":2}`, 403, "no access")
	post("/api/tracking/location", `{"vehicleId":"mine","lat":91,"lng":2}`, 400, "lat")
	post("/api/tracking/location", `{"vehicleId":"mine"`, 400, "")
	post("/api/tracking/location", `{"vehicleId":"mine","x":"`+strings.Repeat("x", 20_000)+`"}`, 413, "at most")
	post("/api/tracking/batch", `{"updates":[{"vehicleId":"mine","lat":1,"lng":3},{"vehicleId":"yours","lat":1,"lng":2},7]}`, 202, `"accepted":1`)
	post("/api/tracking/batch", `{"updates":[`+strings.TrimSuffix(strings.Repeat(`{},`, 1001), ",")+`]}`, 413, "1000")
	post("/api/tracking/batch", `{"updates":[]}`, 202, `"accepted":0`)
	e := r.store.wait(t, 2)
	if e[0].Vehicle != "mine" || e[0].Protocol != "http" || e[0].Speed != 3 || e[0].Seq() == e[1].Seq() {
		t.Errorf("stored %+v", e[0])
	}
}
