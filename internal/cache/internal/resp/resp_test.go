package resp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

func TestStrings(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		"*0\r\n":                              {},
		"*1\r\n$3\r\nabc\r\n":                 {"abc"},
		"*3\r\n$0\r\n\r\n$-1\r\n_\r\n":        {"", "", ""},
		"*2\r\n_\r\n$-1\r\n":                  {"", ""},
		"*2\r\n$4\r\n\r\n\r\n\r\n$1\r\n$\r\n": {"\r\n\r\n", "$"},
	} {
		if got, err := Strings([]byte(raw)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{
		"", "\r\n", "*", "*1", "*1\r\n", "*-1\r\n", "*x\r\n", "*1\r\n$3\r\nab\r\n", "*1\r\n$3\r\nabcd\r\n", "*1\r\n$-2\r\n",
		"*1\r\n:1\r\n", "*2\r\n$1\r\na\r\n", "*1\r\n$1\r\na\r\nx", "$1\r\na\r\n", "*9999999999\r\n", "*1\r\n$9223372036854775807\r\n\r\n",
	} {
		if got, err := Strings([]byte(raw)); !errors.Is(err, errReply) {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
}

func TestErrorsOfRedis(t *testing.T) {
	t.Parallel()
	_, err := Strings([]byte("-LOADING Redis is loading the dataset in memory\r\n"))
	if _, ok := errors.AsType[redis.Error](err); !ok || !redis.HasErrorPrefix(err, "LOADING") {
		t.Errorf("%v is no error of Redis", err)
	}
}

// The answers of a real server are read as go-redis reads them.
func TestAnswersOfARealServer(t *testing.T) {
	t.Parallel()
	rdb := testkit.Redis(t)
	ctx := t.Context()
	want := []string{strings.Repeat("x\r\n", 2000), "", "0123456789abcdef", "", ""}
	if err := errors.Join(
		rdb.Set(ctx, "a", want[0], 0).Err(), rdb.Set(ctx, "c", want[2], 0).Err(), rdb.Set(ctx, "d", "", 0).Err(), rdb.LPush(ctx, "e", "x").Err(),
	); err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []int{2, 3} {
		o := *rdb.Options()
		o.Protocol = protocol
		client := redis.NewClient(&o)
		cmd := redis.NewRawCmd(ctx, "mget", "a", "b", "c", "d", "e")
		if err := client.Process(ctx, cmd); err != nil {
			t.Fatal(err)
		}
		if got, err := Strings(cmd.Val()); err != nil || !slices.Equal(got, want) {
			t.Errorf("protocol %d: %d values, %v", protocol, len(got), err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Any input is read or refused, and the values never exceed the input.
func FuzzStrings(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nabc\r\n$-1\r\n"))
	f.Add([]byte("*1\r\n_\r\n"))
	f.Add([]byte("-ERR no\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Strings(raw)
		if err != nil {
			return
		}
		size := 0
		for _, v := range got {
			size += len(v)
		}
		if size > len(raw) || len(got) > len(raw)/3 {
			t.Fatalf("%q has %d values of %d bytes", raw, len(got), size)
		}
	})
}
