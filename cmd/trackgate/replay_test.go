package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// execute runs a subcommand as the shell would and returns what it printed.
func execute(ctx context.Context, c *cobra.Command, stdin string, args ...string) (stdout, stderr string, err error) {
	var out, notes bytes.Buffer
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&notes)
	c.SetArgs(append([]string{}, args...)) // nil would mean those of the test
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(ctx)
	return out.String(), notes.String(), err
}

// TestReplayCaptures plays every capture of the project to a gateway of the same decoders: no answer is missing.
func TestReplayCaptures(t *testing.T) {
	d := serveDrain(t)
	out, notes, err := execute(t.Context(), newReplay(), "", "../../testdata", "--to", d.addr, "--speed", "max", "--timeout", "2s")
	if err != nil {
		t.Errorf("%v\n%s%s", err, notes, out)
	}
	for _, want := range []string{"answers missing        0", "failed                 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("summary lacks %q:\n%s", want, out)
		}
	}
}

func TestReplayRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, _, err = execute(t.Context(), newReplay(), "", "../../testdata/teltonika/codec8.tcp", "--to", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "is the gateway running?") {
		t.Errorf("got %v", err)
	}
}

func TestReplayArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{}, "requires at least 1 arg"},
		{[]string{"nowhere.tcp"}, "no such file"},
		{[]string{"../../testdata/teltonika/codec8.tcp", "--speed", "fast"}, "--speed fast"},
		{[]string{"../../testdata/teltonika/codec8.tcp", "--speed", "NaN"}, "--speed NaN"},
		{[]string{"../../testdata/teltonika/codec8.tcp", "--port", "9"}, "no conversation to play"},
		{[]string{"../../testdata/http"}, "no captures"},
	} {
		if _, _, err := execute(t.Context(), newReplay(), "", c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.args, err, c.want)
		}
	}
}

// TestDemo runs the demo against a gateway of the same decoders.
func TestDemo(t *testing.T) {
	d := serveDrain(t)
	start := time.Now()
	out, _, err := execute(t.Context(), newDemo(), "", "--gateway", d.addr, "--to", d.addr, "--vehicles", "4", "--speed", "max", "--duration", "3500ms")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	for _, want := range []string{"4 vehicles", "gt06       bangalore   online", "teltonika  berlin      online", "captures of real devices", "0 missing", "0 lost"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range []string{"001017000000011", "001017000000029", "001017000000037", "001017000000045"} {
		if d.events[id] < 2 {
			t.Errorf("%s sent %d events: %s", id, d.events[id], out)
		}
	}
}

// TestDemoAlone: nobody listens, and the demo says so instead of waiting.
func TestDemoAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, _, err = execute(ctx, newDemo(), "", "--gateway", l.Addr().String(), "--to", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("got %v", err)
	}
}
