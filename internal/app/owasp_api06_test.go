package app

import (
	"fmt"
	"net/http"
	"strings"

	"openlearn/internal/testkit"
)

// sensitiveFlows: what is no fault of a single request, only of many.
func sensitiveFlows(x *target) {
	victim := x.member("ana.api6@example.org")
	many := func(what string, n, most int, ask func(i int) reply) {
		x.t.Helper()
		got := map[int]int{}
		for i := range n {
			r := ask(i)
			if got[r.StatusCode]++; r.StatusCode == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
				x.t.Errorf("%s: 429 without Retry-After", what)
			}
		}
		if done := n - got[http.StatusTooManyRequests]; done > most || done == 0 {
			x.t.Errorf("%s: %d of %d times: %v, want at most %d", what, done, n, got, most)
		}
	}
	ask := func(from, method, path, body string) reply {
		return (&target{x.testApp, from, x.shared}).person("").do(method, path, body)
	}
	many("accounts from one address", 11, 8, func(i int) reply {
		return ask("198.51.100.1", http.MethodPost, "/api/auth/register", fmt.Sprintf(`{"email":"nueva%d.api6@example.org","password":%s,"full_name":"Ana"}`, i, asJSON(goodPassword)))
	})
	many("accounts from one /64", 11, 8, func(i int) reply {
		return ask(fmt.Sprintf("2001:db8:1:2::%d", i+1), http.MethodPost, "/api/auth/register", fmt.Sprintf(`{"email":"otra%d.api6@example.org","password":%s,"full_name":"Ana"}`, i, asJSON(goodPassword)))
	})
	many("mails to one account from one address", 8, 3, func(int) reply {
		return ask("198.51.100.2", http.MethodPost, "/api/auth/password-reset", `{"email":"ana.api6@example.org"}`)
	})
	many("the same for others, who may not exist", 11, 8, func(i int) reply {
		return ask("198.51.100.3", http.MethodPost, "/api/auth/password-reset", fmt.Sprintf(`{"email":"nadie%d.api6@example.org"}`, i))
	})
	// From many addresses all are answered alike, and the victim gets few mails.
	for i := range 8 {
		if r := ask(fmt.Sprintf("198.51.100.%d", 10+i), http.MethodPost, "/api/auth/password-reset", `{"email":"ana.api6@example.org"}`); r.StatusCode != http.StatusOK {
			x.t.Errorf("asking for a mail: %d %s", r.StatusCode, r.body)
		}
	}
	testkit.Eventually(x.t, "all mails have been sent or left", func() bool {
		return x.number(`SELECT count(*) FROM river_job WHERE kind = 'user_mail' AND state NOT IN ('completed', 'cancelled', 'discarded')`) == 0
	})
	got := 0
	for _, m := range x.shared.mails.All() {
		if m.To == victim.email && strings.Contains(m.Subject, "Nueva contraseña") {
			got++
		}
	}
	if got != 2 {
		x.t.Errorf("%d mails to one account, want the 2 that it may get", got)
	}
	x.refused(victim, "a pass over a newspaper", http.MethodPost, "/api/scraping/trigger/Semana", "", nil, http.StatusForbidden)
}
