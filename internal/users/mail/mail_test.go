package mail

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// postOffice is a real SMTP server that keeps what it is given.
type postOffice struct {
	mu   sync.Mutex
	got  []envelope
	user string // who logged in last
	deny bool   // every recipient

	server *smtp.Server
	addr   string
}

type envelope struct {
	from string
	to   []string
	raw  []byte
	tls  bool
}

// NewSession begins a conversation.
func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &visit{office: p, envelope: envelope{tls: encrypted}}, nil
}

func (p *postOffice) all() []envelope {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]envelope{}, p.got...)
}

// visit is one conversation.
type visit struct {
	envelope

	office *postOffice
	known  bool
}

func (*visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "cartero" || password != "clave de prueba/+%" {
			return smtp.ErrAuthFailed
		}
		v.office.mu.Lock()
		defer v.office.mu.Unlock()
		v.known, v.office.user = true, user
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if !v.known {
		return smtp.ErrAuthRequired
	}
	v.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	if v.office.deny {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}
	}
	v.to = append(v.to, to)
	return nil
}

func (v *visit) Data(r io.Reader) (err error) {
	if v.raw, err = io.ReadAll(r); err != nil {
		return err
	}
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	v.office.got = append(v.office.got, v.envelope)
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// certificate is one for localhost that nobody else trusts.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// open starts a server with STARTTLS, or TLS from the start. Passwords are not taken without TLS.
func open(t *testing.T, implicit bool) (*postOffice, *x509.CertPool) {
	t.Helper()
	cert, pool := certificate(t)
	p := &postOffice{}
	p.server = smtp.NewServer(p)
	p.server.Domain = "localhost"
	p.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	p.server.ErrorLog = quiet{}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, p.server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- p.server.Serve(l) }()
	t.Cleanup(func() {
		_ = p.server.Close()
		<-done
	})
	return p, pool
}

// quiet is a log of what clients do wrong, which tests make them do.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// sender asks a server under the name localhost.
func sender(t *testing.T, scheme, userinfo, addr string, roots *x509.CertPool) *SMTP {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSMTP(scheme+"://"+userinfo+"localhost:"+port, "Árboles & Cía <no-reply@example.org>")
	if err != nil {
		t.Fatal(err)
	}
	s.tls.RootCAs = roots
	return s
}

const credentials = "cartero:clave%20de%20prueba%2F%2B%25@"

