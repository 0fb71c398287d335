package testkit

import (
	"context"
	"fmt"
	"os"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/modules/redis"
	"github.com/testcontainers/testcontainers-go/wait"
)

// The images of docker-compose.yml.
const (
	postgresImage = "postgres:17-alpine"
	redisImage    = "redis:8-alpine"
)

// containers reports whether the shared servers are to be containers. Testcontainers' reaper removes them when the test
// process ends; where it is switched off (TESTCONTAINERS_RYUK_DISABLED), they stay, named by their labels.
func containers() bool { return os.Getenv("TESTCONTAINERS") == "1" }

func postgresContainer(ctx context.Context) (string, error) {
	container, err := postgres.Run(ctx, postgresImage,
		postgres.WithDatabase("openlearn"), postgres.WithUsername("openlearn"), postgres.WithPassword("openlearn"),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "max_connections=300"),
		postgres.BasicWaitStrategies(),
	)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", postgresImage, err)
	}
	address, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", postgresImage, err)
	}
	return address, nil
}

func redisContainer(ctx context.Context) (string, error) {
	container, err := redis.Run(ctx, redisImage,
		testcontainers.WithCmd("redis-server", "--databases", "1024", "--save", "", "--appendonly", "no"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("6379/tcp")),
	)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", redisImage, err)
	}
	address, err := container.ConnectionString(ctx)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", redisImage, err)
	}
	return address, nil
}
