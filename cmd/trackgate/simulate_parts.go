package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// partLine is a line that a process which runs a part writes on its standard output.
type partLine struct {
	Progress *load.Report `json:"progress,omitempty"`
	End      *load.Report `json:"end,omitempty"`
}

// simulateThere runs the devices in processes of their own and adds up what they say.
func simulateThere(ctx context.Context, o load.Options, processes int, args []string, tell func(*load.Report)) (*load.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	type said struct {
		part int
		partLine
		err  error
		over bool
	}
	heard := make(chan said)
	for part := range processes {
		cmd := exec.CommandContext(ctx, self, append(args, fmt.Sprintf("--part=%d/%d", part, processes))...)
		cmd.Stderr = os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = o.Grace + 30*time.Second
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err // those that run end when they find nobody who reads
		}
		go func() {
			lines := bufio.NewScanner(out)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				s := said{part: part}
				if json.Unmarshal(lines.Bytes(), &s.partLine) == nil {
					heard <- s
				}
			}
			heard <- said{part: part, err: cmd.Wait(), over: true}
		}()
	}
	latest, ends := make([]*load.Report, processes), make([]*load.Report, processes)
	var failed error
	for running := processes; running > 0; {
		s := <-heard
		switch {
		case s.Progress != nil:
			latest[s.part] = s.Progress
			if s.part == 0 {
				tell(total(latest))
			}
		case s.End != nil:
			ends[s.part] = s.End
			latest[s.part] = s.End
		case s.over:
			running--
			if ends[s.part] == nil && failed == nil {
				failed = fmt.Errorf("process %d of %d ended early: %w", s.part+1, processes, s.err)
			}
		}
	}
	if failed != nil {
		return nil, failed
	}
	return total(ends), nil
}

func total(parts []*load.Report) *load.Report {
	sum := new(load.Report)
	for _, p := range parts {
		if p != nil {
			sum.Add(p)
		}
	}
	return sum
}
