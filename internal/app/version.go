package app

import (
	"context"
	"fmt"
	"runtime"
)

func runVersion(_ context.Context, c *call) error {
	_, err := fmt.Fprintf(c.stdout, "openlearn %s (%s, %s/%s)\n", c.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
