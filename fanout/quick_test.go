package fanout

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// quickPair is a quickConn and the plain other end of it.
func quickPair(t *testing.T) (quick, plain net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	quick, err = quickDial(time.Second)(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := quick.(*quickConn); !ok {
		t.Fatalf("a %T, not a quickConn", quick)
	}
	if plain, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { quick.Close(); plain.Close() })
	return quick, plain
}

// TestQuickConnCarries sends, both ways at once, more than the kernel holds, to a peer that is slow to read it.
func TestQuickConnCarries(t *testing.T) {
	quick, plain := quickPair(t)
	sent := make([]byte, 32<<20)
	rand.Read(sent)
	for _, to := range []net.Conn{quick, plain} {
		go func() {
			if n, err := to.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d bytes: %v", n, err)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond) // so that both writers have to wait for their readers
	got := make(chan []byte, 2)
	for _, from := range []net.Conn{quick, plain} {
		go func() {
			b := make([]byte, len(sent))
			if _, err := io.ReadFull(from, b); err != nil {
				t.Error(err)
			}
			got <- b
		}()
	}
	for range 2 {
		if !bytes.Equal(<-got, sent) {
			t.Error("other bytes came than were sent")
		}
	}
}

func TestQuickConnEnds(t *testing.T) {
	quick, plain := quickPair(t)
	b := make([]byte, 16)

	quick.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	var timeout net.Error
	if n, err := quick.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("past its deadline: %d bytes, %v", n, err)
	}
	quick.SetReadDeadline(time.Time{})

	plain.Write([]byte("last"))
	plain.Close()
	if n, err := quick.Read(b); string(b[:max(n, 0)]) != "last" || err != nil {
		t.Errorf("before the end: %q, %v", b[:max(n, 0)], err)
	}
	if n, err := quick.Read(b); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := quick.Write(make([]byte, 1<<20)); err != nil {
			break // the first may still find room
		}
		if time.Now().After(deadline) {
			t.Fatal("writes to a peer that has gone succeed for ever")
		}
	}

	reading := make(chan error)
	quick, _ = quickPair(t)
	go func() { _, err := quick.Read(b); reading <- err }()
	time.Sleep(20 * time.Millisecond)
	quick.Close()
	if err := <-reading; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed under a reader: %v", err)
	}
}

// TestQuickConnAllocatesNothing: every event of a node comes this way.
func TestQuickConnAllocatesNothing(t *testing.T) {
	quick, plain := quickPair(t)
	b := make([]byte, 64)
	if n := testing.AllocsPerRun(100, func() {
		plain.Write(b)
		io.ReadFull(quick, b)
		quick.Write(b)
		io.ReadFull(plain, b)
	}); n > 0 {
		t.Errorf("%v allocations for a read and a write", n)
	}
}
