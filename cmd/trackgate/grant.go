package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/persistence"
)

func newGrant() *cobra.Command {
	c := &cobra.Command{
		Use:   "grant",
		Short: "Say which vehicles a user may see",
		Long: `Keeps the table vehicle_access: what the tokens of a user grant when they name neither vehicles nor groups themselves. A change takes effect within
auth.grants_cache, on open connections too.`,
		Example: `  trackgate grant add alice --vehicles truck-7,truck-8 --groups north
  trackgate token --user alice
  trackgate grant remove alice --vehicles truck-8
  trackgate grant list alice`,
	}
	c.AddCommand(
		changeGrants("add", "Let a user see vehicles", persistence.Store.PutGrant),
		changeGrants("remove", "Let a user no longer see vehicles", persistence.Store.RemoveGrant),
		listGrants())
	return c
}

// grantChange is PutGrant or RemoveGrant of a store.
type grantChange func(store persistence.Store, ctx context.Context, g persistence.Grant) error

// changeGrants is the command that adds grants, or the one that removes them.
func changeGrants(use, short string, change grantChange) *cobra.Command {
	var flags settingsFlags
	var vehicles, groups []string
	c := &cobra.Command{
		Use: use + " USER", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(vehicles)+len(groups) == 0 {
				return errors.New("name --vehicles, --groups, or both")
			}
			store, err := flags.store(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			for _, v := range vehicles {
				if err := change(store, cmd.Context(), persistence.Grant{Sub: args[0], Vehicle: v}); err != nil {
					return err
				}
			}
			for _, g := range groups {
				if err := change(store, cmd.Context(), persistence.Grant{Sub: args[0], Group: g}); err != nil {
					return err
				}
			}
			return printGrants(cmd, store, args[0])
		},
	}
	flags.add(c)
	c.Flags().StringSliceVar(&vehicles, "vehicles", nil, "vehicle ids, or '*' for all")
	c.Flags().StringSliceVar(&groups, "groups", nil, "groups of vehicles")
	return c
}

func listGrants() *cobra.Command {
	var flags settingsFlags
	c := &cobra.Command{
		Use: "list USER", Short: "Print what a user may see", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := flags.store(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			return printGrants(cmd, store, args[0])
		},
	}
	flags.add(c)
	return c
}

func printGrants(cmd *cobra.Command, store persistence.Store, user string) error {
	vehicles, groups, err := store.Grants(cmd.Context(), user)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s sees vehicles [%s] and groups [%s]\n", user, strings.Join(vehicles, " "), strings.Join(groups, " "))
	return err
}

// store loads the configuration and connects to its store.
func (f *settingsFlags) store(cmd *cobra.Command) (persistence.Store, error) {
	s, err := f.load()
	if err != nil {
		return nil, err
	}
	return openStore(cmd, s)
}
