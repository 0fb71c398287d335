package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(Default)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := h.Hash(t.Context(), "una clave larga")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s %v", stored, err)
	}
	if again, _ := h.Hash(t.Context(), "una clave larga"); again == stored {
		t.Error("two hashes have one salt")
	}
	for pw, want := range map[string]bool{"una clave larga": true, "una clave larg": false, "": false, "una clave larga ": false} {
		if ok, outdated, err := h.Verify(t.Context(), stored, pw); ok != want || outdated || err != nil {
			t.Errorf("%q: %v %v %v", pw, ok, outdated, err)
		}
	}
	if ok, _, err := h.Verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("no account: %v %v", ok, err)
	}
	stronger, err := NewHasher(Params{20 << 10, 2, 1})
	if err != nil {
		t.Fatal(err)
	}
	if ok, outdated, err := stronger.Verify(t.Context(), stored, "una clave larga"); !ok || !outdated || err != nil {
		t.Errorf("after the parameters have grown: %v %v %v", ok, outdated, err)
	}
}

func TestAbsurdHashesAreRefused(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(Params{8, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	salt, key := encode(make([]byte, 16)), encode(make([]byte, 32))
	for _, stored := range []string{
		"x", "$2b$12$abc", "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + key, "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=8,t=4000000,p=1$" + salt + "$" + key, "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + key, "$argon2id$v=19$m=8,t=1,p=255$" + salt + "$" + key, "$argon2id$v=19$m=8,t=1,p=1$$" + key,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + encode(make([]byte, 200)), "$argon2id$v=19$m=8,t=1,p=1$" + salt,
	} {
		if ok, _, err := h.Verify(t.Context(), stored, "una clave"); ok || err == nil {
			t.Errorf("%s: %v %v", stored, ok, err)
		}
	}
}

// TestTurns: who would wait too long is told so, and whoever gave up gets its error.
func TestTurns(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(Params{8, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	h.patient = 0
	const all = 1 << 10
	taken := 0
	for h.slots.TryAcquire(1) {
		if taken++; taken > all {
			t.Fatal("there is no bound")
		}
	}
	if _, err := h.Hash(t.Context(), "una clave"); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Verify(ended, "", "una clave"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	h.slots.Release(int64(taken))
	h.patient = time.Hour
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := h.Hash(t.Context(), "una clave"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestTheLine: who finds it full is told at once, until somebody leaves.
func TestTheLine(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(Params{8, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	var leave []func()
	for len(leave) < int(h.most) {
		l, err := h.Join()
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	for range 3 {
		if _, err := h.Join(); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
	}
	leave[0]()
	if _, err := h.Join(); err != nil {
		t.Errorf("somebody has left: %v", err)
	}
}

func TestWeakPasswords(t *testing.T) {
	t.Parallel()
	for pw, want := range map[string]bool{
		"password1": false, "PASSWORD1": false, "contraseña": false, "12345678": false, "aaaaaaaaaaaa": false, "ññññññññ": false, "corta": false, "ana@example.org": false,
		"una frase cualquiera": true, "ñandúes8": true, strings.Repeat("áb", 128): true, strings.Repeat("áb", 128) + "c": false, "        x": true,
	} {
		if err := Check(pw, "ana@example.org"); (err == nil) != want {
			t.Errorf("%.20q: %v, want it taken: %v", pw, err, want)
		}
	}
	if Normalise("n\u0303") != "ñ" {
		t.Error("an accented letter has two spellings")
	}
}
