package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/cmd/trackgate/inspect"
	"github.com/trackgate/trackgate/gateway/replay"
	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/all"
)

func newDecode() *cobra.Command {
	var protocol string
	var jsonl, explained bool
	c := &cobra.Command{
		Use:   "decode [--protocol P] [--jsonl] [--explain] [HEX|TEXT|FILE...]",
		Short: "Show what the bytes of a device mean",
		Long: `Decode shows frame by frame what a device's bytes mean: events, the answer owed, and where and why a frame is refused.

Arguments are frames in hex, text ("quoted" with escapes, or as it is), or capture files (.tcp, .udp, .pcap, .pcapng). Without
arguments each line of standard input is one frame. The frames follow each other as on one connection: a login names the device of those after it.
The protocol is told by the bytes unless --protocol names it.

With --jsonl and no arguments, each line of standard input is a JSON object
  {"session":"s1","kind":"hex","input":"...","protocol":"gt06"}
where kind is hex or text and protocol may be left out, and is answered with one line
  {"device":...,"events":[...],"replies":["hex",...],"error":null}
With --explain each byte of an accepted frame is named: the field that it feeds, its value and the rule that read it. In JSON the line ends in
  "explain":[{"frame":0,"offset":11,"length":4,"depth":0,"raw":"05be31f8","name":"lat","event":0,"field":true,"value":53.5281733,"rule":"u32 big endian / 1,800,000"},...]
An event's keys are the same everywhere in Trackgate. No registry, login rule or clock is applied.

Protocols: ` + strings.Join(names(), ", "),
		Example: `  trackgate decode 78780d01012345678901234500018cdd0d0a
  trackgate decode --protocol teltonika 000f333532303933303836343033363535
  trackgate decode testdata
  echo '{"session":"s1","kind":"hex","input":"000f333532303933303836343033363535"}' | trackgate decode --jsonl`,
		RunE: func(c *cobra.Command, args []string) error {
			d := &inspect.Decoder{Protocols: all.Protocols, Explain: explained}
			if protocol != "" {
				var err error
				if d.Default, err = d.ByName(protocol); err != nil {
					return fmt.Errorf("%w; there are: %s", err, strings.Join(names(), ", "))
				}
			}
			in, out := c.InOrStdin(), c.OutOrStdout()
			if jsonl && len(args) == 0 {
				return untilInterrupted(c.Context(), func() error { return d.Lines(in, out) })
			}
			if len(args) == 0 {
				if file, ok := in.(*os.File); ok && isTerminal(file) {
					fmt.Fprintln(c.ErrOrStderr(), "One frame a line, in hex or as text. Ctrl-D ends.")
				}
				return untilInterrupted(c.Context(), func() error { return decodeLines(d, in, out) })
			}
			w := bufio.NewWriter(out)
			defer w.Flush()
			return decodeArguments(d, args, w, jsonl)
		},
	}
	c.Flags().StringVar(&protocol, "protocol", "", "the protocol of frames that name none")
	c.Flags().BoolVar(&jsonl, "jsonl", false, "JSON, one line for each frame")
	c.Flags().BoolVar(&explained, "explain", false, "name every byte: what it means, and the rule that read it")
	return c
}

// decodeArguments decodes frames and capture files, all those of one connection in one session. It fails when a frame given as an argument is refused; in
// a capture a refused frame is part of what happened.
func decodeArguments(d *inspect.Decoder, args []string, w io.Writer, jsonl bool) error {
	failed := false
	show := func(r inspect.Result) {
		if jsonl {
			w.Write(r.AppendJSON(nil))
		} else {
			r.Write(w)
		}
	}
	for _, arg := range args {
		if _, err := os.Stat(arg); err == nil {
			loader := replay.Loader{ServerPort: isDevicePort, Note: func(s string) { fmt.Fprintln(os.Stderr, s) }}
			list, err := loader.Load(arg)
			if err != nil {
				return err
			}
			for i := range list {
				if !jsonl {
					fmt.Fprintf(w, "== %s\n", list[i].Name)
				}
				d.Conversation(&list[i], captureProtocol(list[i].Name, d), show)
			}
			continue
		}
		b, err := inspect.FromArgument(arg)
		if err != nil {
			return fmt.Errorf("%q is no file, and as hex: %w", shorten(arg), err)
		}
		r := d.Decode("", nil, b)
		failed = failed || r.Fault() != ""
		show(r)
	}
	if failed && !jsonl {
		return errSilent
	}
	return nil
}

// captureProtocol is the protocol that a capture of ours is filed under; nil: its bytes tell.
func captureProtocol(name string, d *inspect.Decoder) *protocols.Protocol {
	if d.Default != nil {
		return d.Default
	}
	return all.ByName(folder(name))
}

// decodeLines decodes each line of in.
func decodeLines(d *inspect.Decoder, in io.Reader, out io.Writer) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, inspect.MaxLine)
	failed := false
	for scan.Scan() {
		text := strings.TrimSpace(scan.Text())
		if text == "" {
			continue
		}
		b, err := inspect.FromArgument(text)
		r := inspect.Result{Err: err}
		if err == nil {
			r = d.Decode("", nil, b)
		}
		failed = failed || r.Fault() != ""
		r.Write(out)
	}
	if err := scan.Err(); err != nil {
		return err
	}
	if failed {
		return errSilent
	}
	return nil
}

// untilInterrupted runs read, which waits for standard input, and returns when ctx ends although the wait goes on: a read of a terminal can not be
// called off, and the process ends anyway.
func untilInterrupted(ctx context.Context, read func() error) error {
	done := make(chan error, 1)
	go func() { done <- read() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errSilent
	}
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

func names() []string {
	var out []string
	for _, p := range all.Protocols {
		out = append(out, p.Name)
	}
	return out
}
