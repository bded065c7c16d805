package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// process is one of the programs under test, on the core that it was given.
type process struct {
	name string
	addr string // host:port of its listener
	cmd  *exec.Cmd
	log  bytes.Buffer
	core int
}

// start runs a program on one core and waits until ready says that it answers.
func (b *bench) start(name, addr string, core int, env []string, ready func(addr string) bool, argv ...string) (*process, error) {
	if core >= 0 {
		argv = append([]string{"taskset", "-c", strconv.Itoa(core)}, argv...)
	}
	p := &process{name: name, addr: addr, core: core, cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b.mu.Lock()
	b.started = append(b.started, p)
	b.mu.Unlock()
	for deadline := time.Now().Add(30 * time.Second); !ready(addr); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("%s does not answer:\n%s", name, p.log.String())
		}
	}
	if on, own := runsOn(p.cmd.Process.Pid), runsOn(os.Getpid()); core >= 0 && (on != strconv.Itoa(core) || own == on && core != b.loadCore) {
		p.stop()
		return nil, fmt.Errorf("%s runs on core %s and what measures it on %s: it would be another measurement", name, on, own)
	}
	return p, nil
}

// runsOn is the list of cores that a process may run on, in the kernel's words.
func runsOn(pid int) string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, list, _ := strings.Cut(string(raw), "Cpus_allowed_list:\t")
	list, _, _ = strings.Cut(list, "\n")
	return list
}

// stop kills the program and waits for its end.
func (p *process) stop() {
	p.cmd.Process.Kill()
	p.cmd.Wait() //nolint:errcheck // it was killed
}

// answersHTTP says whether a server answers the health check that the founding document names.
func answersHTTP(addr string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/health/realtime", nil)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// answersPing says whether a Redis answers.
func answersPing(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(c, "PING\r\n")
	var b [5]byte
	_, err = c.Read(b[:])
	return err == nil && string(b[:]) == "+PONG"
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// resident is the memory of the process in bytes, as the kernel counts it.
func (p *process) resident() int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	f := strings.Fields(string(raw) + " 0 0")
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// tick is the unit of time in /proc, which Linux fixes for programs whatever the kernel's own.
const tick = time.Second / 100

// cpu is the time that the process has used, kernel included.
func (p *process) cpu() time.Duration {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(raw), ") ") // behind the program's name, which may hold spaces
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * tick
}

// busy is the time that the process's core has worked for anybody.
func (p *process) busy() time.Duration {
	raw, _ := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if f[0] != "cpu"+strconv.Itoa(p.core) {
			continue
		}
		var sum int64
		for i, v := range f[1:9] {
			n, _ := strconv.ParseInt(v, 10, 64)
			if i != 3 && i != 4 { // idle, waiting for a disk
				sum += n
			}
		}
		return time.Duration(sum) * tick
	}
	return 0
}

// machine describes what the figures were measured on.
func machine() string {
	model, memory, cores := "?", "?", 0 // runtime.NumCPU counts those that this process is kept to
	raw, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(raw)) {
		switch k, v, _ := strings.Cut(line, ":"); strings.TrimSpace(k) {
		case "processor":
			cores++
		case "model name":
			model = strings.TrimSpace(v)
		}
	}
	raw, _ = os.ReadFile("/proc/meminfo")
	if f := strings.Fields(string(raw)); len(f) > 1 {
		kib, _ := strconv.ParseInt(f[1], 10, 64)
		memory = fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores (%s), %s, Linux %s", cores, model, memory, strings.TrimSpace(string(kernel)))
}

// version is the first line that a program prints about itself.
func version(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		return argv[0] + " ?"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
