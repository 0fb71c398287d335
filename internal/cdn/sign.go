package cdn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// SignatureField holds the time at which a delivery was signed and its signature: t=1764350000,v1=5257a8…, where v1 is the hex
// form of HMAC-SHA256, with the shared secret, over the time as written, a full stop and the body.
const SignatureField = "OpenLearn-Signature"

func sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret, t string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(t + "."))
	m.Write(body)
	return m.Sum(nil)
}

// ErrSignature says that a delivery is not from whoever has the secret, or is too old.
var ErrSignature = errors.New("cdn: the signature does not hold")

// Verify is what a receiver does: it checks a delivery's signature, and that it was made at most tolerance before or after
// now, so that nobody can repeat what they have overheard later on.
func Verify(secret, field string, body []byte, now time.Time, tolerance time.Duration) error {
	var t string
	var given [][]byte
	for part := range strings.SplitSeq(field, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			t = value
		case "v1":
			if b, err := hex.DecodeString(value); err == nil {
				given = append(given, b)
			}
		}
	}
	at, err := strconv.ParseInt(t, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > tolerance {
		return ErrSignature
	}
	for _, g := range given {
		if hmac.Equal(g, mac(secret, t, body)) {
			return nil
		}
	}
	return ErrSignature
}
