package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/government/upstream"
	"openlearn/internal/users"
	"openlearn/internal/users/mail"
)

// target is a service under attack, as one attacker sees it.
type target struct {
	*testApp

	from   string // the attacker's address
	shared *underAttack
}

// underAttack is the one service that all risks are tried on.
type underAttack struct {
	article int64           // that everybody may read
	canary  *canary         // a server inside, which nobody may make the service ask
	bank    *hostileService // a foreign service that lies
	mails   *mail.Kept
}

// TestOWASP attacks one running service in the ways of the OWASP API Security Top 10 of 2023: a file for each risk. Each attacker
// comes from an address of its own, so that what is counted against one is not counted against another.
func TestOWASP(t *testing.T) {
	t.Parallel()
	u := &underAttack{canary: newCanary(t), mails: &mail.Kept{}}
	u.bank = newHostileService(t, u.canary.URL)
	a, _ := newGovernmentApp(t, limitedTo(600, 100_000), func(c *Config) {
		c.Server.TrustedProxies = []string{"127.0.0.0/8"}
		c.OpenData.WorldBankURL = u.bank.URL
		replayed := c.testing.upstreams
		c.testing.upstreams = func(up *upstream.Config) {
			replayed(up)
			up.Failures, up.Budget, up.MaxBytes = 1000, 20*time.Second, 1<<20
		}
		c.Users.Workers, c.testing.mails = 1, u.mails
		c.testing.limits = users.DefaultLimits
		c.testing.limits.Signup.Most, c.testing.limits.Address.Most, c.testing.limits.Mailed.Most = 8, 14, 2
		c.Limits.UserPerMinute, c.Limits.UserPerHour = 100_000, 100_000 // the attackers with accounts are looked at for something else
	})
	u.article = a.create("Un título", "Semana", "")
	a.settle()
	for i, risk := range []struct {
		name   string
		attack func(*target)
	}{
		{"API1 broken object level authorization", brokenObjectLevelAuthorization},
		{"API2 broken authentication", brokenAuthentication},
		{"API3 broken object property level authorization", brokenPropertyLevelAuthorization},
		{"API4 unrestricted resource consumption", unrestrictedConsumption},
		{"API5 broken function level authorization", brokenFunctionLevelAuthorization},
		{"API6 unrestricted access to sensitive business flows", sensitiveFlows},
		{"API7 server side request forgery", requestForgery},
		{"API8 security misconfiguration", misconfiguration},
		{"API9 improper inventory management", improperInventory},
		{"API10 unsafe consumption of APIs", unsafeConsumption},
	} {
		t.Run(risk.name, func(t *testing.T) {
			risk.attack(&target{&testApp{a.Server, t, a.base}, fmt.Sprintf("192.0.2.%d", i+1), u})
		})
	}
}

// through adds the address that a trusted proxy would.
type through struct {
	http.RoundTripper

	from string
}

func (p through) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", strings.TrimPrefix(r.Header.Get("X-Forwarded-For")+", "+p.from, ", "))
	return p.RoundTripper.RoundTrip(r)
}

// person is somebody at the attacker's address; "" is nobody in particular.
func (x *target) person(email string) *person {
	p := x.testApp.person(email)
	p.client.Transport = through{p.client.Transport, x.from}
	return p
}

func (x *target) member(email string) *person {
	p := x.person(email)
	p.register()
	p.login()
	return p
}

// bearer is the header of a person's token.
func (p *person) bearer() []string {
	return []string{"Authorization", "Bearer " + p.cookie("/", "access_token")}
}

// refused checks that an attack is answered by one of these statuses, and gives the answer.
func (x *target) refused(p *person, what, method, path, body string, headers []string, statuses ...int) reply {
	x.t.Helper()
	r, err := p.try(method, path, body, headers...)
	if err != nil {
		x.t.Errorf("%s: %s %s: %v", what, method, path, err)
		return r
	}
	if !slices.Contains(statuses, r.StatusCode) {
		x.t.Errorf("%s: %s %s: %d, want one of %v\n%.300s", what, method, path, r.StatusCode, statuses, r.body)
	}
	return r
}

// canary is a server that only this machine can reach, and counts who does.
type canary struct {
	*httptest.Server

	asked atomic.Int64
}

func newCanary(t testing.TB) *canary {
	c := &canary{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.asked.Add(1)
		fmt.Fprint(w, "secreto del canario")
	}))
	t.Cleanup(c.Close)
	return c
}
