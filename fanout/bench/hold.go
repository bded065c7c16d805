package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spareFiles are descriptors that a process needs beside its connections.
const spareFiles = 1000

// hold has one small machine keep very many connections: as many processes, of servers and of load, as the limit of descriptors asks for. An event at the end
// tells how many of them are alive.
func (b *bench) hold(*contender, *process) ([]figure, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	parts := (b.held + int(limit.Cur) - spareFiles - 1) / (int(limit.Cur) - spareFiles)
	var servers []*process
	var holders []*holder
	defer func() {
		for _, h := range holders {
			h.stop()
		}
		for _, p := range servers {
			p.stop()
		}
	}()
	empty, resident := int64(0), int64(0)
	for range parts {
		p, err := b.startTrackgate()
		if err != nil {
			return nil, err
		}
		servers = append(servers, p)
		empty += p.resident()
	}
	began := time.Now()
	for i, p := range servers {
		from, to := b.held*i/parts, b.held*(i+1)/parts
		h, err := b.startHolder(p.addr, from, to-from)
		if err != nil {
			return nil, err
		}
		holders = append(holders, h)
	}
	for _, h := range holders {
		if _, err := h.says("held"); err != nil {
			return nil, err
		}
	}
	took := time.Since(began)
	time.Sleep(b.settle)
	for _, p := range servers {
		resident += p.resident()
	}
	pub, err := newPublisher(b.redis.addr, b.began, 1)
	if err != nil {
		return nil, err
	}
	defer pub.close()
	pub.one(0, time.Now())
	if err := pub.flush(); err != nil {
		return nil, err
	}
	alive := 0
	for _, h := range holders {
		n, err := h.count()
		if err != nil {
			return nil, err
		}
		alive += n
	}
	what := fmt.Sprintf("%s connections on one node", thousands(float64(b.held)))
	return []figure{
		{what: what + ": that an event reached", value: float64(alive), bar: atLeast(float64(b.held)), note: fmt.Sprintf("%d processes, of at most %d descriptors", parts, limit.Cur)},
		{what: what + ": each", value: float64(resident-empty) / float64(b.held) / 1024, unit: "KiB", bar: atMost(3)},
		{what: what + ": all processes", value: float64(resident) / (1 << 20), unit: "MiB"},
		{what: what + ": opened", value: float64(b.held) / took.Seconds(), unit: "/s", more: true},
	}, nil
}

// holder is a process of the load that holds connections.
type holder struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	late *time.Timer
}

// holdFor bounds the life of a holder.
const holdFor = 3 * time.Minute

// startHolder starts this program once more, as the other end of n connections; its core is this process's own.
func (b *bench) startHolder(addr string, first, n int) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-hold", addr)
	cmd.Env = append(os.Environ(), holdEnv+"="+fmt.Sprint(first, n))
	cmd.Stderr = os.Stderr
	h := &holder{cmd: cmd}
	if h.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h.out = bufio.NewScanner(out)
	h.late = time.AfterFunc(holdFor, func() { cmd.Process.Kill() })
	return h, nil
}

// says waits for a line that begins so, and returns the rest of it.
func (h *holder) says(begin string) (string, error) {
	for h.out.Scan() {
		if rest, ok := strings.CutPrefix(h.out.Text(), begin+" "); ok {
			return rest, nil
		}
	}
	return "", fmt.Errorf("the holder of connections ended before it said %q", begin)
}

// count is how many of the connections have heard an event.
func (h *holder) count() (int, error) {
	if _, err := fmt.Fprintln(h.in, "count"); err != nil {
		return 0, err
	}
	text, err := h.says("heard")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (h *holder) stop() {
	h.late.Stop()
	h.cmd.Process.Kill()
	h.cmd.Wait() //nolint:errcheck // it was killed
}

// holdEnv tells a holder which clients it is.
const holdEnv = "BENCH_FANOUT_HOLD"

// holdConnections is the life of a holder: it opens its connections, says so, and tells how many have heard an event when asked.
func holdConnections(addr string, in io.Reader, out io.Writer) error {
	var first, n int
	if _, err := fmt.Sscan(os.Getenv(holdEnv), &first, &n); err != nil {
		return fmt.Errorf("%s: %w", holdEnv, err)
	}
	moreFiles()
	crowd := &crowd{clients: make([]*client, n), heard: &heard{began: time.Now()}}
	defer crowd.leave()
	if err := together(n, func(i int) error { // read at once: who answers no ping is closed before the last has come
		k, err := dial(addr, plain, newToken(first+i), 1<<10, crowd.heard)
		if err != nil {
			return err
		}
		crowd.clients[i] = k
		if err := k.track(0, 1); err != nil {
			return err
		}
		return crowd.listen(i)
	}); err != nil {
		return err
	}
	fmt.Fprintln(out, "held", n)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		for deadline := time.Now().Add(20 * time.Second); crowd.heard.delivered.Load() < int64(n) && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Fprintln(out, "heard", crowd.heard.delivered.Load())
	}
	return nil
}
