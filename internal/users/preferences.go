package users

import (
	"context"
	"fmt"

	"openlearn/internal/cache"
)

var errNoPreferences = fmt.Errorf("preferences: %w", cache.ErrNotFound)

type storedSettings struct{}

func (s *Store) settings(context.Context, int64) (storedSettings, error) {
	return storedSettings{}, errNoPreferences
}
