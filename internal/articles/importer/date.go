package importer

import (
	"fmt"
	"time"
)

// parseDate reads the two commonest forms; newsdate, with the rest, takes its place as soon as it is there.
func parseDate(s string, loc *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("date %q: unknown form", s)
}
