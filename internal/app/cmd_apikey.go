package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
)

const apikeyHelp = `create       make a key and print it on standard output. It is shown this once: only its hash is stored.
list         the keys, with when each was last used
revoke ID…   end keys. No instance accepts them from then on.
A machine sends its key as X-API-Key or Authorization: Bearer. It has the rights of its role, and the limits of a user.
Needs DATABASE_URL, and Redis's address.`

var apikeyVerbs = []verb{{"create", "", []string{"name", "role", "expires"}}, {"list", "", nil}, {"revoke", "ID…", nil}}

func apikeyFlags(fs *flag.FlagSet) {
	fs.String("name", "", "create: what the key is for")
	fs.String("role", string(httpapi.Learner), "create: learner, analyst or admin")
	fs.String("expires", "365d", "create: after how long, such as 90d or 12h; a day, such as 2027-06-30; or never")
}

func runAPIKey(ctx context.Context, c *call) error {
	wrong := usageError{fmt.Sprintf("apikey: expected create, list or revoke ID, got %q (see openlearn apikey -h)", c.args)}
	if len(c.args) == 0 {
		return wrong
	}
	text := func(name string) string { return c.flags.Lookup(name).Value.String() }
	var do func(*core) error
	switch args := c.args[1:]; {
	case c.args[0] == "create" && len(args) == 0:
		expires, err := expiry(text("expires"), time.Now())
		if err != nil {
			return usageError{"apikey: --expires: " + err.Error()}
		}
		do = func(core *core) error {
			return createKey(ctx, c, core, text("name"), httpapi.Role(text("role")), expires)
		}
	case c.args[0] == "list" && len(args) == 0:
		do = func(core *core) error { return listKeys(ctx, c, core.Keys) }
	case c.args[0] == "revoke" && len(args) > 0:
		ids := make([]int64, len(args))
		for i, arg := range args {
			id, err := strconv.ParseInt(arg, 10, 64)
			if err != nil {
				return usageError{fmt.Sprintf("apikey: %q is not a key's number (openlearn apikey list shows them)", arg)}
			}
			ids[i] = id
		}
		do = func(core *core) error { return revokeKeys(ctx, c, core, ids) }
	default:
		return wrong
	}
	return withCore(ctx, c, do)
}

// madeKey is what apikey create --json prints: the key itself and what list shows of it.
type madeKey struct {
	Secret string `json:"key"`
	guard.Key
}

func createKey(ctx context.Context, c *call, core *core, name string, role httpapi.Role, expires time.Time) error {
	key, made, pending, err := core.Keys.Create(ctx, name, role, expires)
	var invalid *guard.InvalidKey
	if errors.As(err, &invalid) {
		return usageError{"apikey: " + invalid.Problem}
	}
	if err = core.kept(pending, err); err != nil {
		return err
	}
	if c.inJSON() {
		return writeJSON(c.stdout, madeKey{Secret: key, Key: made})
	}
	until := "does not expire"
	if made.ExpiresAt != nil {
		until = "expires " + made.ExpiresAt.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(c.stderr, "key %d, %s, role %s, %s. It is shown this once:\n", made.ID, made.Name, made.Role, until)
	_, err = fmt.Fprintln(c.stdout, key)
	return err
}

func listKeys(ctx context.Context, c *call, keys *guard.Keys) error {
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	t, err := c.results("ID\tKEY\tROLE\tSTATE\tEXPIRES\tLAST USED\tNAME")
	if err != nil {
		return err
	}
	for i := range all {
		k := &all[i]
		if err := t.row(k, "%d\t%s…\t%s\t%s\t%s\t%s\t%s", k.ID, k.Hint, k.Role, k.State(now), shortTime(k.ExpiresAt), shortTime(k.UsedAt), k.Name); err != nil {
			return err
		}
	}
	return t.flush()
}

func shortTime(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.UTC().Format("2006-01-02 15:04")
}

func revokeKeys(ctx context.Context, c *call, core *core, ids []int64) error {
	for _, id := range ids {
		k, pending, err := core.Keys.Revoke(ctx, id)
		if err = core.kept(pending, err); err != nil {
			return err
		}
		if err := c.result(k, "revoked key %d, %s\n", k.ID, k.Name); err != nil {
			return err
		}
	}
	return nil
}

// expiry reads when a key ends; zero for never.
func expiry(s string, now time.Time) (time.Time, error) {
	if s == "never" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("expected a time such as 90d or 12h, a day such as 2027-06-30, or never; got %q", s)
}
