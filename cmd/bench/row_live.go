//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

const (
	liveDevices = 1000
	liveSecret  = "the benchmark's own secret, for nobody else"
)

// live measures the way from the bytes of a device through Redis to a dashboard, beside its parts alone at the same rate.
func (b *bench) live() error {
	url, stop, err := startRedis()
	if err != nil {
		return err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "trackgate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	env := []string{"REDIS_URL=" + url, "JWT_SECRET=" + liveSecret}
	n, err := b.startNode(dir, env...)
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.ready(); err != nil {
		return err
	}
	token, err := b.token(dir, env...)
	if err != nil {
		return err
	}
	fleet, err := startPart("fleet")
	if err != nil {
		return err
	}
	defer fleet.stop()
	if _, err := command(fleet, &order{Do: "connect", To: n.devices, Protocol: "gt06", Connections: min(liveDevices, b.rows)}); err != nil {
		return err
	}
	if _, err := command(fleet, &order{Do: "watch", To: "ws://" + n.http + "/ws", Token: token}); err != nil {
		return err
	}
	most, err := mostLive(fleet, b.seconds)
	if err != nil {
		return err
	}
	out, err := command(fleet, &order{Do: "open", Rate: most / 2, Seconds: 4 * b.seconds})
	if err != nil {
		return err
	}
	if out.Updates == 0 {
		return fmt.Errorf("nothing was seen: %s", n.output.String())
	}
	n.stop() // the parts are measured alone
	parts, err := b.liveParts(url, most/2)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		name string
		of   float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		limit, each := time.Duration(0), []string(nil)
		for _, p := range parts {
			limit += p.latency.Quantile(q.of)
			each = append(each, p.name+" "+short(p.latency.Quantile(q.of)))
		}
		ours := out.Seen.Quantile(q.of)
		ratio := ours.Seconds() / limit.Seconds()
		wanted, met := atMost(ratio, 2)
		if q.of == 0.99 {
			wanted, met = wanted+", < 20 ms", met && ours < 20*time.Millisecond
		}
		b.results.add(row{Group: "f", What: fmt.Sprintf("device to dashboard through Redis %s, %s", q.name, perSecond(most/2)), Limit: short(limit), Ours: short(ours), Ratio: ratio,
			Wanted: wanted, Met: met, Note: fmt.Sprintf("%s; %.1f %% seen", strings.Join(each, " + "), 100*float64(out.Updates)/float64(out.Records))})
	}
	return nil
}

// mostLive finds the highest rate of which a dashboard sees everything without falling behind.
func mostLive(fleet *process, length float64) (float64, error) {
	rate := 0.0
	for offer := 4000.0; offer < 1e6; offer *= 1.5 {
		out, err := command(fleet, &order{Do: "open", Rate: offer, Seconds: length})
		if err != nil {
			return 0, err
		}
		if rate > 0 && (float64(out.Updates) < 0.98*float64(out.Records) || out.Seen.Quantile(0.5) > 100*time.Millisecond) {
			break
		}
		rate = offer
	}
	return rate, nil
}

// part is one step of the way, by itself.
type part struct {
	name    string
	latency *load.Histogram
}

// liveParts measures the steps: the durable answer, Redis, and a WebSocket.
func (b *bench) liveParts(url string, rate float64) ([]part, error) {
	length := time.Duration(2 * b.seconds * float64(time.Second))
	r, err := startRig(rigOptions{name: "gateway", serverOrder: serverOrder{Kind: "gateway", Protocol: "gt06", Window: defaultWindow}, records: 1,
		connections: min(liveDevices, b.rows)})
	if err != nil {
		return nil, err
	}
	answered, err := r.drive(order{Do: "open", Rate: rate, Seconds: 2 * b.seconds})
	r.stop()
	if err != nil {
		return nil, err
	}
	throughRedis, err := redisAlone(url, rate, length)
	if err != nil {
		return nil, fmt.Errorf("through Redis alone: %w", err)
	}
	throughSocket, err := socketAlone(rate, length)
	if err != nil {
		return nil, fmt.Errorf("through a WebSocket alone: %w", err)
	}
	return []part{{"durable answer", answered.Latency}, {"Redis", throughRedis}, {"WebSocket", throughSocket}}, nil
}

// paced calls f with the number of what is due, at each beat.
func paced(rate float64, length time.Duration, f func(n int) error) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	begun, done := time.Now(), 0
	for now := range tick.C {
		if now.Sub(begun) >= length {
			return nil
		}
		if n := int(rate*now.Sub(begun).Seconds()) - done; n > 0 {
			done += n
			if err := f(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// payload is as long as an event, with the time in front.
func payload() []byte {
	return strconv.AppendInt(make([]byte, 0, 512), time.Now().UnixNano(), 10)
}

const eventBytes = 330 // of a GT06 location as JSON

func padded(b []byte) []byte { return append(b, make([]byte, eventBytes-len(b))...) }

func stampOf(b []byte) (time.Duration, bool) {
	b, _, _ = cutZero(b)
	at, err := strconv.ParseInt(string(b), 10, 64)
	return time.Duration(time.Now().UnixNano() - at), err == nil
}

func cutZero(b []byte) (before, after []byte, ok bool) {
	for i, c := range b {
		if c == 0 {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}

// redisAlone publishes at that rate, in pipelines of what is due, to one subscriber.
func redisAlone(url string, rate float64, length time.Duration) (*load.Histogram, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := redis.NewClient(o)
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sub := c.Subscribe(ctx, "bench")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		return nil, err
	}
	h := new(load.Histogram)
	go func() {
		for m := range sub.Channel() {
			if d, ok := stampOf([]byte(m.Payload)); ok {
				h.Add(d, 1)
			}
		}
	}()
	err = paced(rate, length, func(n int) error {
		b := padded(payload())
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range n {
				p.Publish(ctx, "bench", b)
			}
			return nil
		})
		return err
	})
	return h, err
}

// socketAlone sends messages of what is due over one WebSocket.
func socketAlone(rate float64, length time.Duration) (*load.Histogram, error) {
	sent := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			sent <- err
			return
		}
		defer c.Close()
		sent <- paced(rate, length, func(n int) error {
			b := padded(payload())
			for range n - 1 {
				b = append(b, make([]byte, eventBytes)...)
			}
			return c.WriteMessage(websocket.TextMessage, b)
		})
	}))
	defer server.Close()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	h := new(load.Histogram)
	for {
		_, m, err := c.ReadMessage()
		if err != nil {
			return h, <-sent
		}
		if d, ok := stampOf(m); ok {
			h.Add(d, len(m)/eventBytes)
		}
	}
}

// startRedis runs a server that keeps nothing on disk.
func startRedis() (url string, stop func(), err error) {
	addr, err := freeAddress()
	if err != nil {
		return "", nil, err
	}
	_, port, _ := strings.Cut(addr, ":")
	var said tail
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if err = c.Ping(context.Background()).Err(); err == nil {
			return "redis://" + addr, stop, nil
		}
		if time.Now().After(end) {
			stop()
			return "", nil, fmt.Errorf("redis-server: %w: %s", err, said.String())
		}
	}
}
