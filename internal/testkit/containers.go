package testkit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

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

// containers reports whether the shared servers are to be containers.
func containers() bool { return os.Getenv("TESTCONTAINERS") == "1" }

// server is the address of a shared server, and what keeps it alive: when alive is closed, a container that nothing
// else would remove is removed.
type server struct {
	url   string
	alive io.Closer
}

func postgresContainer(ctx context.Context) (server, error) {
	container, err := postgres.Run(ctx, postgresImage,
		postgres.WithDatabase("openlearn"), postgres.WithUsername("openlearn"), postgres.WithPassword("openlearn"),
		testcontainers.WithCmd("postgres", "-c", "fsync=off", "-c", "max_connections=300"),
		postgres.BasicWaitStrategies(),
	)
	if err != nil {
		return server{}, fmt.Errorf("run %s: %w", postgresImage, err)
	}
	url, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return server{}, fmt.Errorf("address of %s: %w", postgresImage, err)
	}
	alive, err := removeAtEnd(container.GetContainerID())
	return server{url, alive}, err
}

func redisContainer(ctx context.Context) (server, error) {
	container, err := redis.Run(ctx, redisImage,
		testcontainers.WithCmd("redis-server", "--databases", "1024", "--save", "", "--appendonly", "no"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("6379/tcp")),
	)
	if err != nil {
		return server{}, fmt.Errorf("run %s: %w", redisImage, err)
	}
	url, err := container.ConnectionString(ctx)
	if err != nil {
		return server{}, fmt.Errorf("address of %s: %w", redisImage, err)
	}
	alive, err := removeAtEnd(container.GetContainerID())
	return server{url, alive}, err
}

// removeAtEnd makes sure that a container is removed when this process ends, however it ends. Testcontainers' reaper
// does that; if it is switched off (TESTCONTAINERS_RYUK_DISABLED), a shell waits for the end of a pipe that this
// process holds open.
func removeAtEnd(id string) (io.Closer, error) {
	if !testcontainers.ReadConfig().RyukDisabled {
		return io.NopCloser(nil), nil
	}
	cmd := exec.Command("/bin/sh", "-c", `cat >/dev/null; exec docker rm --force --volumes "$1" >/dev/null 2>&1`, "sh", id)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard container %s: %w", id, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard container %s: %w", id, err)
	}
	return alive, nil
}