// TestMailsReachARealServer: by STARTTLS and by TLS from the start, with a password, and as they were meant.
func TestMailsReachARealServer(t *testing.T) {
	t.Parallel()
	for scheme, implicit := range map[string]bool{"smtp": false, "smtps": true} {
		p, roots := open(t, implicit)
		s := sender(t, scheme, credentials, p.addr, roots)
		long := strings.Repeat("Línea larga con eñes y emojis 🦜. ", 60)
		sent := Message{To: "maria.o'brien+x@example.org", Subject: "Nueva contraseña — " + strings.Repeat("añ", 60), Text: "Hola\n.\n.punto al principio\nFrom aquí\n" + long + "\nhttps://example.org/reset-password?token=abc_DEF-123=\n"}
		if err := s.Send(t.Context(), sent); err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		got := p.all()
		if len(got) != 1 || !got[0].tls || p.user != "cartero" || got[0].from != "no-reply@example.org" || len(got[0].to) != 1 || got[0].to[0] != sent.To {
			t.Fatalf("%s: %+v, by %q", scheme, got, p.user)
		}
		for _, line := range bytes.Split(bytes.TrimSuffix(got[0].raw, []byte("\r\n")), []byte("\r\n")) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n") || bytes.ContainsFunc(line, func(c rune) bool { return c > '~' }) {
				t.Errorf("%s: a line of %d bytes that not every server takes: %.80q", scheme, len(line), line)
			}
		}
		m, err := netmail.ReadMessage(bytes.NewReader(got[0].raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != sent.Subject {
			t.Errorf("%s: subject %q, %v", scheme, subject, err)
		}
		from, err := m.Header.AddressList("From")
		if err != nil || from[0].Name != "Árboles & Cía" || from[0].Address != "no-reply@example.org" {
			t.Errorf("%s: from %v, %v", scheme, from, err)
		}
		to, err := m.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != sent.To {
			t.Errorf("%s: to %v, %v", scheme, to, err)
		}
		kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil || kind != "text/plain" || !strings.EqualFold(params["charset"], "utf-8") || m.Header.Get("Message-Id") == "" || m.Header.Get("Date") == "" {
			t.Errorf("%s: headers %v", scheme, m.Header)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil || strings.ReplaceAll(strings.TrimRight(string(text), "\r\n"), "\r\n", "\n") != strings.TrimRight(sent.Text, "\n") {
			t.Errorf("%s: text\n%q\nwant\n%q (%v)", scheme, text, sent.Text, err)
		}
	}
}

// TestNoHeaderCanBeInjected: what looks like another header, recipient or command stays text, or is refused.
func TestNoHeaderCanBeInjected(t *testing.T) {
	t.Parallel()
	p, roots := open(t, false)
	s := sender(t, "smtp", credentials, p.addr, roots)
	for _, m := range []Message{
		{To: "ana@example.org", Subject: "Hola\r\nBcc: eva@example.org", Text: "x"},
		{To: "ana@example.org", Subject: "Hola\nBcc: eva@example.org\n\nOtro cuerpo", Text: "x"},
		{To: "ana@example.org", Subject: "Hola\rBcc: eva@example.org", Text: "x"},
		{To: "ana@example.org", Subject: "Hola\u2028Bcc: eva@example.org\x00", Text: "x"},
		{To: "ana@example.org", Subject: "=?utf-8?q?Hola=0D=0ABcc:_eva@example.org?=", Text: "x"},
		{To: "ana@example.org", Subject: "Hola", Text: "x\r\n.\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<eva@example.org>\r\nDATA\r\nx\r\n.\r\n"},
		{To: "ana@example.org", Subject: "Hola", Text: "x\n.\nRCPT TO:<eva@example.org>\n\r.\n\n.\r\n"},
		{To: "ana@example.org\r\nBcc: eva@example.org", Subject: "Hola", Text: "x"},
		{To: "ana@example.org> RCPT TO:<eva@example.org", Subject: "Hola", Text: "x"},
		{To: "ana@example.org, eva@example.org", Subject: "Hola", Text: "x"},
	} {
		err := s.Send(t.Context(), m)
		if err != nil && strings.Contains(err.Error(), "example.org") {
			t.Errorf("the error repeats an address: %v", err)
		}
		if err == nil && m.To != "ana@example.org" {
			t.Errorf("%q was taken for an address", m.To)
		}
	}
	got := p.all()
	if len(got) < 7 {
		t.Errorf("only %d mails came", len(got))
	}
	for _, e := range got {
		m, err := netmail.ReadMessage(bytes.NewReader(e.raw))
		if err != nil {
			t.Errorf("%v\n%s", err, e.raw)
			continue
		}
		if len(e.to) != 1 || e.to[0] != "ana@example.org" || m.Header.Get("Bcc") != "" || m.Header.Get("To") != "<ana@example.org>" {
			t.Errorf("to %v, headers %v", e.to, m.Header)
		}
	}
}

// TestMailsThatCannotBeSent: a wrong password, a certificate of somebody else, a server without TLS, one that refuses, is away or
// hangs. Errors name neither the recipient nor the password, and come within the bound.
func TestMailsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	good, roots := open(t, false)
	refuses, itsRoots := open(t, false)
	refuses.deny = true
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for what, s := range map[string]*SMTP{
		"a wrong password":                       sender(t, "smtp", "cartero:no@", good.addr, roots),
		"no password":                            sender(t, "smtp", "", good.addr, roots),
		"a certificate nobody vouches":           sender(t, "smtp", credentials, good.addr, x509.NewCertPool()),
		"TLS from the start, which is not there": sender(t, "smtps", credentials, good.addr, roots),
		"no such recipient":                      sender(t, "smtp", credentials, refuses.addr, itsRoots),
		"nobody there":                           sender(t, "smtp", credentials, gone.Addr().String(), roots),
		"a server that says nothing":             sender(t, "smtp", credentials, silent.Addr().String(), roots),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if what == "a server that says nothing" {
			go func() { // somebody gives up, once the server has been reached
				if c, err := silent.Accept(); err == nil {
					cancel()
					_ = c.Close()
				}
			}()
		}
		err := s.Send(ctx, Message{To: "ana.secreta@example.org", Subject: "Hola", Text: "x"})
		cancel()
		if err == nil {
			t.Errorf("%s: sent", what)
		} else if text := err.Error(); strings.Contains(text, "ana.secreta") || strings.Contains(text, "clave de prueba") || strings.Contains(text, "cartero") {
			t.Errorf("%s: the error tells %s", what, text)
		}
	}
	if len(good.all())+len(refuses.all()) != 0 {
		t.Error("a mail came all the same")
	}
	if err := (None{}).Send(t.Context(), Message{}); !errors.Is(err, ErrNoServer) {
		t.Errorf("without a server: %v", err)
	}
	for _, wrong := range []string{"", "smtp://", "://x", "smtp://user:clave secreta@host:x"} {
		if _, err := NewSMTP(wrong, "a@example.org"); err == nil || strings.Contains(err.Error(), "clave") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
