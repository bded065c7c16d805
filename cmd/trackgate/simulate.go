package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trackgate/trackgate/gateway/simulate/ledger"
	"github.com/trackgate/trackgate/gateway/simulate/load"
)

func newSimulate() *cobra.Command {
	o := load.Options{
		To: []string{"127.0.0.1:5000"}, Protocol: "mixed", Devices: 100, Interval: 10 * time.Second, Duration: time.Minute, Grace: 30 * time.Second,
		Patience: 10 * time.Second, Backoff: time.Second, Ramp: 1000, FirstIMEI: 1_017_010_000_000, Seed: 1, Parts: 1,
	}
	var sources, acked, part string
	processes := 0
	c := &cobra.Command{
		Use:   "simulate --to HOST:PORT --devices N",
		Short: "Put a gateway under the load of simulated devices",
		Long: `Simulate is devices that behave like firmware: each keeps a record until the gateway has acknowledged it (Teltonika: the right count; GT06: the
same serial number), sends it again when no answer comes or the connection is lost, connects again after a growing wait, uploads --backlog
stored records when it starts (GT06: marked as re-uploads; Teltonika: 20 to a packet) and sends heartbeats. The numbers of its devices begin at
--first-imei and are always the same.

With --misbehave that share of the devices does, on each connection, something else at random: garbage, bad checksums, slow logins, half
frames, records without ever reading an answer, storms of connections, silence, repetition of what was acknowledged, a clock in the future or
the past; --misdeed names one of these for all. Nothing is asked for these devices' own records; the others must not suffer.

--acked names a file that gets a line for each acknowledged record, CSV: device, time (ms), record, lat, lng, speed. The record's number is sent
as its mileage and found in the store as odometer_m; ` + "`trackgate verify`" + ` compares. The file is written every 100 ms; one that exists is continued.

A process may open so many files only (ulimit -n); --processes spreads the devices over several, by default over as many as needed. To one address
and port, one source address has 28,000 ports; --sources gives more, of loopback all of 127.0.0.0/8.

When the time is over, or on an interrupt, no more records are made and what waits is delivered within --grace; a second interrupt ends it at
once. The exit status is 0 when every record of the devices that behave was acknowledged, and none with a bad checksum.`,
		Example: `  trackgate simulate --to 127.0.0.1:5000 --devices 200 --interval 1s --duration 30s
  trackgate simulate --to 127.0.0.1:5000 --devices 500 --interval 1s --backlog 50 --misbehave 0.1 --duration 20s --acked acked.csv
  trackgate simulate --to 127.0.0.1:5000 --devices 4000 --interval 2s --duration 10s --processes 2 --sources 127.0.0.2-127.0.0.9 --ramp 2000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Sources, err = load.ParseSources(sources); err != nil {
				return fmt.Errorf("--sources: %w", err)
			}
			if part != "" {
				if _, err := fmt.Sscanf(part, "%d/%d", &o.Part, &o.Parts); err != nil {
					return fmt.Errorf("--part: %w", err)
				}
			}
			if err := o.Validate(); err != nil {
				return err
			}
			if acked != "" && part == "" {
				if err := ledger.Prepare(acked); err != nil {
					return err
				}
			}
			if part != "" {
				out := json.NewEncoder(c.OutOrStdout())
				r, err := simulateHere(c.Context(), o, acked, func(r *load.Report) { out.Encode(partLine{Progress: r}) })
				if err == nil {
					err = out.Encode(partLine{End: r})
				}
				return err
			}
			if processes == 0 {
				processes = load.Processes(o.Devices)
			}
			show := progress(c.ErrOrStderr())
			var r *load.Report
			if processes == 1 {
				r, err = simulateHere(c.Context(), o, acked, show)
			} else {
				r, err = simulateThere(c.Context(), o, processes, childArgs(c.Flags()), show)
			}
			if err != nil {
				return err
			}
			r.Write(c.OutOrStdout())
			if !r.OK() {
				return errSilent
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.To, "to", o.To, "the gateway, host:port; of several a device dials any, each time")
	f.StringVar(&o.Protocol, "protocol", o.Protocol, "gt06, teltonika or mixed")
	f.IntVar(&o.Devices, "devices", o.Devices, "how many")
	f.DurationVar(&o.Interval, "interval", o.Interval, "between a device's records")
	f.DurationVar(&o.Jitter, "jitter", 0, "up to which an interval is longer or shorter")
	f.IntVar(&o.Backlog, "backlog", 0, "stored records that a device has when it starts, an interval apart")
	f.Float64Var(&o.Misbehave, "misbehave", 0, "share of the devices that misbehave, 0 to 1")
	f.StringVar(&o.Misdeed, "misdeed", "", "the one thing that they do: "+strings.Join(load.Misdeeds(), "; "))
	f.DurationVar(&o.Duration, "duration", o.Duration, "how long records are made; 0 until interrupted")
	f.DurationVar(&o.Grace, "grace", o.Grace, "then, to deliver what waits")
	f.DurationVar(&o.Patience, "patience", o.Patience, "a device's wait for an answer")
	f.DurationVar(&o.Backoff, "backoff", o.Backoff, "the first wait before connecting again; doubled up to 20s")
	f.Float64Var(&o.Ramp, "ramp", o.Ramp, "first connections per second")
	f.StringVar(&acked, "acked", "", "file of acknowledged records")
	f.IntVar(&processes, "processes", 0, "processes; 0: as many as the limit of open files asks for")
	f.StringVar(&sources, "sources", "", "addresses to dial from: 127.0.0.2-127.0.0.9,10.0.0.1")
	f.Uint64Var(&o.FirstIMEI, "first-imei", o.FirstIMEI, "IMEI of the first device; the next follow, the last digit is made to fit")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "of everything that happens at random")
	f.StringVar(&part, "part", "", "which of how many processes this is, k/n")
	f.MarkHidden("part")
	return c
}

// progress writes a line every other second.
func progress(w io.Writer) func(*load.Report) {
	before := new(load.Report)
	return func(r *load.Report) {
		if r.Seconds-before.Seconds > 1.9 {
			fmt.Fprintln(w, r.Line(before))
			before = r
		}
	}
}

// simulateHere runs the devices of this process.
func simulateHere(ctx context.Context, o load.Options, acked string, tell func(*load.Report)) (*load.Report, error) {
	var book func(*ledger.Entry)
	var file *ledger.Writer
	if acked != "" {
		var err error
		if file, err = ledger.Append(acked); err != nil {
			return nil, err
		}
		defer file.Close()
		book = file.Add
	}
	fleet, err := load.New(o, book)
	if err != nil {
		return nil, err
	}
	defer onSecondInterrupt(ctx, fleet.Cut)()
	r := fleet.Run(ctx, tell)
	if file != nil {
		err = file.Close()
	}
	return r, err
}

// onSecondInterrupt calls f when, after the one that ended ctx, another interrupt comes.
func onSecondInterrupt(ctx context.Context, f func()) (stop func()) {
	done, signals := make(chan struct{}), make(chan os.Signal, 1)
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		signal.Notify(signals, os.Interrupt)
		defer signal.Stop(signals)
		select {
		case <-signals:
			f()
		case <-done:
		}
	}()
	return func() { close(done) }
}

// childArgs are the flags that were given, for a process that runs a part.
func childArgs(flags *pflag.FlagSet) []string {
	args := []string{"simulate"}
	flags.Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, v := range list.GetSlice() {
				args = append(args, "--"+f.Name+"="+v)
			}
			return
		}
		args = append(args, "--"+f.Name+"="+value)
	})
	return args
}
