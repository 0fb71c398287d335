package app

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"openlearn/internal/jobs"
	"openlearn/internal/testkit"
)

// flakyMail is a real SMTP server behind a door that can be shut: who comes then is turned away at once.
type flakyMail struct {
	net.Listener

	shut   atomic.Bool
	turned atomic.Int64

	mu  sync.Mutex
	got []string
}

// Accept turns clients away while the door is shut.
func (f *flakyMail) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if err != nil || !f.shut.Load() {
			return c, err
		}
		f.turned.Add(1)
		_ = c.Close()
	}
}

// NewSession begins a conversation.
func (f *flakyMail) NewSession(*smtp.Conn) (smtp.Session, error) { return flakySession{f}, nil }

type flakySession struct{ f *flakyMail }

func (flakySession) Mail(string, *smtp.MailOptions) error { return nil }
func (flakySession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (flakySession) Reset()                               {}
func (flakySession) Logout() error                        { return nil }

func (s flakySession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.got = append(s.f.got, string(b))
	return err
}

func (f *flakyMail) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.got...)
}

// TestMailsWaitForTheirServer: while it is away they stay in the queue, and answers do not wait for it; when it is back each arrives
// once, with a link that works.
func TestMailsWaitForTheirServer(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flakyMail{Listener: l}
	f.shut.Store(true)
	server := smtp.NewServer(f)
	server.Domain = "localhost"
	served := make(chan error, 1)
	go func() { served <- server.Serve(f) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	a := newTestApp(t, func(c *Config) {
		c.Users.Workers, c.Users.SMTP = 1, "smtp://"+l.Addr().String()
		c.testing.jobs = jobs.Options{Poll: 20 * time.Millisecond}
	})
	p := a.person("ana@example.org")
	p.register()
	testkit.Eventually(t, "the server has been tried", func() bool { return f.turned.Load() > 0 })
	testkit.Eventually(t, "the job waits", func() bool {
		return a.number(`SELECT count(*) FROM river_job WHERE kind = 'user_mail' AND state = 'retryable'`) == 1
	})
	if len(f.all()) != 0 || a.number(`SELECT count(*) FROM mail_tokens`) == 0 {
		t.Error("a mail was sent, or no token made")
	}
	if r := a.get("/metrics"); !strings.Contains(string(r.body), `user_mails_total{kind="verify",outcome="failed"} 1`) {
		t.Error("the metrics do not say that it failed")
	}
	f.shut.Store(false)
	if err := a.jobs.RunNow(t.Context(), int64(a.number(`SELECT id FROM river_job WHERE kind = 'user_mail'`))); err != nil { // it would wait for ten seconds
		t.Fatal(err)
	}
	testkit.Eventually(t, "the mail", func() bool { return len(f.all()) == 1 })
	testkit.Eventually(t, "the job is done", func() bool {
		return a.number(`SELECT count(*) FROM river_job WHERE kind = 'user_mail' AND state = 'completed'`) == 1
	})
	if n := len(f.all()); n != 1 {
		t.Errorf("%d mails", n)
	}
	link := linkToken.FindStringSubmatch(strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(f.all()[0]))
	if link == nil {
		t.Fatalf("no link in\n%s", f.all()[0])
	}
	p.want(http.StatusOK, http.MethodPost, "/api/auth/verify-email", `{"token":`+asJSON(link[1])+`}`)
}
