package app

import (
	"context"
	"runtime"
)

func runVersion(_ context.Context, c *call) error {
	return c.result(map[string]any{"version": c.version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH},
		"openlearn %s (%s, %s/%s)\n", c.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
