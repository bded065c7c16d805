package main

import (
	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/configs"
)

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the default configuration with every key explained",
		Example: "  trackgate config > trackgate.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(configs.Default)
			return err
		},
	}
}
