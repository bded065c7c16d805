// Trackgate is an edge gateway for GPS trackers: see `trackgate --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "trackgate:", err)
	}
	os.Exit(exitCode(err))
}

// errSilent ends a command with exit code 1 after it has said itself what is wrong.
var errSilent = errors.New("failed")

func exitCode(err error) int {
	if err != nil {
		return 1
	}
	return 0
}

// commands are all subcommands in the order in which --help lists them.
var commands = []func() *cobra.Command{
	newServe,
	newDemo,
	newReplay,
	newSimulate,
	newVerify,
	newDecode,
	newIdentify,
	newToken,
	newDevice,
	newGrant,
	newMigrate,
	newCheck,
	newConfig,
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "trackgate",
		Short: "An edge gateway for GPS trackers",
		Long: `Trackgate takes the connections of GPS trackers, decodes their protocols, keeps every record in a durable journal, acknowledges it, and
passes it on to the store and to live maps.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cobra.EnableCommandSorting = false
	for _, c := range commands {
		root.AddCommand(c())
	}
	return root
}
