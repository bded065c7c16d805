package gateway

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
)

// TestMuteSockets opens thousands of connections that say nothing, from several addresses: all are gone when the deadline of the first byte has
// passed, and devices that work notice nothing. docs/operating.md says how to do the same with fifty thousand.
func TestMuteSockets(t *testing.T) {
	const mute, honest, deadline = 3500, 10, 3 * time.Second
	r := start(t, func(c *Config, _ *journal.Config) { c.FirstByte = deadline })
	var devices []*peer
	for i := range honest {
		devices = append(devices, r.login(fmt.Sprint("D", i)))
	}
	stop := make(chan struct{})
	waits := make([][]time.Duration, honest) // for each answer
	var working sync.WaitGroup
	for i, p := range devices {
		working.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				begun := time.Now()
				p.SetDeadline(begun.Add(20 * time.Second))
				fmt.Fprintf(p.Conn, "fix %d 1 1\n", begun.Unix())
				if got, err := p.r.ReadString('\n'); err != nil || got != "1\n" {
					t.Errorf("device %d heard %q, %v", i, got, err)
					return
				}
				waits[i] = append(waits[i], time.Since(begun))
			}
		})
	}
	begun := time.Now()
	var sockets []net.Conn
	for i := range mute {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%8))}}
		c, err := d.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sockets = append(sockets, c)
	}
	opened := time.Now()
	if got := r.counter("connections", "protocol", "any"); got < honest+1 {
		t.Errorf("%v connections are open", got)
	}
	for _, c := range sockets {
		c.SetReadDeadline(opened.Add(deadline + 15*time.Second))
		if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatal("a mute socket is answered")
		} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Fatal("a mute socket stays")
		}
	}
	gone := time.Since(opened)
	close(stop)
	working.Wait()
	r.until("all are counted", func() bool { return r.counter("closes_total", "reason", "first_byte") == mute })
	if got := r.counter("connections", "protocol", "any"); got != honest {
		t.Errorf("%v connections are left, want %d", got, honest)
	}
	all := slices.Concat(waits...)
	slices.Sort(all)
	if len(all) < honest*10 {
		t.Fatalf("only %d answers", len(all))
	}
	median, longest := all[len(all)/2], all[len(all)-1]
	t.Logf("%d sockets opened in %v, gone %v later; %d answers, median %v, longest %v", mute, opened.Sub(begun), gone, len(all), median, longest)
	if longest > 2*time.Second {
		t.Errorf("a device waited %v", longest)
	}
}
