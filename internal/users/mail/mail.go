// Package mail sends mails: by SMTP, or, in development, to a page that shows them.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	smtp "github.com/wneessen/go-mail"
)

// Message is one mail, in plain text.
type Message struct {
	To, Subject, Text string
	At                time.Time // set by whoever keeps it
}

// Sender delivers mails, or hands them to a server that will.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// sendTimeout bounds one delivery.
const sendTimeout = 20 * time.Second

// SMTP hands mails to a server.
type SMTP struct {
	from string
	host string
	tls  *tls.Config
	opts []smtp.Option
}

// NewSMTP reads the address of a server: smtp://user:password@host:587, where TLS is required unless the host is this machine, or
// smtps:// for TLS from the start. Errors never repeat it.
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("mail: the server's address cannot be read")
	}
	s := &SMTP{from: from, host: u.Hostname(), tls: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
	port := 587
	if u.Scheme == "smtps" {
		port = 465
		s.opts = append(s.opts, smtp.WithSSL())
	}
	policy := smtp.TLSMandatory
	if h := u.Hostname(); h == "localhost" || h == "127.0.0.1" || h == "::1" {
		policy = smtp.TLSOpportunistic
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, errors.New("mail: the server's port cannot be read")
		}
	}
	s.opts = append(s.opts, smtp.WithTLSPolicy(policy), smtp.WithPort(port), smtp.WithTimeout(sendTimeout),
		smtp.WithTLSConfig(s.tls))
	if u.User != nil {
		password, _ := u.User.Password()
		s.opts = append(s.opts, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(u.User.Username()), smtp.WithPassword(password))
	}
	return s, nil
}

// Send hands one mail to the server.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	msg := smtp.NewMsg()
	if err := errors.Join(msg.From(s.from), msg.To(m.To)); err != nil {
		return errors.New("mail: an address is not accepted") // its text would repeat the address
	}
	msg.Subject(m.Subject)
	msg.SetBodyString(smtp.TypeTextPlain, m.Text)
	client, err := smtp.NewClient(s.host, s.opts...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		var refused *smtp.SendError
		if errors.As(err, &refused) {
			return fmt.Errorf("mail: the server refused it (%s)", refused.Reason) // without the recipient
		}
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// mostKept bounds how many mails are kept.
const mostKept = 100

// Kept keeps mails in memory, for development: nothing leaves this machine.
type Kept struct {
	mu   sync.Mutex
	kept []Message
}

// Send keeps one mail.
func (k *Kept) Send(_ context.Context, m Message) error {
	m.At = time.Now().UTC()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, m)
	if len(k.kept) > mostKept {
		k.kept = slices.Delete(k.kept, 0, len(k.kept)-mostKept)
	}
	return nil
}

// All are the mails, the newest first.
func (k *Kept) All() []Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.Clone(k.kept)
	slices.Reverse(all)
	return all
}

// ErrNoServer: no server is configured, so mails go nowhere.
var ErrNoServer = errors.New("mail: SMTP_URL is not set")

// None sends nothing.
type None struct{}

// Send says that it did not.
func (None) Send(context.Context, Message) error { return ErrNoServer }
