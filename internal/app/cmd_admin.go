package app

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"openlearn/internal/httpapi"
	"openlearn/internal/users"
	"openlearn/internal/users/address"
	"openlearn/internal/users/password"
	"openlearn/internal/users/token"
)

const adminHelp = `create EMAIL     make an account with the role admin, or make the account that EMAIL has an admin with this password.
                 The password is read from standard input, or made and printed with --generate
list             the accounts
role EMAIL ROLE  give an account a role: learner, analyst or admin
lock EMAIL       end all sessions of an account and let nobody in
unlock EMAIL     undo that
logout EMAIL     end all sessions of an account
rotate-keys      make a new key that signs access tokens; those signed by the one before stay valid
What changes takes effect with the next request, on every instance. Needs DATABASE_URL, and Redis's address.`

var adminVerbs = []verb{
	{"create", "EMAIL", []string{"name", "generate"}},
	{"list", "", nil},
	{"role", "EMAIL ROLE", nil},
	{"lock", "EMAIL", nil},
	{"unlock", "EMAIL", nil},
	{"logout", "EMAIL", nil},
	{"rotate-keys", "", nil},
}

func adminFlags(fs *flag.FlagSet) {
	fs.String("name", "Administrator", "create: the person's name")
	fs.Bool("generate", false, "create: make a password and print it")
}

func runAdmin(ctx context.Context, c *call) error {
	wrong := usageError{fmt.Sprintf("admin: expected create, list, role, lock, unlock, logout or rotate-keys with their arguments, got %q (see openlearn admin -h)", c.args)}
	arguments := map[string]int{"create": 1, "list": 0, "role": 2, "lock": 1, "unlock": 1, "logout": 1, "rotate-keys": 0}
	if len(c.args) == 0 {
		return wrong
	}
	verb, args := c.args[0], c.args[1:]
	if n, ok := arguments[verb]; !ok || len(args) != n {
		return wrong
	}
	email := ""
	if len(args) > 0 {
		var err error
		if email, err = address.Parse(args[0]); err != nil {
			return usageError{"admin: " + err.Error()}
		}
	}
	var pw string
	if verb == "create" { // before anything is opened: a wrong password must cost nothing
		var err error
		if pw, err = newPassword(c, os.Stdin, email); err != nil {
			return err
		}
	}
	return withCore(ctx, c, func(core *core) error {
		switch verb {
		case "list":
			return listUsers(ctx, c, core.Users)
		case "create":
			return createAdmin(ctx, c, core.Users, email, pw)
		case "rotate-keys":
			id, err := core.Users.RotateKeys(ctx)
			if err != nil {
				return err
			}
			return c.result(map[string]any{"key": id}, "access tokens are signed with key %s from now on (instances notice within a minute)\n", id)
		}
		return manageUser(ctx, c, core.Users, verb, email, args)
	})
}

// newPassword reads a password from a terminal or a pipe, or makes one.
func newPassword(c *call, in *os.File, email string) (string, error) {
	if c.flags.Lookup("generate").Value.String() == "true" {
		pw := token.Opaque()[:20]
		if !c.inJSON() { // otherwise it is in the result
			fmt.Fprintf(c.stdout, "password: %s\n", pw)
		}
		return pw, nil
	}
	var pw string
	if fd := int(in.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(c.stderr, "Password: ")
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(c.stderr)
		if err != nil {
			return "", fmt.Errorf("admin: read the password: %w", err)
		}
		pw = string(b)
	} else {
		line, err := bufio.NewReader(io.LimitReader(in, 4<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("admin: read the password: %w", err)
		}
		pw = strings.TrimRight(line, "\r\n")
	}
	if err := password.Check(pw, email); err != nil {
		return "", usageError{"admin: the password from standard input: " + err.Error()}
	}
	return pw, nil
}

// adminMade is the result of admin create; Password only if it was generated.
type adminMade struct {
	ID       int64        `json:"id"`
	Email    string       `json:"email"`
	Role     httpapi.Role `json:"role"`
	Created  bool         `json:"created"`
	Password string       `json:"password,omitempty"`
}

func createAdmin(ctx context.Context, c *call, s *users.Service, email, pw string) error {
	u, created, err := s.CreateAdmin(ctx, email, c.flags.Lookup("name").Value.String(), pw)
	if err != nil {
		return err
	}
	what := "is an admin now, with this password"
	if created {
		what = "was created with the role admin"
	}
	made := adminMade{ID: u.ID, Email: u.Email, Role: u.Role, Created: created}
	if c.flags.Lookup("generate").Value.String() == "true" {
		made.Password = pw
	}
	return c.result(made, "%s (user %d) %s\n", u.Email, u.ID, what)
}

func manageUser(ctx context.Context, c *call, s *users.Service, verb, email string, args []string) error {
	u, err := s.ByEmail(ctx, email)
	if err != nil {
		return fmt.Errorf("admin: %s: %w", email, err)
	}
	var m users.Management
	switch verb {
	case "logout":
		n, err := s.EndAll(ctx, u.ID)
		if err != nil {
			return err
		}
		return c.result(map[string]any{"id": u.ID, "email": u.Email, "sessions_ended": n}, "%d sessions of %s have ended\n", n, u.Email)
	case "role":
		role := httpapi.Role(args[1])
		if !role.Known() {
			return usageError{fmt.Sprintf("admin: %q is no role: expected learner, analyst or admin", args[1])}
		}
		m.Role = &role
	default:
		active := verb == "unlock"
		m.Active = &active
	}
	v, err := s.Manage(ctx, u.ID, m)
	if err != nil {
		return err
	}
	state := "active"
	if !v.Active {
		state = "locked"
	}
	return c.result(v, "%s: %s, %s\n", v.Email, v.Role, state)
}

// listedUser is an account as admin list --json prints it.
type listedUser struct {
	ID        int64        `json:"id"`
	Email     string       `json:"email"`
	Role      httpapi.Role `json:"role"`
	Active    bool         `json:"is_active"`
	LastLogin *time.Time   `json:"last_login"`
}

func listUsers(ctx context.Context, c *call, s *users.Service) error {
	t, err := c.results("ID\tROLE\tSTATE\tLAST LOGIN\tEMAIL")
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		page, err := s.List(ctx, users.ListQuery{After: after, Limit: 500})
		if err != nil {
			return err
		}
		for _, u := range page {
			state, last := "active", "never"
			if !u.Active {
				state = "locked"
			}
			if u.LastLogin != nil {
				last = u.LastLogin.UTC().Format("2006-01-02 15:04")
			}
			if err := t.row(listedUser{u.ID, u.Email, u.Role, u.Active, u.LastLogin}, "%d\t%s\t%s\t%s\t%s", u.ID, u.Role, state, last, u.Email); err != nil {
				return err
			}
			after = u.ID
		}
		if len(page) < 500 {
			return t.flush()
		}
	}
}
