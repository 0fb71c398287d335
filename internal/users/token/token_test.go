package token

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	old, fresh := Key{"old", Secret()}, Key{"new", Secret()}
	want := Access{7, "a-session", now.Add(AccessLifetime)}
	one, err := Keys{old}.Sign(want, now)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Keys{old}.Sign(want, now)
	if err != nil || one == two {
		t.Errorf("two tokens are one: %v", err)
	}
	for name, keys := range map[string]Keys{"its key": {old}, "in rotation": {fresh, old}} {
		if got, err := keys.Verify(one, now); err != nil || got.User != 7 || got.Session != "a-session" || !got.Expires.Equal(want.Expires) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if _, err := (Keys{fresh}).Verify(one, now); !errors.Is(err, ErrUnknownKey) || !errors.Is(err, ErrInvalid) {
		t.Errorf("another key: %v", err)
	}
	for at, ok := range map[time.Duration]bool{0: true, -time.Hour: true, AccessLifetime + Leeway - time.Second: true, AccessLifetime + Leeway + time.Second: false} {
		if _, err := (Keys{old}).Verify(one, now.Add(at)); (err == nil) != ok {
			t.Errorf("%v later: %v", at, err)
		}
	}
}

// TestForgedTokens: whatever a stranger can write.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	key := Key{"k", Secret()}
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"iss": issuer, "aud": audience, "sub": "7", "jti": "x", "sid": "s", "type": "access", "exp": now.Add(time.Minute).Unix()}
	}
	sign := func(method jwt.SigningMethod, secret any, kid any, change func(jwt.MapClaims)) string {
		c := good()
		change(c)
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = kid
		s, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := func(jwt.MapClaims) {}
	if _, err := (Keys{key}).Verify(sign(jwt.SigningMethodHS256, key.Secret, "k", same), now); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	fair := sign(jwt.SigningMethodHS256, key.Secret, "k", same)
	parts := strings.Split(fair, ".")
	forged := map[string]string{
		"none":           sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "k", same),
		"HS512":          sign(jwt.SigningMethodHS512, key.Secret, "k", same),
		"another secret": sign(jwt.SigningMethodHS256, Secret(), "k", same),
		"no kid":         sign(jwt.SigningMethodHS256, key.Secret, "", same),
		"a kid of lists": sign(jwt.SigningMethodHS256, key.Secret, []string{"k"}, same),
		"no exp":         sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { delete(c, "exp") }),
		"another issuer": sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { c["iss"] = "x" }),
		"no audience":    sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { delete(c, "aud") }),
		"a refresh one":  sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { c["type"] = "refresh" }),
		"sub of text":    sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { c["sub"] = "ana@example.org" }),
		"sub of nobody":  sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { c["sub"] = "0" }),
		"no session":     sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { delete(c, "sid") }),
		"too long":       sign(jwt.SigningMethodHS256, key.Secret, "k", func(c jwt.MapClaims) { c["x"] = strings.Repeat("x", Longest) }),
		"other claims":   parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"8"}`)) + "." + parts[2],
		"no signature":   parts[0] + "." + parts[1] + ".",
		"empty":          "", "dots": "..",
	}
	for name, s := range forged {
		if got, err := (Keys{key}).Verify(s, now); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestSuccessors(t *testing.T) {
	t.Parallel()
	one, family, other := Opaque(), Secret(), Secret()
	if next := Next(one, family); next != Next(one, family) || next == one || next == Next(one, other) || len(next) != len(one) {
		t.Errorf("%s after %s", next, one)
	}
	if len(Hash(one)) != 32 || Name(one) == Name(one+"x") {
		t.Error("hashes")
	}
}
