package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/gateway/replay"
	"github.com/trackgate/trackgate/gateway/simulate"
	"github.com/trackgate/trackgate/testdata"
)

func newDemo() *cobra.Command {
	to, gateway, speed := replayAddress, "127.0.0.1:5000", "4"
	vehicles := 6
	var duration time.Duration
	c := &cobra.Command{
		Use:   "demo",
		Short: "Drive simulated vehicles and replay captures against a running gateway",
		Long: `Demo fills the map: simulated trackers, half of them GT06 and half Teltonika, drive through six cities and send a fix a second to the gateway's
any-protocol port; captures of real devices, which are inside this program, are played to its replay listener. The trackers speak the real protocols: they log
in, wait for each answer, and send again what was not acknowledged, so the gateway may be restarted meanwhile.`,
		Example: `  trackgate demo
  trackgate demo --vehicles 2 --duration 30s
  trackgate demo --gateway 127.0.0.1:5000 --to 127.0.0.1:5999 --speed max`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			factor, err := parseSpeed(speed)
			if err != nil {
				return err
			}
			ctx := c.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			return demo(ctx, c.OutOrStdout(), demoSettings{to: to, gateway: gateway, speed: factor, vehicles: vehicles})
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", to, "the gateway's replay listener, host:port; empty plays no captures")
	f.StringVar(&gateway, "gateway", gateway, "the gateway's any-protocol port, host:port")
	f.IntVar(&vehicles, "vehicles", vehicles, "simulated vehicles, at most 1000")
	f.StringVar(&speed, "speed", speed, "of the captures: times the recorded speed; max waits for answers only")
	f.DurationVar(&duration, "duration", 0, "how long; 0 until interrupted")
	return c
}

type demoSettings struct {
	to, gateway string
	speed       float64
	vehicles    int
}

// demo runs both parts until ctx ends. It fails when neither reaches the gateway at first.
func demo(ctx context.Context, out io.Writer, s demoSettings) error {
	if s.vehicles < 0 || s.vehicles > 1000 {
		return errors.New("--vehicles: 0 to 1000")
	}
	say := printer(out)
	fleet, err := simulate.Fleet(s.vehicles, s.gateway)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	var sum simulate.Counts
	var mu sync.Mutex
	if len(fleet) > 0 {
		say("%d vehicles, one fix a second, to %s:", len(fleet), s.gateway)
	}
	for _, d := range fleet {
		d.Notice = func(n simulate.Notice) {
			switch {
			case n.Online:
				say("  %s  %-9s  %-10s  online", d.IMEI, d.Wire.Name(), d.Driver.Route())
			case n.Counts.Logins == 0:
				cancel(fmt.Errorf("the gateway does not take the login of %s: %w; is it running? (trackgate serve)", d.IMEI, n.Err))
			default:
				say("  %s  offline: %v; tries again", d.IMEI, n.Err)
			}
		}
		wait.Go(func() {
			counts := d.Run(ctx)
			mu.Lock()
			sum.Add(counts)
			mu.Unlock()
		})
	}
	if s.to != "" {
		wait.Go(func() { playCaptures(ctx, s, say) })
	}
	if len(fleet) > 0 {
		wait.Go(func() { <-ctx.Done() })
	}
	wait.Wait()
	say("%d fixes sent, %d acknowledged, %d sent again, %d waiting, %d lost", sum.Fixes, sum.Acked, sum.Resent, sum.Waiting(), sum.Lost)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// playCaptures plays the captures inside the program once. A listener that is not there is told, not fatal: the vehicles go on.
func playCaptures(ctx context.Context, s demoSettings, say func(string, ...any)) {
	loader := replay.Loader{Skip: noSocket}
	list, err := loader.LoadFS(testdata.FS, "")
	if err != nil {
		say("captures: %v", err)
		return
	}
	say("%d captures of real devices, to the replay listener %s", len(list), s.to)
	p := replay.Player{To: s.to, Speed: s.speed}
	total, err := p.Play(ctx, list)
	if err != nil {
		say("captures: %v; the vehicles go on", err)
		return
	}
	say("captures: %d conversations, %d answers as recorded, %d different, %d missing, in %v", total.Conversations, total.Equal, total.Differs,
		total.Missing, total.Took.Round(time.Millisecond))
}

// printer prints whole lines from several goroutines.
func printer(w io.Writer) func(string, ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format+"\n", args...)
	}
}
