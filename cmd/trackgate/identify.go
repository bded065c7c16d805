package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/cmd/trackgate/inspect"
	"github.com/trackgate/trackgate/protocols/all"
)

func newIdentify() *cobra.Command {
	return &cobra.Command{
		Use:   "identify [HEX|TEXT...]",
		Short: "Say which protocol some bytes belong to, and which port is its own",
		Long: `Identify lists the protocols that the first bytes of a connection, or a datagram, may belong to: best first, with the reason, the port and what
the bytes decode to. The bytes are given in hex, with or without spaces, or as text; without arguments they are read from standard input.`,
		Example: `  trackgate identify 78780d01012345678901234500018cdd0d0a
  trackgate identify 00 0f 33 35 32 30 39 33 30 38 36 34 30 33 36 35 35
  trackgate identify '"\x00\x0f352093086403655"'`,
		RunE: func(c *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if len(args) == 0 {
				err := untilInterrupted(c.Context(), func() error {
					raw, err := io.ReadAll(io.LimitReader(c.InOrStdin(), inspect.MaxInput))
					text = strings.TrimSpace(string(raw))
					return err
				})
				if err != nil {
					return err
				}
			}
			b, err := inspect.FromArgument(text)
			if err != nil {
				return err
			}
			if len(b) == 0 {
				return errors.New("no bytes given")
			}
			d := &inspect.Decoder{Protocols: all.Protocols}
			found := d.Identify(b)
			inspect.WriteFindings(c.OutOrStdout(), b, found)
			if len(found) == 0 {
				return errSilent
			}
			return nil
		},
	}
}
