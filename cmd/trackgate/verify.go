package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/gateway/simulate/ledger"
	"github.com/trackgate/trackgate/persistence"
	"github.com/trackgate/trackgate/protocols"
)

func newVerify() *cobra.Command {
	var flags settingsFlags
	var acked string
	var wait time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify --acked FILE",
		Short: "Compare what simulated devices were acknowledged with what is stored",
		Long: `Verify compares the file that ` + "`trackgate simulate --acked`" + ` wrote with the store, those records included that are kept apart because of an impossible
time. It looks at the devices of the file only, and finds a record by its device and number, the stored odometer_m.

  lost        acknowledged, and not stored
  altered     stored with another time, place or speed
  duplicate   stored more than once
  unexpected  stored, and not in the file: nothing wrong, its acknowledgement was lost on the way or the simulator was killed

The gateway may run meanwhile; what it acknowledged reaches the store a little later, so while something is lost the comparison
is repeated for --wait. Memory does
not grow with the file, whose parts are sorted in the folder for temporary files ($TMPDIR). The exit status is 0 when nothing is lost, altered or
stored twice and every line could be read; a last line that is not complete is allowed.`,
		Example: `  trackgate verify --acked acked.csv
  trackgate verify --acked acked.csv --data /var/lib/trackgate --wait 1m --json
  DATABASE_URL=postgres://trackgate@localhost/trackgate trackgate verify --acked acked.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if acked == "" {
				return errors.New("--acked: which file?")
			}
			s, err := flags.load()
			if err != nil {
				return err
			}
			if err := persistence.Check(c.Context(), s.Store); err != nil {
				return err
			}
			sorted, err := sortAcked(acked)
			if err != nil {
				return fmt.Errorf("%s: %w", acked, err)
			}
			defer sorted.Close()
			store, err := openStore(c, s)
			if err != nil {
				return err
			}
			defer store.Close()
			r, err := verify(c.Context(), sorted, store, wait)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetEscapeHTML(false)
				out.SetIndent("", "  ")
				err = out.Encode(r)
			} else {
				err = writeVerified(c.OutOrStdout(), r)
			}
			if err == nil && !r.OK() {
				err = errSilent
			}
			return err
		},
	}
	flags.add(c)
	f := c.Flags()
	f.StringVar(&acked, "acked", "", "file of acknowledged records")
	f.DurationVar(&wait, "wait", 10*time.Second, "look again for so long while records are lost")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func sortAcked(name string) (*ledger.Sorted, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return ledger.Sort(f, st.Size(), "")
}

// lookAgain is how long a comparison that found losses rests before the next.
const lookAgain = time.Second

func verify(ctx context.Context, sorted *ledger.Sorted, store persistence.Store, wait time.Duration) (*ledger.Report, error) {
	end := time.Now().Add(wait)
	for {
		r, err := ledger.Compare(ctx, sorted, storedRows(store))
		if err != nil || r.Lost == 0 || time.Now().Add(lookAgain).After(end) {
			return r, err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

// storedRows reads all that is stored of a device, under the vehicle that the registry has it on and under its own name.
func storedRows(store persistence.Store) ledger.Rows {
	return func(ctx context.Context, device string, each func(*protocols.Event)) error {
		vehicles := []string{device}
		d, found, err := store.Device(ctx, device)
		if err != nil {
			return err
		}
		if found && d.Vehicle != "" && d.Vehicle != device {
			vehicles = append(vehicles, d.Vehicle)
		}
		for _, vehicle := range vehicles {
			for _, apart := range []bool{false, true} {
				q := persistence.HistoryQuery{Vehicle: vehicle, Limit: persistence.MaxLimit, Quarantined: apart}
				for {
					events, next, err := store.History(ctx, q)
					if err != nil {
						return err
					}
					for i := range events {
						if events[i].Device == device {
							each(&events[i])
						}
					}
					if next == "" {
						break
					}
					q.Cursor = next
				}
			}
		}
		return nil
	}
}

func writeVerified(w io.Writer, r *ledger.Report) error {
	for _, e := range r.Examples {
		fmt.Fprintln(w, e)
	}
	_, err := fmt.Fprintf(w, "%d records of %d devices acknowledged: %d stored as sent, %d lost, %d altered, %d duplicates; %d more stored; %d unreadable lines, %d torn\n",
		r.Acked, r.Devices, r.Matching, r.Lost, r.Altered, r.Duplicates, r.Unexpected, r.Unreadable, r.Torn)
	return err
}
