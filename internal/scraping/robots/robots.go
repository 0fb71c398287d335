// Package robots reads robots.txt (RFC 9309) and says what an agent may fetch.
package robots

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds on one robots.txt: RFC 9309 §2.5 asks for at least 500 KiB to be read.
const (
	MaxBytes      = 512 << 10
	maxCrawlDelay = 2 * time.Minute // a longer one would mean never: the pass would end before
)

// maxSitemaps bounds how many of the sitemaps that a file names are kept.
const maxSitemaps = 100

// Rules are the rules of one robots.txt that concern one agent. They follow RFC 9309, and Google's open-source matcher
// where it is silent.
type Rules struct {
	rules      []rule
	CrawlDelay time.Duration
	Sitemaps   []string // as written, of any group (RFC 9309 §2.2.4 leaves them to others)
}

type rule struct {
	pattern string // percent-encoded; * matches any run, a final $ anchors
	allow   bool
}

var (
	AllowAll    = &Rules{}
	DisallowAll = &Rules{rules: []rule{{pattern: "/"}}}
)

// Parse keeps the rules for the agent with this product token (letters, - and _), or those for * if no group names it. It
// accepts any input and skips what is not a rule.
func Parse(body []byte, agent string) *Rules {
	if len(body) > MaxBytes {
		body = body[:MaxBytes]
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	var own, global Rules
	var sitemaps []string
	var inOwn, inGlobal, seenOwn, separated bool
	for line := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return r == '\n' || r == '\r' }) {
		key, value, ok := splitLine(line)
		if !ok {
			continue
		}
		add := func(f func(*Rules)) {
			separated = true
			if inOwn {
				f(&own)
			}
			if inGlobal {
				f(&global)
			}
		}
		switch key {
		case "user-agent", "useragent", "user agent":
			if separated { // a rule ended the last group's list of agents
				inOwn, inGlobal, separated = false, false, false
			}
			switch {
			case value == "*" || (len(value) > 1 && value[0] == '*' && (value[1] == ' ' || value[1] == '\t')):
				inGlobal = true
			case strings.EqualFold(ProductToken(value), agent):
				inOwn, seenOwn = true, true
			}
		case "allow":
			add(func(r *Rules) { r.rules = append(r.rules, allowRules(value)...) })
		case "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw":
			add(func(r *Rules) {
				if value != "" {
					r.rules = append(r.rules, rule{pattern: escapePattern(value)})
				}
			})
		case "sitemap":
			if value != "" && len(sitemaps) < maxSitemaps {
				sitemaps = append(sitemaps, value)
			}
		case "crawl-delay":
			seconds, err := strconv.ParseFloat(value, 64)
			if err == nil && seconds > 0 {
				delay := maxCrawlDelay
				if seconds < maxCrawlDelay.Seconds() {
					delay = time.Duration(seconds * float64(time.Second))
				}
				// Not a separator: sites put it between two user-agent lines.
				if inOwn {
					own.CrawlDelay = max(own.CrawlDelay, delay)
				}
				if inGlobal {
					global.CrawlDelay = max(global.CrawlDelay, delay)
				}
			}
		}
	}
	own.Sitemaps, global.Sitemaps = sitemaps, sitemaps
	if seenOwn {
		return &own
	}
	return &global
}

// splitLine splits "key: value # comment"; the colon may be missing between two words.
func splitLine(line string) (key, value string, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	line = strings.TrimSpace(line)
	key, value, ok = strings.Cut(line, ":")
	if !ok {
		words := strings.Fields(line)
		if len(words) != 2 {
			return "", "", false
		}
		key, value = words[0], words[1]
	}
	return strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value), true
}

// ProductToken is the leading letters, - and _ of a user-agent value (RFC 9309 §2.2.1).
func ProductToken(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

// allowRules makes one rule, and for ".../index.html" a second one for the folder itself, as Google does.
func allowRules(value string) []rule {
	if value == "" {
		return nil
	}
	rules := []rule{{pattern: escapePattern(value), allow: true}}
	if slash := strings.LastIndexByte(value, '/'); slash >= 0 && strings.HasPrefix(value[slash:], "/index.htm") {
		rules = append(rules, rule{pattern: escapePattern(value[:slash+1]) + "$", allow: true})
	}
	return rules
}

// Blocking is the Disallow pattern that forbids u, "" if it is allowed.
func (r *Rules) Blocking(u *url.URL) string {
	if pattern, allowed := r.decide(u); !allowed {
		return pattern
	}
	return ""
}

// Allowed decides on a path with its query, as in a request line: the longest matching pattern wins, and allow wins a
// tie. /robots.txt itself is always allowed.
func (r *Rules) Allowed(u *url.URL) bool {
	_, allowed := r.decide(u)
	return allowed
}

// decide returns the pattern that counts and whether it allows the path.
func (r *Rules) decide(u *url.URL) (pattern string, allow bool) {
	path := escapeOctets(u.RequestURI(), false)
	if path == "/robots.txt" {
		return "", true
	}
	longest := -1
	allow = true
	for _, rule := range r.rules {
		n := len(rule.pattern)
		if n < longest || (n == longest && allow) {
			continue
		}
		if match(path, rule.pattern) {
			longest, allow, pattern = n, rule.allow, rule.pattern
		}
	}
	return pattern, allow
}

// match matches pattern against the beginning of path. It walks both once per wildcard, keeping only the latest
// one: that is enough for a pattern whose end is open or anchored, and cannot blow up on hostile patterns.
func match(path, pattern string) bool {
	anchored := strings.HasSuffix(pattern, "$")
	pattern = strings.TrimSuffix(pattern, "$")
	pieces := strings.Split(pattern, "*")
	if !strings.HasPrefix(path, pieces[0]) {
		return false
	}
	at := len(pieces[0])
	for i, piece := range pieces[1:] {
		if last := i == len(pieces)-2; last && anchored {
			return len(path)-at >= len(piece) && strings.HasSuffix(path, piece)
		}
		j := strings.Index(path[at:], piece)
		if j < 0 {
			return false
		}
		at += j + len(piece)
	}
	return !anchored || at == len(path)
}

// escapePattern percent-encodes non-ASCII bytes and writes existing escapes in upper case, so that a pattern and a path
// compare byte by byte (RFC 9309 §2.2.2).
func escapePattern(s string) string { return escapeOctets(s, true) }

// escapeOctets percent-encodes non-ASCII bytes. Escapes in a path stay unchanged: the reference matcher compares the
// address as it will be requested.
func escapeOctets(s string, upper bool) string {
	const hex = "0123456789ABCDEF"
	isHex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case upper && c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteString(strings.ToUpper(s[i : i+3]))
			i += 2
		case c >= 0x80:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
