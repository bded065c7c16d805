package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
)

// The event-loop library has traps, each of which lost data or the whole process when it was first met. These tests hold the gateway clear of them.

// TestLateAnswerNeverReachesAnother has a device vanish while its record is being synced, and others take over its descriptor.
func TestLateAnswerNeverReachesAnother(t *testing.T) {
	var slow atomic.Bool
	release := make(chan struct{})
	r := start(t, func(c *Config, j *journal.Config) {
		j.Sync = func(f *os.File) error {
			if slow.CompareAndSwap(true, false) {
				<-release
			}
			return f.Sync()
		}
	})
	gone := r.dial("tcp", r.addr)
	gone.say("login A\n")
	gone.hear("ok")
	slow.Store(true)
	gone.say("fix %d 1 1\n", time.Now().Unix())
	r.until("being synced", func() bool { return r.counter("records_total") == 1 })
	gone.Close()
	r.until("closed", func() bool { return r.counter("connections", "protocol", "any") == 0 })
	var heirs []*peer
	for i := range 5 {
		p := r.dial("tcp", r.addr)
		p.say("login H%d\n", i)
		heirs = append(heirs, p)
	}
	for _, p := range heirs {
		p.hear("ok")
	}
	close(release)
	for _, p := range heirs {
		p.say("beat\n")
		p.hear("beat") // and not the answer to another's fix
	}
}

// TestTooManyConnections refuses what is beyond the limit, forgets it entirely, and lets in again what fits.
func TestTooManyConnections(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Connections = 3 })
	var in []*peer
	for i := range 3 {
		p := r.dial("tcp", r.addr)
		p.say("login D%d\n", i)
		p.hear("ok")
		in = append(in, p)
	}
	for range 5 {
		r.dial("tcp", r.addr).gone()
	}
	if got := r.counter("limits_hit_total", "limit", "connections"); got != 5 {
		t.Errorf("counted %v refusals, want 5", got)
	}
	if got := r.counter("connections", "protocol", "any"); got != 3 {
		t.Errorf("counted %v connections, want 3", got)
	}
	in[0].Close()
	r.until("room again", func() bool { return r.counter("connections", "protocol", "any") == 2 })
	p := r.dial("tcp", r.addr)
	p.say("login E\n")
	p.hear("ok")
}

// TestFloodWhileStalled bounds what a peer can make the gateway hold while it takes nothing; one that waits loses nothing.
func TestFloodWhileStalled(t *testing.T) {
	var broken atomic.Bool
	r := start(t, func(c *Config, j *journal.Config) {
		j.Sync = func(f *os.File) error {
			if broken.Load() {
				return errors.New("disk gone")
			}
			return f.Sync()
		}
	})
	patient, flood := r.dial("tcp", r.addr), r.dial("tcp", r.addr)
	patient.say("login P\n")
	patient.hear("ok")
	flood.say("login F\n")
	flood.hear("ok")
	broken.Store(true)
	patient.say("beat\n")
	r.until("stalled", func() bool { return r.counter("stalled") == 1 })
	patient.say("fix %d 1 1\n", time.Now().Unix())
	for block := []byte(strings.Repeat("beat\n", 10_000)); ; {
		if _, err := flood.Write(block); err != nil {
			break
		}
	}
	r.until("the flood is counted", func() bool { return r.counter("closes_total", "reason", "flood") == 1 })
	broken.Store(false)
	patient.hear("beat")
	patient.hear("1")
}

// TestJournalOutOfRoom fills the journal's own limit while the store is away: answers stop, and go on once the store takes records again.
func TestJournalOutOfRoom(t *testing.T) {
	dir, store := t.TempDir(), newMemory()
	store.setFail(errors.New("database is away"))
	r := startIn(t, dir, store, func(c *Config, j *journal.Config) { j.SegmentBytes, j.MaxBytes = 1<<20, 3<<20 })
	p := r.dial("tcp", r.addr)
	p.say("login A\n")
	p.hear("ok")
	long := "many 10 " + fmt.Sprint(time.Now().Unix()) + strings.Repeat(" ", 3000) + "\n"
	answered := 0
	for {
		p.say("%s", long)
		p.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := p.r.ReadString('\n'); err != nil {
			break // no answer: there is no room
		}
		answered++
	}
	if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("ready says %v, want the reason", err)
	}
	if answered < 100 {
		t.Fatalf("only %d frames fitted", answered)
	}
	store.setFail(nil)
	p.SetReadDeadline(time.Now().Add(20 * time.Second))
	p.hear("10") // the frame that had to wait
	r.until("ready again", func() bool { return r.Ready() == nil })
	store.wait(t, (answered+1)*10)
}

// TestNoDescriptorLeft opens and closes many connections and the whole gateway.
func TestNoDescriptorLeft(t *testing.T) {
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := open()
	r := start(t, nil)
	for i := range 100 {
		p := r.dial("tcp", r.addr)
		p.say("login D%d\n", i)
		p.hear("ok")
		if i%2 == 0 {
			p.Conn.(*net.TCPConn).SetLinger(0) // a reset instead of an end
		}
		p.Close()
	}
	r.until("all gone", func() bool { return r.counter("connections", "protocol", "any") == 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.until("descriptors closed", func() bool { return open() <= before })
}

// TestAcceptErrorIsFatal uses up the files of the process: the event loops then end by themselves and report nothing; Run does.
func TestAcceptErrorIsFatal(t *testing.T) {
	r := start(t, nil)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0) // exists before the limit falls
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	addr, err := net.ResolveTCPAddr("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	r.until("not ready", func() bool { return r.Ready() != nil })
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "open files") {
		t.Errorf("ended with %v, want an error that names the limit of open files", err)
	}
}
