package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trackgate/trackgate/fanout/auth"
)

func newToken() *cobra.Command {
	var flags settingsFlags
	var user, scope string
	var vehicles, groups []string
	var ttl time.Duration
	c := &cobra.Command{
		Use:   "token --vehicles '*'",
		Short: "Print a token for the HTTP API and the WebSocket",
		Long: `Prints a token, and nothing else, signed with auth.secret or with the secret of the data folder.

Scopes: read (see where vehicles are and were), ingest (report positions over HTTP), command, admin (the device registry).`,
		Example: `  trackgate token --data ./data --vehicles '*'
  trackgate token --user alice --vehicles 123,456 --ttl 8h
  curl -H "Authorization: Bearer $(trackgate token --vehicles '*')" http://127.0.0.1:8080/api/vehicles/locations`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := flags.load()
			if err != nil {
				return err
			}
			secret := []byte(s.Auth.Secret)
			if len(secret) == 0 {
				if secret, err = readSecret(s.Data); errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("no secret: neither auth.secret is set nor has %s one; start the gateway once with this data folder", s.Data)
				} else if err != nil {
					return err
				}
			}
			var actions []auth.Action
			for _, name := range strings.FieldsFunc(scope, func(r rune) bool { return r == ',' || r == ' ' }) {
				a, ok := auth.ParseAction(name)
				if !ok {
					return fmt.Errorf("scope: %q is none of read, ingest, command, admin", name)
				}
				actions = append(actions, a)
			}
			grants, err := auth.NewGrants(vehicles, groups)
			if err != nil {
				return err
			}
			token, err := auth.Sign(secret, auth.Claims{Subject: user, Expires: time.Now().Add(ttl), Scope: auth.Scopes(actions...), Grants: grants,
				LookedUp: len(vehicles)+len(groups) == 0})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	flags.add(c)
	c.Flags().StringVar(&user, "user", "operator", "whom the token is for")
	c.Flags().StringSliceVar(&vehicles, "vehicles", nil, "vehicle ids, or '*' for all; neither these nor groups: what vehicle_access grants the user")
	c.Flags().StringSliceVar(&groups, "groups", nil, "groups of vehicles")
	c.Flags().StringVar(&scope, "scope", "read", "what it allows: read, ingest, command, admin")
	c.Flags().DurationVar(&ttl, "ttl", 24*time.Hour, "how long it is good")
	return c
}
