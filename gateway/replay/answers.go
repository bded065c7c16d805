package replay

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// Verdict is what became of an answer that the capture shows.
type Verdict uint8

const (
	Equal   Verdict = iota // the same bytes
	Differs                // other bytes: an answer that holds the time, say
	Missing                // none in time
)

func (v Verdict) String() string { return [...]string{"equal", "differs", "missing"}[v] }

// maxAnswer is how many bytes of answers may lie unread; what a server says beyond is counted and dropped.
const maxAnswer = 1 << 20

// settleTime is how long answers that differ may still turn into the one expected: a server may say something else before it.
const settleTime = 20 * time.Millisecond

// answers collects what a server says on one connection.
type answers struct {
	arrived chan struct{} // something came, or the connection ended
	done    chan struct{} // the reader has returned

	mu    sync.Mutex
	buf   []byte
	extra int   // bytes that nobody expected
	err   error // why nothing more will come
}

// listen reads conn until it ends. The reader's goroutine ends when conn is closed.
func listen(conn net.Conn) *answers {
	a := &answers{arrived: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		b := make([]byte, 64<<10)
		for {
			n, err := conn.Read(b)
			a.mu.Lock()
			keep := min(n, maxAnswer-len(a.buf))
			a.buf = append(a.buf, b[:keep]...)
			a.extra += n - keep
			a.err = err
			a.mu.Unlock()
			select {
			case a.arrived <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

// expect waits until want came, or something that is not want and stays, or timeout has passed. It takes what it judges.
func (a *answers) expect(done <-chan struct{}, want []byte, timeout time.Duration) (Verdict, []byte) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	var settled <-chan time.Time
	over := false
	for {
		a.mu.Lock()
		if i := bytes.Index(a.buf, want); i >= 0 {
			a.extra += i
			a.buf = a.buf[i+len(want):]
			a.mu.Unlock()
			return Equal, want
		}
		have := len(a.buf)
		if over || a.err != nil {
			got := bytes.Clone(a.buf[:min(have, len(want))])
			a.buf = a.buf[len(got):]
			a.mu.Unlock()
			if len(got) == 0 {
				return Missing, nil
			}
			return Differs, got
		}
		a.mu.Unlock()
		if have >= len(want) && settled == nil {
			t := time.NewTimer(settleTime)
			defer t.Stop()
			settled = t.C
		}
		select {
		case <-a.arrived:
		case <-settled:
			over = true
		case <-late.C:
			over = true
		case <-done:
			over = true
		}
	}
}

// flush takes what nobody expected.
func (a *answers) flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.extra += len(a.buf)
	a.buf = nil
}

// ended tells whether the server hung up, or the network did.
func (a *answers) ended() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}
