// Package tags turns dependencies into tags: short names under which caches outside of this service (CDNs, reverse proxies)
// hold answers, and by which they are told to let go of them. One rule makes them safe: for any dependency of an answer,
// what Purge lists of it and what Answer lists of the answer have a tag in common.
package tags

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"

	"openlearn/internal/cache/internal/version"
)

// Most is how many tags an answer has at most, so that with one for every answer they fit into what each cache must
// support of Cache-Groups (RFC 9875 §2: 32 groups of 32 characters), and into 0.5 kB of a field.
const Most = 31

// Length is that of a tag in bytes: 60 bits of SHA-256, in lower case, since some CDNs ignore case. If two dependencies
// should share a tag, too much is purged and never too little.
const Length = 12

var alphabet = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Name is a dependency's tag.
func Name(dep string) string { return hashed(version.Short(dep)) }

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return alphabet.EncodeToString(sum[:8])[:Length]
}

// Coarse tags. No dependency has these names: none contains a zero byte.
const (
	kindMark = "\x00kind:"
	restMark = "\x00rest"
)

// kindOf is the part of a dependency's name before its first colon, "" if it has none ("article" of "article:42").
func kindOf(dep string) string {
	kind, _, found := strings.Cut(dep, ":")
	if !found {
		return ""
	}
	return kind
}

// Answer lists the tags of an answer with these dependencies: at most this many, 1 or more. If there are more, all tags of a kind
// become one tag of that kind, the kind with most of them first; if there are too many kinds as well, one tag stands for
// everything.
func Answer(deps []string, most int) []string {
	kinds := map[string][]string{}
	count := 0
	for _, d := range deps {
		kind, tag := kindOf(d), Name(d)
		if !slices.Contains(kinds[kind], tag) {
			kinds[kind] = append(kinds[kind], tag)
			count++
		}
	}
	for count > most {
		largest := ""
		for kind, tags := range kinds {
			if n := len(kinds[largest]); len(tags) > n || len(tags) == n && kind < largest {
				largest = kind
			}
		}
		tags := kinds[largest]
		if len(tags) < 2 {
			return []string{hashed(restMark)}
		}
		count -= len(tags) - 1
		kinds[largest] = []string{hashed(kindMark + largest)}
	}
	out := make([]string, 0, count)
	for _, tags := range kinds {
		out = append(out, tags...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Purge lists the tags of all answers that depend on any of these: each dependency's own, that of its kind, and the one
// that stands for everything.
func Purge(deps []string) []string {
	if len(deps) == 0 {
		return nil
	}
	out := make([]string, 0, len(deps)+4)
	out = append(out, hashed(restMark))
	for _, d := range deps {
		out = append(out, Name(d), hashed(kindMark+kindOf(d)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Comma, Space and Strings are lists of tags as fields hold them: Cache-Tag and Edge-Cache-Tag; Surrogate-Key; Cache-Groups and
// Cache-Group-Invalidation (a list of strings, RFC 9651 §3.1).
func Comma(list []string) string { return strings.Join(list, ",") }

// Space separates them by spaces.
func Space(list []string) string { return strings.Join(list, " ") }

// Strings quotes them.
func Strings(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }
