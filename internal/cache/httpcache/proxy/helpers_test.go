package proxy

import (
	"testing"
	"time"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func newClock() *testkit.Clock {
	return testkit.NewClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
}
