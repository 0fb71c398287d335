// Package token makes what stands for a right: access tokens, which are signed (JWT, RFC 7519, HS256) and carry no more than
// whose and which login they are, and opaque ones, of which only a hash is stored.
package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lifetimes and bounds of access tokens.
const (
	AccessLifetime = 30 * time.Minute
	// Longest is the most bytes that are looked at.
	Longest = 4 << 10
	// Leeway is how far clocks of instances may differ.
	Leeway = 30 * time.Second
	// ShortestSecret is the least length of a signing secret: that of HS256's output (RFC 7518 §3.2).
	ShortestSecret = 32

	issuer   = "openlearn"
	audience = "openlearn-api"
)

// Key signs access tokens and verifies them.
type Key struct {
	ID     string
	Secret []byte
}

// Keys are in use at a time: the first one signs, all of them verify, so that they can be exchanged one after the other.
type Keys []Key

func (k Keys) find(id string) []byte {
	for _, one := range k {
		if one.ID == id {
			return one.Secret
		}
	}
	return nil
}

// Access is what an access token says. Role and state of the account are looked up, and never read from it.
type Access struct {
	User    int64
	Session string
	Expires time.Time
}

type claims struct {
	jwt.RegisteredClaims

	Session string `json:"sid"`
	Type    string `json:"type"` // the original's claim: refresh tokens of its kind must not pass for this
}

// ErrInvalid: no access token that we signed, or one that has expired.
var ErrInvalid = errors.New("token: not a valid access token")

// ErrUnknownKey: the token names a key that we do not have, which another instance may have made meanwhile.
var ErrUnknownKey = fmt.Errorf("%w: unknown key", ErrInvalid)

// Sign makes an access token. Each is another one.
func (k Keys) Sign(a Access, now time.Time) (string, error) {
	if len(k) == 0 {
		return "", errors.New("token: no key to sign with")
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: strconv.FormatInt(a.User, 10), ID: Opaque(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(a.Expires),
		},
		Session: a.Session, Type: "access",
	})
	t.Header["kid"] = k[0].ID
	return t.SignedString(k[0].Secret)
}

// Verify reads an access token. iat is not judged: clocks differ, and exp bounds its life.
func (k Keys) Verify(token string, now time.Time) (Access, error) {
	if len(token) > Longest {
		return Access{}, ErrInvalid
	}
	var c claims
	unknown := false
	_, err := jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if secret := k.find(id); secret != nil && id != "" {
			return secret, nil
		}
		unknown = true
		return nil, ErrUnknownKey
	}, jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(Leeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		if unknown {
			return Access{}, ErrUnknownKey
		}
		return Access{}, ErrInvalid
	}
	user, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || user <= 0 || c.Session == "" || c.ID == "" || c.Type != "access" {
		return Access{}, ErrInvalid
	}
	return Access{User: user, Session: c.Session, Expires: c.ExpiresAt.Time}, nil
}

// Opaque is a new token of 256 random bits.
func Opaque() string { return base64.RawURLEncoding.EncodeToString(Secret()) }

// Secret is 256 random bits.
func Secret() []byte {
	b := make([]byte, sha256.Size)
	rand.Read(b) //nolint:errcheck // it never fails (crypto/rand)
	return b
}

// Hash is what is stored of a token: it is random, so a fast hash is enough.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Name is the hash as a text, for keys.
func Name(token string) string { return hex.EncodeToString(Hash(token)) }

// Next is the token that follows after another one in a family with this secret: everybody who rotates the same token at the
// same time gets the same one, although nobody stores it.
func Next(token string, family []byte) string {
	m := hmac.New(sha256.New, family)
	m.Write([]byte(token)) //nolint:errcheck // it never fails (hash.Hash)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
