//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// node is a running `trackgate serve` with a folder of its own.
type node struct {
	cmd     *exec.Cmd
	dir     string
	devices string // address of the port for any protocol
	http    string
	output  tail
	ended   chan error
	stopped bool
}

// startNode starts the program that is measured; env is added to its environment. The caller stops it; dir stays.
func (b *bench) startNode(dir string, env ...string) (n *node, err error) {
	n = &node{dir: dir, ended: make(chan error, 1)}
	if n.devices, err = freeAddress(); err != nil {
		return nil, err
	}
	if n.http, err = freeAddress(); err != nil {
		return nil, err
	}
	n.cmd = exec.Command(b.trackgate, "serve", "--data", dir, "--any", n.devices, "--http", n.http)
	// What one device may send is not what is measured.
	n.cmd.Env = append(cleanEnvironment(), "TRACKGATE_GATEWAY_REPLAY=", "TRACKGATE_LOG_LEVEL=warn", "TRACKGATE_GATEWAY_LOOPS=1",
		"TRACKGATE_GATEWAY_FRAMES_PER_SECOND=1000000", "TRACKGATE_GATEWAY_BYTES_PER_SECOND=1000000000", "TRACKGATE_GATEWAY_ACCEPT_RATE=1000000")
	n.cmd.Env = append(n.cmd.Env, env...)
	n.cmd.Stdout, n.cmd.Stderr = &n.output, &n.output
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { n.ended <- n.cmd.Wait() }()
	return n, nil
}

// cleanEnvironment is this program's without what would configure Trackgate.
func cleanEnvironment() (env []string) {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "DATABASE_URL", "REDIS_URL", "JWT_SECRET", "JWKS_URL":
		default:
			if !strings.HasPrefix(name, "TRACKGATE_") && !strings.HasPrefix(name, "WS_") {
				env = append(env, pair)
			}
		}
	}
	return env
}

// ready waits until the node takes data.
func (n *node) ready() error {
	return n.until(patience, "ready", func() (bool, error) {
		r, err := http.Get("http://" + n.http + "/readyz")
		if err != nil {
			return false, nil // not yet
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK, nil
	})
}

// until asks again and again.
func (n *node) until(limit time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case err := <-n.ended:
			return fmt.Errorf("trackgate serve ended: %v: %s", err, n.output.String())
		case <-ctx.Done():
			return fmt.Errorf("trackgate serve: not %s within %v: %s", what, limit, n.output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop lets the node drain; it may be called twice.
func (n *node) stop() {
	if n.stopped {
		return
	}
	n.stopped = true
	n.cmd.Process.Signal(os.Interrupt)
	select {
	case <-n.ended:
	case <-time.After(15 * time.Second):
		n.kill()
	}
}

func (n *node) kill() {
	n.cmd.Process.Kill()
	<-n.ended
}

// uncompressed keeps the node from compressing what is read a moment later on the same machine: it was a twelfth of its processor time.
var uncompressed = &http.Client{Transport: &http.Transport{DisableCompression: true}}

// metrics reads the metrics of the node.
func (n *node) metrics() (samples, error) {
	r, err := uncompressed.Get("http://" + n.http + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %s", r.Status)
	}
	var s samples
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		name, value, ok := cutLast(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			s = append(s, sample{name, v})
		}
	}
	return s, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

type sample struct {
	name  string // with labels
	value float64
}

type samples []sample

// sum adds up the samples of a metric whose labels contain all of the texts in with.
func (s samples) sum(name string, with ...string) (v float64) {
next:
	for _, x := range s {
		if x.name != "trackgate_"+name && !strings.HasPrefix(x.name, "trackgate_"+name+"{") {
			continue
		}
		for _, w := range with {
			if !strings.Contains(x.name, w) {
				continue next
			}
		}
		v += x.value
	}
	return v
}

// token is one that may see all vehicles.
func (b *bench) token(dir string, env ...string) (string, error) {
	cmd := exec.Command(b.trackgate, "token", "--data", dir, "--vehicles", "*")
	cmd.Env = append(cleanEnvironment(), env...)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("trackgate token: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// onDisk is the size of a folder without the parts named.
func onDisk(dir string, without ...string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil // removed meanwhile
			}
			return err
		}
		for _, w := range without {
			if d.Name() == w && d.IsDir() {
				return filepath.SkipDir
			}
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, err
}

// tail keeps the last that a process said.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if t.Len() > 1<<16 {
		t.Reset()
	}
	return t.Buffer.Write(p)
}
