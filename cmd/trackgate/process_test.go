package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the program: a test that needs a process of its own starts itself again, with the race detector.
func TestMain(m *testing.M) {
	if os.Getenv("TRACKGATE_TEST_MAIN") != "" {
		if len(os.Args) < 2 || os.Args[1] != "simulate" { // which starts itself again
			os.Unsetenv("TRACKGATE_TEST_MAIN")
		}
		if name := os.Getenv("TRACKGATE_TEST_DISK"); name != "" {
			syncJournal = newBadDisk(name).sync
		}
		main()
		return
	}
	os.Exit(m.Run())
}

const testSecret = "0123456789abcdef0123456789abcdef"

// process is a running trackgate.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan error

	mu  sync.Mutex
	out strings.Builder
}

// command makes a trackgate command with only the environment given.
func command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append([]string{"TRACKGATE_TEST_MAIN=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	return c
}

// run runs a command to its end and returns what it printed.
func run(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	out, err := command(t.Context(), env, args...).CombinedOutput()
	return string(out), err
}

// start starts a process; it is killed at the end of the test if it still runs.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: command(context.Background(), env, args...), done: make(chan error, 1)}
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			p.mu.Lock()
			p.out.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("%v said:\n%s", args, p.said())
		}
	})
	return p
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// stop asks the process to end and waits for it.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Fatalf("ended with %v:\n%s", err, p.said())
		}
	case <-time.After(15 * time.Second):
		p.t.Fatalf("does not end:\n%s", p.said())
	}
}

// ready waits until the node at this HTTP address says that it is.
func (p *process) ready(addr string) {
	p.t.Helper()
	until(p.t, "ready", func() bool {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until waits for what another process brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// freePort is an address on which nothing listens, TCP nor UDP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		if u, err := net.ListenPacket("udp", addr); err == nil {
			u.Close()
			return addr
		}
	}
	t.Fatal(fmt.Errorf("no free port"))
	return ""
}
