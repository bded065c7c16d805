package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/gateway"
	"github.com/trackgate/trackgate/protocols"
)

func newDevice() *cobra.Command {
	var flags settingsFlags
	c := &cobra.Command{
		Use:   "device",
		Short: "List and change the device registry",
		Long: `The registry says which vehicle a tracker is mounted on, which groups it belongs to, and what its bytes do not say: model, time zone, speed unit.
A running gateway takes over changes within gateway.registry_refresh.`,
	}
	add := &cobra.Command{
		Use:     "add ID",
		Short:   "Add a device, or replace what is known of it",
		Example: "  trackgate device add 356307042441013 --vehicle truck-7 --groups north --option model=fmb --policy accept",
		Args:    cobra.ExactArgs(1),
	}
	var d gateway.DeviceJSON
	add.Flags().StringVar(&d.Vehicle, "vehicle", "", "what it is mounted on (default: its own id)")
	add.Flags().StringSliceVar(&d.Groups, "groups", nil, "groups of the vehicle")
	add.Flags().StringArrayVar(&d.Options, "option", nil, "key=value: model, zone (+05:30), unit (kmh, knots, mph), tolerate_checksum, networks (10.0.0.0/8,192.0.2.7), or one of the protocol's own")
	add.Flags().StringVar(&d.Policy, "policy", "accept", "accept, quarantine or reject")
	add.RunE = func(cmd *cobra.Command, args []string) error {
		d.ID = args[0]
		device, err := d.Device()
		if err != nil {
			return err
		}
		return putDevices(cmd, &flags, []protocols.Device{device})
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "Print the registry",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return listDevices(cmd, &flags) },
	}
	load := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Add the devices of a CSV file",
		Long: `Adds the devices of a CSV file, or replaces what is known of them; all or none. The first line names the columns: id, and any of
vehicle, groups and options (several separated by spaces), policy. "-" reads standard input.`,
		Example: "  printf 'id,vehicle,groups\\n356307042441013,truck-7,north cold\\n' | trackgate device import -",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			devices, err := readDevices(in)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return putDevices(cmd, &flags, devices)
		},
	}
	for _, sub := range []*cobra.Command{add, list, load} {
		flags.add(sub)
		c.AddCommand(sub)
	}
	return c
}

func putDevices(cmd *cobra.Command, flags *settingsFlags, devices []protocols.Device) error {
	store, err := flags.store(cmd)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.PutDevices(cmd.Context(), devices); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d devices registered\n", len(devices))
	return err
}

func listDevices(cmd *cobra.Command, flags *settingsFlags) error {
	store, err := flags.store(cmd)
	if err != nil {
		return err
	}
	defer store.Close()
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tVEHICLE\tPOLICY\tGROUPS\tOPTIONS")
	const page = 1000
	for after := ""; ; {
		devices, err := store.Devices(cmd.Context(), after, page)
		if err != nil {
			return err
		}
		for _, d := range devices {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.ID, d.Vehicle, d.Policy, strings.Join(d.Groups, " "), strings.Join(d.Options.Pairs(), " "))
		}
		if len(devices) < page {
			return w.Flush()
		}
		after = devices[len(devices)-1].ID
	}
}

// readDevices reads a CSV file of devices; an error names the line.
func readDevices(r io.Reader) ([]protocols.Device, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		return nil, err
	}
	var out []protocols.Device
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var d gateway.DeviceJSON
		for i, column := range head {
			switch strings.ToLower(strings.TrimSpace(column)) {
			case "id":
				d.ID = row[i]
			case "vehicle":
				d.Vehicle = row[i]
			case "groups":
				d.Groups = strings.Fields(row[i])
			case "options":
				d.Options = strings.Fields(row[i])
			case "policy":
				d.Policy = row[i]
			default:
				return nil, fmt.Errorf("line 1: unknown column %q", column)
			}
		}
		device, err := d.Device()
		if err != nil {
			line, _ := in.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		out = append(out, device)
	}
}
