package gateway

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// benchServer names, in the environment, the server that this binary is to be.
const benchServer = "TRACKGATE_TEST_BENCH_SERVER"

// serveIdle is a process with one server, until its input ends.
func serveIdle(kind string) {
	addr := os.Getenv("ADDR")
	var stop func()
	if kind == "limit" {
		stop = runBare(addr)
	} else {
		dir, err := os.MkdirTemp("", "trackgate-bench")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		stop = runGateway(dir, addr)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	stop()
}

// BenchmarkIdleConnection opens many connections that log in and then say nothing, to a bare event loop and to the gateway, each a process of its own,
// and reports the resident memory that each of them costs.
func BenchmarkIdleConnection(b *testing.B) {
	const connections = 8000
	var limit float64
	for _, kind := range []string{"limit", "ours"} {
		b.Run(kind, func(b *testing.B) {
			addr := freePort(b)
			server := exec.Command(os.Args[0])
			server.Env = append(os.Environ(), benchServer+"="+kind, "ADDR="+addr)
			in, _ := server.StdinPipe()
			out, _ := server.StdoutPipe()
			if err := server.Start(); err != nil {
				b.Fatal(err)
			}
			defer server.Wait()
			defer in.Close()
			if _, err := fmt.Fscanln(out, new(string)); err != nil {
				b.Fatal(err)
			}
			before := resident(b, server.Process.Pid)
			for i := range connections {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				imei := []byte{0x01, 0x23, 0x45, 0x67, 0x89, byte(i / 1000), byte(i/100%10)<<4 | byte(i/10%10), byte(i % 10)}
				c.Write(short(1, imei, 1))
				if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
					b.Fatal(err)
				}
			}
			each := float64(resident(b, server.Process.Pid)-before) / connections
			b.ReportMetric(each, "B/connection")
			if kind == "limit" {
				limit = each
			} else {
				b.ReportMetric(each/limit, "ratio")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// resident is the memory of a process in bytes.
func resident(b *testing.B, pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib << 10
}
