package users

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"openlearn/internal/jobs"
	"openlearn/internal/users/mail"
	"openlearn/internal/users/token"
)

// Kinds of mails.
const (
	mailVerify  = "verify"  // confirm the address
	mailReset   = "reset"   // set a new password
	mailTaken   = "taken"   // somebody registered with the address of an account
	mailChanged = "changed" // the password was changed
)

// mailArgs ask for a mail to whoever has an account with the address of this hash. Whether there is one is found out by the job,
// so that asking takes the same time either way; the mail goes to the stored address, and tokens are made when it is sent.
type mailArgs struct {
	What string `json:"what"`
	To   string `json:"to"` // the hash, in hexadecimal
}

// Kind is the job's name.
func (mailArgs) Kind() string { return "user_mail" }

// Work is what this domain does in the background.
func (s *Service) Work() []jobs.Work {
	return []jobs.Work{{
		Queue: jobs.Queue{Name: "user_mail", Workers: s.opt.Config.Workers},
		Kinds: []jobs.Kind{jobs.Handle(jobs.KindOptions{Timeout: time.Minute, Attempts: 8}, s.mail)},
	}}
}

// ask has a mail sent, if there is somebody to send it to.
func (s *Service) ask(ctx context.Context, what, email string) error {
	_, err := s.opt.Jobs.Insert(ctx, mailArgs{what, hex.EncodeToString(emailHash(email))})
	return err
}

func (s *Service) mail(ctx context.Context, j *jobs.Job[mailArgs]) error {
	outcome, err := s.sendMail(ctx, j.Args)
	if err != nil {
		outcome = "failed"
	}
	s.metrics.mails.WithLabelValues(j.Args.What, outcome).Inc()
	if errors.Is(err, mail.ErrNoServer) {
		s.log.Warn("a mail to a user was not sent", "kind", j.Args.What, "error", err)
		return jobs.Cancel(err)
	}
	return err
}

func (s *Service) sendMail(ctx context.Context, a mailArgs) (outcome string, err error) {
	hash, err := hex.DecodeString(a.To)
	if err != nil {
		return "", jobs.Cancel(err)
	}
	u, err := s.store.byEmailHash(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return "nobody", nil
	}
	if err != nil {
		return "", err
	}
	if !u.Active || a.What == mailVerify && u.VerifiedAt != nil {
		return "needless", nil
	}
	wait, err := s.store.count1(ctx, counter{s.opt.Limits.Mailed, "mailed " + a.What, fmt.Sprint(u.ID)})
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "too many", nil
	}
	m := mail.Message{To: u.Email}
	switch a.What {
	case mailVerify:
		link, err := s.link(ctx, u.ID, purposeVerify, "/verify-email")
		if err != nil {
			return "", err
		}
		m.Subject = "Confirma tu correo / Confirm your address"
		m.Text = "Confirma tu correo para OpenLearn Colombia, durante la próxima hora:\nConfirm your address for OpenLearn Colombia, within an hour:\n\n" + link + "\n\nSi no fuiste tú, ignora este mensaje. If it was not you, ignore this message.\n"
	case mailReset:
		link, err := s.link(ctx, u.ID, purposeReset, "/reset-password")
		if err != nil {
			return "", err
		}
		m.Subject = "Nueva contraseña / New password"
		m.Text = "Elige una nueva contraseña para OpenLearn Colombia, durante la próxima hora:\nChoose a new password for OpenLearn Colombia, within an hour:\n\n" + link + "\n\nSi no fuiste tú, ignora este mensaje: nada cambia. If it was not you, ignore this message: nothing changes.\n"
	case mailTaken:
		m.Subject = "Ya tienes una cuenta / You have an account already"
		m.Text = "Alguien quiso registrarse en OpenLearn Colombia con este correo, que ya tiene una cuenta. Si fuiste tú, entra o pide una nueva contraseña.\nSomebody tried to register with OpenLearn Colombia with this address, which has an account. If it was you, log in, or ask for a new password.\n"
	case mailChanged:
		m.Subject = "Tu contraseña cambió / Your password was changed"
		m.Text = "La contraseña de tu cuenta de OpenLearn Colombia cambió. Si no fuiste tú, pide una nueva ahora mismo.\nThe password of your OpenLearn Colombia account was changed. If it was not you, ask for a new one now.\n"
	default:
		return "", jobs.Cancel(fmt.Errorf("no mail is called %q", a.What))
	}
	return "sent", s.opt.Mail.Send(ctx, m)
}

// Purposes of tokens in mails.
const (
	purposeReset  = "reset"
	purposeVerify = "verify"
)

func (s *Service) link(ctx context.Context, user int64, purpose, page string) (string, error) {
	t := token.Opaque()
	if err := s.store.addMailToken(ctx, user, purpose, token.Hash(t), MailLifetime); err != nil {
		return "", err
	}
	return s.opt.Links + page + "?" + url.Values{"token": {t}}.Encode(), nil
}

func (s *Store) addMailToken(ctx context.Context, user int64, purpose string, hash []byte, lifetime time.Duration) error {
	err := s.db.WithContext(ctx).Exec(`INSERT INTO mail_tokens (hash, user_id, purpose, expires_at) VALUES (?, ?, ?, now() + make_interval(secs => ?))`,
		blob(hash), user, purpose, lifetime.Seconds()).Error
	if err != nil {
		return fmt.Errorf("store a token for user %d: %w", user, err)
	}
	return nil
}

// consume uses a token of a mail, and with it the others of its purpose. ok = false: there is none such.
func (s *Store) consume(ctx context.Context, purpose, raw string) (user int64, ok bool, err error) {
	var users []int64
	err = s.db.WithContext(ctx).Raw(`DELETE FROM mail_tokens WHERE hash = ? AND purpose = ? AND expires_at > now() RETURNING user_id`, blob(token.Hash(raw)), purpose).Scan(&users).Error
	if err == nil && len(users) == 1 {
		err = s.db.WithContext(ctx).Exec(`DELETE FROM mail_tokens WHERE user_id = ? AND purpose = ?`, users[0], purpose).Error
	}
	if err != nil {
		return 0, false, fmt.Errorf("use a token: %w", err)
	}
	if len(users) == 0 {
		return 0, false, nil
	}
	return users[0], true, nil
}
