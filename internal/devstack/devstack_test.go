package devstack_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/devstack"
)

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestTemporaryStackAnswersAndLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	stack, err := devstack.Start(ctx, devstack.Options{Databases: 64})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, stack.DatabaseURL())
	if err != nil {
		t.Fatal(err)
	}
	var lower string
	if err := conn.QueryRow(ctx, "SELECT lower('EDUCACIÓN')").Scan(&lower); err != nil || lower != "educación" {
		t.Errorf("lower('EDUCACIÓN') = %q, %v: the locale does not know Spanish letters", lower, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
	options, err := redis.ParseURL(stack.Redis.URLOf(63))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := stack.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := stack.Stop(ctx); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}
