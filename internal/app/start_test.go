package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// TestARefusalEndsTheStart: a start with a wrong database or user fails at once, with the server's reason.
func TestARefusalEndsTheStart(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(*url.URL){
		`database "nosuch" does not exist`: func(u *url.URL) { u.Path = "/nosuch" },
		`"nobody"`:                         func(u *url.URL) { u.User = url.UserPassword("nobody", "x") },
	} {
		u, err := url.Parse(testkit.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		var said bytes.Buffer
		err = migrateWhenUp(t.Context(), postgres.Config{URL: u.String()}, slog.New(slog.NewTextHandler(&said, nil)))
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("%s: %v", reason, err)
		}
		if said.Len() > 0 {
			t.Errorf("it waited: %s", said.String())
		}
	}
}

// TestANewerSchemaEndsTheStart: an older program does not serve what a newer one has migrated.
func TestANewerSchemaEndsTheStart(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.psql("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	err := migrateWhenUp(t.Context(), a.cfg.Database, slog.New(slog.DiscardHandler))
	if !errors.Is(err, postgres.ErrNewerSchema) {
		t.Errorf("%v", err)
	}
}

func TestDurationsInLogsHaveUnits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	NewLogger(&out, "info").Info("done", "took", 1500*time.Millisecond, slog.Group("report", "took", time.Second))
	var line struct {
		Took   any
		Report struct{ Took any }
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Took != "1.5s" || line.Report.Took != "1s" {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func TestHealthcheckAsksWhereTheServiceListens(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8000": "127.0.0.1:8000", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", "10.0.0.5:8000": "10.0.0.5:8000", "localhost:1": "localhost:1",
	} {
		if got, err := reachable(addr); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", addr, got, err, want)
		}
	}
}

// TestComposePassesEverySettingOn: a documented variable can be set in the environment or in .env without editing the file.
func TestComposePassesEverySettingOn(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct{ Environment map[string]*string }
	}
	if err := yaml.Unmarshal(raw, &compose); err != nil {
		t.Fatal(err)
	}
	passed := compose.Services["app"].Environment
	// Settings that the file itself determines, and those its services do not need.
	own := map[string]string{
		"DATABASE_URL": "a file", "REDIS_PASSWORD": "a file", "ADMIN_API_KEY": "a file", "MIGRATION_DATABASE_URL": "migrates elsewhere",
		"REDIS_URL": "host and port", "REDIS_DB": "its Redis is its own", "WORK_METRICS_ADDR": "for openlearn work alone",
	}
	var cfg Config
	for _, p := range cfg.parts() {
		for name := range settings(reflect.TypeOf(p).Elem()) {
			_, ok := passed[name]
			if _, file := passed[name+"_FILE"]; !ok && !file && own[name] == "" { // secrets are passed as files
				t.Errorf("docker-compose.yml does not pass %s to the service", name)
			}
		}
	}
}

// settings are the names of a part's variables.
func settings(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("envconfig"); name != "" {
			names[name] = true
		} else if f.Type.Kind() == reflect.Struct {
			for name := range settings(f.Type) {
				names[name] = true
			}
		}
	}
	return names
}
