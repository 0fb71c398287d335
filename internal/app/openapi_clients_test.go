package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Clients are generated from the served document, in folders of their own that end with the test: what is committed would have
// to be generated anew with every route. testdata/clients has what uses them.

// clientApp is a service with articles and an account, and the arguments of a client.
func clientApp(t *testing.T) (a *testApp, args []string) {
	t.Helper()
	a = newTestApp(t)
	if _, err := a.seed(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	a.awaitGate()
	p := a.person("ana@example.org")
	p.register()
	return a, []string{a.base, p.email, goodPassword}
}

// moduleFolder is a copy of testdata/NAME with the document in it. Go programs there are named .go.txt, because they belong to modules
// of their own.
func moduleFolder(t *testing.T, name string, document []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "main.go")
	if err := os.Rename(program+".txt", program); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return dir
}

// unreachable are what npm and go say when a registry cannot be asked.
var unreachable = []string{"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "E403", "ENETUNREACH", "dial tcp", "i/o timeout", "TLS handshake timeout", "403 Forbidden", "502 Bad Gateway", "503 Service Unavailable"}

// tool runs a program in dir. It skips the test if the program has to be fetched and its registry does not answer.
func tool(t *testing.T, dir string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out)
	}
	for _, sign := range unreachable {
		if strings.Contains(string(out), sign) {
			t.Skipf("%s is needed and its registry does not answer: %s", name, sign)
		}
	}
	t.Fatalf("%s %s: %v\n%.4000s", name, strings.Join(args, " "), err, out)
	return ""
}

func TestGoClient(t *testing.T) {
	t.Parallel()
	a, args := clientApp(t)
	dir := moduleFolder(t, "clients/go", a.get("/openapi.json").body)
	tool(t, dir, "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "openapi.json")
	program := filepath.Join(dir, "client")
	tool(t, dir, "go", "build", "-o", program, ".")
	if out := tool(t, dir, program, args...); !strings.Contains(out, "all is as documented") {
		t.Error(out)
	}
}

func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s: scripts/ensure-installed node installs it, as `make test` does", program)
		}
	}
	a, args := clientApp(t)
	dir := moduleFolder(t, "clients/typescript", a.get("/openapi.json").body)
	tool(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
	tool(t, dir, "node", "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.d.ts", "--default-non-nullable=false")
	tool(t, dir, "node", "node_modules/typescript/bin/tsc")
	if out := tool(t, dir, "node", append([]string{"out/client.js"}, args...)...); !strings.Contains(out, "all is as documented") {
		t.Error(out)
	}
}
