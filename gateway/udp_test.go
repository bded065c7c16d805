package gateway

import (
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols/all"
)

// TestUDPNeverReflects sends everything that devices were ever recorded to send, as datagrams, whole and damaged: what comes back is never more than
// was sent, and nothing to what is no valid frame. To devices that are not accepted nothing is said at all.
func TestUDPNeverReflects(t *testing.T) {
	for _, policy := range []string{"accept", "reject"} {
		t.Run(policy, func(t *testing.T) {
			r := startServing(t, all.Protocols, t.TempDir(), newMemory(), func(c *Config, _ *journal.Config) { c.Unknown = policy })
			u := newReflection(t, r)
			u.accepts = policy == "accept"
			random := rand.New(rand.NewPCG(5, 6))
			for _, k := range readCaptures(t) {
				whole, damaged := u.dial(), u.dial()
				for _, b := range k.c.Segments() {
					if len(b) == 0 || len(b) > 60_000 {
						continue
					}
					u.send(whole, k.p.Name, b)
					if !u.accepts {
						continue
					}
					bad := append([]byte(nil), b...)
					bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
					u.send(damaged, k.p.Name+", damaged", bad)
				}
				whole.Close()
				damaged.Close()
			}
			t.Logf("%d datagrams, of which %d were answered", u.datagrams, u.answered)
			if (u.answered > 0) != (policy == "accept") {
				t.Errorf("%d datagrams were answered", u.answered)
			}
		})
	}
}

// reflection is a sender of datagrams that watches what comes back.
type reflection struct {
	t                   *testing.T
	r                   *rig
	server              *udpServer
	sentinel            *net.UDPConn
	bytesIn             float64
	datagrams, answered int
	accepts             bool
	valid               float64              // frames so far
	owed                map[*net.UDPConn]int // bytes sent and not answered
	buf                 []byte
}

func newReflection(t *testing.T, r *rig) *reflection {
	u := &reflection{t: t, r: r, buf: make([]byte, 64<<10), owed: make(map[*net.UDPConn]int)}
	for _, s := range r.udp {
		if s.listener.name() == "any" {
			u.server = s
		}
	}
	u.sentinel = u.dial()
	return u
}

func (u *reflection) dial() *net.UDPConn {
	c, err := net.DialUDP("udp", nil, u.server.conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { c.Close() })
	return c
}

// settle waits until the server has done with all datagrams, and returns how many frames it has found valid so far. The datagram of the sentinel comes
// behind all others, and is counted when those are done.
func (u *reflection) settle() (valid float64) {
	u.write(u.sentinel, []byte{0xff})
	for deadline := time.Now().Add(20 * time.Second); ; {
		var m dto.Metric
		u.r.core.bytesIn.Write(&m)
		if m.GetCounter().GetValue() == u.bytesIn && u.r.core.committer.idle() {
			break
		}
		runtime.Gosched()
		if time.Now().After(deadline) {
			u.t.Fatalf("%v bytes were sent, %v came", u.bytesIn, m.GetCounter().GetValue())
		}
	}
	found := make(chan prometheus.Metric)
	go func() { u.r.core.m.frames.Collect(found); close(found) }()
	for c := range found {
		var m dto.Metric
		c.Write(&m)
		if matches(&m, []string{"result", "ok"}) {
			valid += m.GetCounter().GetValue()
		}
	}
	return valid
}

func (u *reflection) write(c *net.UDPConn, b []byte) {
	if _, err := c.Write(b); err != nil {
		u.t.Fatal(err)
	}
	u.bytesIn += float64(len(b))
}

// waiting reads what came back and returns its size.
func (u *reflection) waiting(c *net.UDPConn) (bytes int) {
	raw, err := c.SyscallConn()
	if err != nil {
		u.t.Fatal(err)
	}
	for n := 1; n > 0; bytes += max(n, 0) {
		if err := raw.Read(func(fd uintptr) bool {
			n, _, err = unix.Recvfrom(int(fd), u.buf, unix.MSG_DONTWAIT)
			return true
		}); err != nil {
			u.t.Fatal(err)
		}
	}
	return bytes
}

// send sends a datagram and judges what comes back.
func (u *reflection) send(c *net.UDPConn, what string, b []byte) {
	u.t.Helper()
	u.write(c, b)
	valid := u.settle() - u.valid
	u.valid += valid
	back := u.waiting(c)
	u.datagrams++
	u.owed[c] += len(b) - back
	if back == 0 {
		return
	}
	u.answered++
	if u.owed[c] < 0 {
		u.t.Errorf("%s: %d bytes are answered with %d, %d more than came from the address", what, len(b), back, -u.owed[c])
	}
	if !u.accepts {
		u.t.Errorf("%s: a device that is not accepted is answered: % x", what, b[:min(len(b), 40)])
	}
	if valid == 0 {
		u.t.Errorf("%s: %d bytes that are no valid frame are answered with %d: % x", what, len(b), back, b[:min(len(b), 40)])
	}
}
