package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestComposeConfinesEveryService: no service gets more than it needs, and no password is known beforehand.
func TestComposeConfinesEveryService(t *testing.T) {
	t.Parallel()
	type service struct {
		Command, Entrypoint any
		Environment         map[string]string
		CapDrop             []string `yaml:"cap_drop"`
		SecurityOpt         []string `yaml:"security_opt"`
		ReadOnly            bool     `yaml:"read_only"`
		MemLimit            string   `yaml:"mem_limit"`
		PidsLimit           int      `yaml:"pids_limit"`
		Volumes, Ports      []string
		DependsOn           map[string]struct{ Condition string } `yaml:"depends_on"`
		Privileged          bool
	}
	var compose struct {
		Services map[string]service
		Volumes  map[string]any
	}
	readYAML(t, "../docker-compose.yml", &compose)
	secrets := map[string]string{}
	for name, s := range compose.Services {
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s: cap_drop %q, security_opt %q", name, s.CapDrop, s.SecurityOpt)
		}
		if s.MemLimit == "" || s.PidsLimit == 0 {
			t.Errorf("%s: memory %q, pids %d", name, s.MemLimit, s.PidsLimit)
		}
		if !s.ReadOnly && name != "grafana" { // it writes all over its home
			t.Errorf("%s: its root can be written", name)
		}
		for key, value := range s.Environment {
			if strings.HasSuffix(key, "_FILE") || name == "grafana" {
				continue
			}
			if strings.Contains(key, "PASSWORD") || strings.HasSuffix(key, "_KEY") || strings.Contains(value, "://") && strings.Contains(value, "@") {
				t.Errorf("%s: %s is in the environment", name, key)
			}
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(volume, "secrets-") || name == "secrets" {
				continue
			}
			if !strings.HasSuffix(v, ":ro") || secrets[volume] != "" {
				t.Errorf("%s: %s, which %q has too", name, v, secrets[volume])
			}
			secrets[volume] = name
		}
	}
	for volume, want := range map[string]string{"secrets-app": "app", "secrets-migrate": "migrate", "secrets-postgres": "postgres", "secrets-redis": "redis"} {
		if _, ok := compose.Volumes[volume]; secrets[volume] != want || !ok {
			t.Errorf("%s is %q's", volume, secrets[volume])
		}
	}
	if got := compose.Services["app"].DependsOn["migrate"].Condition; got != "service_completed_successfully" {
		t.Errorf("the service starts when the migration is %q", got)
	}
	whole, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []string{"openlearn-local", "--requirepass", "_PASSWORD:-o"} {
		if strings.Contains(string(whole), known) {
			t.Errorf("docker-compose.yml has %q", known)
		}
	}
}

// TestSecretsAreMadeOnce runs the script of the first start, twice: what it made stays, and no two installations share any.
func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("init/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	start := func(root string) map[string]string {
		text := strings.NewReplacer("/secrets/", root+"/", "/init/", "init/").Replace(string(script))
		if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", text).CombinedOutput(); err != nil || len(out) > 20 {
			t.Fatalf("%v\n%s", err, out)
		}
		made := map[string]string{}
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			made[strings.TrimPrefix(path, root+"/")] = strings.TrimSpace(string(b))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	fresh := func() string {
		root := t.TempDir()
		for _, d := range []string{"app", "migrate", "postgres", "redis"} {
			if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return root
	}
	here, there := fresh(), fresh()
	first, again, other := start(here), start(here), start(there)
	if len(first) != 9 {
		t.Errorf("made %d files: %v", len(first), first)
	}
	for name, value := range first {
		if again[name] != value {
			t.Errorf("%s was made again", name)
		}
		if other[name] == value && !strings.HasSuffix(name, "complete") || len(value) < 15 {
			t.Errorf("%s is %q, and elsewhere %q", name, value, other[name])
		}
	}
	if !strings.Contains(first["app/database_url"], ":"+first["postgres/service"]+"@") || !strings.Contains(first["migrate/database_url"], ":"+first["postgres/owner"]+"@") {
		t.Error("the passwords of the addresses are not those of the roles")
	}
	if strings.Contains(first["redis/users.acl"], "PASSWORD") || strings.Contains(first["redis/users.acl"], first["app/redis_password"]) {
		t.Errorf("users.acl: %s", first["redis/users.acl"])
	}
	if strings.Contains(first["app/database_url"], first["postgres/owner"]) || strings.Contains(first["app/database_url"], "openlearn_owner") {
		t.Error("the service has the owner's password")
	}
}
