package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/gateway/replay"
)

func newReplay() *cobra.Command {
	p := replay.Player{To: replayAddress}
	speed := "1"
	var strict, quiet bool
	var port uint16
	c := &cobra.Command{
		Use:   "replay FILE... [--to HOST:PORT] [--speed N|max]",
		Short: "Play recorded conversations of devices to a gateway",
		Long: `Replay plays captures to a gateway as the devices did: each conversation on its own connection, TCP or UDP as recorded, the same segments in
the same rhythm, and the next one only after the answer that the device had waited for. Answers are compared with those captured.

FILE is a capture of this project (.tcp, .udp), a .pcap or .pcapng, or a folder of such files. The project's own captures hold no times: a second
lies between their segments. By default the gateway's replay listener is dialed, which moves the time of each record to now; any other
port takes old records as what they are.

The exit status is 1 when a conversation could not be played or an answer is missing. An answer that differs, as one that holds the time does, is only
reported, unless --strict.`,
		Example: `  trackgate replay testdata --speed max
  trackgate replay testdata/gt06 --speed 10
  trackgate replay device.pcapng --to 127.0.0.1:5000 --port 5023`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if p.Speed, err = parseSpeed(speed); err != nil {
				return err
			}
			notes := c.ErrOrStderr()
			loader := replay.Loader{ServerPort: isDevicePort, Skip: noSocket, Note: func(s string) { fmt.Fprintln(notes, s) }}
			list, err := loader.Load(args...)
			if err != nil {
				return err
			}
			if list = atPort(list, port); len(list) == 0 {
				return errors.New("no conversation to play")
			}
			if !quiet {
				p.Report = func(o replay.Outcome) { o.Write(notes) }
			}
			total, err := p.Play(c.Context(), list)
			total.Write(c.OutOrStdout())
			if errors.Is(err, replay.ErrRefused) {
				return fmt.Errorf("%w: is the gateway running? (trackgate serve)", err)
			}
			return errors.Join(err, total.Err(strict))
		},
	}
	f := c.Flags()
	f.StringVar(&p.To, "to", p.To, "the gateway, host:port")
	f.StringVar(&speed, "speed", speed, "times the recorded speed; max waits for answers only")
	f.BoolVar(&p.Loop, "loop", false, "begin again until interrupted")
	f.DurationVar(&p.Timeout, "timeout", 10*time.Second, "the longest wait for an answer")
	f.IntVar(&p.Parallel, "parallel", 16, "conversations at once")
	f.Uint16Var(&port, "port", 0, "of a pcap, only conversations with this port of the server")
	f.BoolVar(&strict, "strict", false, "an answer that differs is an error")
	f.BoolVarP(&quiet, "quiet", "q", false, "only the summary")
	return c
}

// parseSpeed reads a factor; "max" is 0.
func parseSpeed(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0.001 && v <= 1e6) {
		return 0, fmt.Errorf("--speed %s: a number from 0.001 to 1000000, or max", s)
	}
	return v, nil
}
