package guard

import (
	"testing"

	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
