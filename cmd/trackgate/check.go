package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/persistence"
)

func newCheck() *cobra.Command {
	var flags settingsFlags
	var ready bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and the store without serving, or a running gateway",
		Long: `Checks the configuration and the store, without serving. With --ready it asks the gateway that runs with this configuration on this machine
whether it is ready, and the exit code says so: a health check for containers, where there is no shell.`,
		Example: "  trackgate check --config trackgate.yaml\n  trackgate check --ready",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load()
			if err != nil {
				return err
			}
			if ready {
				return askReady(cmd, s)
			}
			if err := s.check(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "configuration: ok")
			return checkStore(cmd, s)
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&ready, "ready", false, "ask the running gateway")
	return c
}

// askReady asks the gateway at http.addr on this machine for /readyz; an error says why it is not ready.
func askReady(cmd *cobra.Command, s *settings) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(s.HTTP.Addr)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	why, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", bytes.TrimSpace(why))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "ready")
	return err
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
