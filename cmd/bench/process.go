//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A part of a benchmark that must not share memory or descriptors with another runs as a process of its own: this same program, told by the environment
// which part it is. It is asked and answers in lines of JSON, and ends when its input does.

// partVariable holds the name of the part.
const partVariable = "BENCH_PART"

// parts are what a process can be.
var parts = map[string]func(request func(any) error, answer func(any) error) error{
	"server": servePart,
	"fleet":  fleetPart,
	"crowd":  crowdPart,
}

// runPart is the main function of a part.
func runPart(name string) error {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	err := parts[name](func(v any) error { return in.Decode(v) }, func(v any) error { return out.Encode(v) })
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// process is a part as the program that started it sees it.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

func startPart(name string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), partVariable+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, nil
}

// ask sends a request and reads its answer.
func (p *process) ask(request, answer any) error {
	if err := p.enc.Encode(request); err != nil {
		return fmt.Errorf("%s ended: %w", p.cmd.Path, err)
	}
	if err := p.dec.Decode(answer); err != nil {
		return fmt.Errorf("%s ended: %w", p.cmd.Path, err)
	}
	return nil
}

// stop ends the part and waits for it.
func (p *process) stop() {
	p.in.Close()
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		<-done
	}
}

// usage is what a process has used so far.
type usage struct {
	CPU      time.Duration // user and system
	User     time.Duration
	Resident int64 // bytes
}

// tick is the unit of processor time in /proc.
const tick = 10 * time.Millisecond

// used reads the usage of a process and of its children that have ended.
func used(pid int) (u usage, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(after)
	if len(f) < 22 {
		return u, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(f[i], 10, 64); return n }
	u.User = time.Duration(number(11)) * tick
	u.CPU = u.User + time.Duration(number(12))*tick
	u.Resident = number(21) * int64(os.Getpagesize())
	return u, nil
}

// busy is the processor time that all processes and the kernel have had (proc(5), /proc/stat): all columns but idle, iowait, steal and those of guests.
func busy() (time.Duration, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	f := strings.Fields(line)
	if len(f) < 8 || f[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7} { // user, nice, system, irq, softirq
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
