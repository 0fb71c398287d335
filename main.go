// Command openlearn gathers Colombian news and open data, analyses it and serves it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"openlearn/internal/app"
)

// version is set by the linker (see the Makefile); a plain `go build` is "dev".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default returns: a second Ctrl-C ends a shutdown that takes too long.
	context.AfterFunc(ctx, stop)
	err := app.Run(ctx, version, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "openlearn:", app.ErrorLine(err))
		os.Exit(app.ExitCode(err))
	}
}
