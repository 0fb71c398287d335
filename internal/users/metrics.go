package users

import "github.com/prometheus/client_golang/prometheus"

// metrics count what happens to accounts, without saying whose.
type metrics struct {
	logins  *prometheus.CounterVec
	refused *prometheus.CounterVec
	mails   *prometheus.CounterVec
}

// Outcomes of logins.
const (
	loginOK       = "ok"
	loginWrong    = "wrong"
	loginInactive = "inactive"
	loginBusy     = "busy"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		logins:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "user_logins_total", Help: "Logins, by how they ended."}, []string{"outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "user_attempts_refused_total", Help: "Attempts refused because there were too many, by what they are counted by."}, []string{"counter"}),
		mails:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "user_mails_total", Help: "Mails to users, by kind and how they ended."}, []string{"kind", "outcome"}),
	}
	for _, o := range []string{loginOK, loginWrong, loginInactive, loginBusy} {
		m.logins.WithLabelValues(o)
	}
	for _, kind := range []string{"pair", "address", "account", "device", "signup", "mail " + mailReset, "mail " + mailVerify} {
		m.refused.WithLabelValues(kind)
	}
	for _, kind := range []string{mailVerify, mailReset, mailTaken, mailChanged} {
		for _, outcome := range []string{"sent", "failed", "nobody", "needless", "too many"} {
			m.mails.WithLabelValues(kind, outcome)
		}
	}
	reg.MustRegister(m.logins, m.refused, m.mails)
	return m
}
