package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/persistence"
)

func newCheck() *cobra.Command {
	var flags settingsFlags
	c := &cobra.Command{
		Use:     "check",
		Short:   "Check the configuration and the store without serving",
		Example: "  trackgate check --config trackgate.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load()
			if err != nil {
				return err
			}
			if err := s.check(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "configuration: ok")
			return checkStore(cmd, s)
		},
	}
	flags.add(c)
	return c
}

func newMigrate() *cobra.Command {
	var flags settingsFlags
	var check bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date",
		Long: `Brings the store's schema up to date. The gateway does so itself when it starts; several at once wait for each other.
With --check nothing is changed: the exit code says whether the schema is the one that this version wants.`,
		Example: "  DATABASE_URL=postgres://trackgate@localhost/trackgate trackgate migrate --check",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load()
			if err != nil {
				return err
			}
			if check {
				return checkStore(cmd, s)
			}
			if err := s.makeStoreFolder(); err != nil {
				return err
			}
			steps, err := persistence.Migrate(cmd.Context(), s.Store, zap.NewNop())
			for _, step := range steps {
				fmt.Fprintln(cmd.OutOrStdout(), step)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: up to date\n", s.Store)
			return err
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&check, "check", false, "change nothing")
	return c
}

// checkStore says whether the schema is the one that this version wants; it changes nothing.
func checkStore(cmd *cobra.Command, s *settings) error {
	if err := persistence.Check(cmd.Context(), s.Store); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", s.Store)
	return err
}

// openStore connects to the store.
func openStore(cmd *cobra.Command, s *settings) (persistence.Store, error) {
	if err := s.makeStoreFolder(); err != nil {
		return nil, err
	}
	return persistence.Open(cmd.Context(), s.Store, zap.NewNop())
}

// makeStoreFolder makes the folder of the SQLite file; a database server needs none.
func (s *settings) makeStoreFolder() error {
	if s.Store.URL != "" {
		return nil
	}
	return os.MkdirAll(filepath.Dir(s.Store.Path), 0o700)
}
