// Package redistest starts a Redis for a test.
package redistest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Start runs a redis-server on a free port, with nothing kept on disk, and stops it when the test ends. Without the program the test is
// skipped, or fails where TRACKGATE_TEST_ALL=1 says that nothing may be.
func Start(tb testing.TB) (url string) {
	tb.Helper()
	return New(tb).URL
}

// Server is a Redis that a test can stop and start again.
type Server struct {
	URL  string
	tb   testing.TB
	port string
	path string
	dir  string
	args []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// New is Start for tests that need the server itself; args are arguments of the program.
func New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
			tb.Fatal("redis-server is not installed")
		}
		tb.Skip("redis-server is not installed")
	}
	port := freePort(tb)
	s := &Server{URL: "redis://127.0.0.1:" + port, tb: tb, port: port, path: path, dir: tb.TempDir(), args: args}
	s.Up()
	tb.Cleanup(s.Down)
	return s
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Up starts the server and waits until it answers.
func (s *Server) Up() {
	s.tb.Helper()
	s.cmd = exec.Command(s.path, append([]string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir}, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for !s.answers() {
		if time.Now().After(deadline) {
			s.Down()
			s.tb.Fatalf("redis-server does not answer: %s", s.log.String())
		}
		time.Sleep(5 * time.Millisecond) // another process starts in its own time
	}
}

func (s *Server) answers() bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(c, "PING\r\n")
	var b [5]byte
	_, err = c.Read(b[:])
	return err == nil && bytes.HasPrefix(b[:], []byte("+PONG"))
}

// Pause stops the server where it is: it still takes connections, and answers nothing. Resume lets it go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// Down kills the server; it may be called twice.
func (s *Server) Down() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}
