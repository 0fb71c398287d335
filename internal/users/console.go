package users

import (
	"context"
	"net/http"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/address"
	"openlearn/internal/users/token"
)

var errNoAdmin = httpapi.NewError(http.StatusForbidden, "This needs an account with the role admin")

// LoginAdmin logs somebody in on a page: it sets the cookies of the session, if the account has the role admin.
func (s *Service) LoginAdmin(w http.ResponseWriter, r *http.Request, o HTTP, email, pw string) error {
	if parsed, err := address.Parse(email); err == nil {
		email = parsed
	} else {
		email = token.Name(email)
	}
	p, err := s.Login(r.Context(), email, pw, clientOf(r))
	if err != nil {
		return err
	}
	if p.User.Role != httpapi.Admin {
		_, err := s.End(r.Context(), p.User.ID, p.session, "", endLogout) // the one that has just begun
		return firstError(err, errNoAdmin)
	}
	h := &handlers{s: s, opt: o}
	for _, c := range h.cookies(r, p) {
		http.SetCookie(w, &c)
	}
	return nil
}

// LogoutOf ends the session that a request belongs to, if there is one, and takes its cookies away.
func (s *Service) LogoutOf(ctx context.Context, w http.ResponseWriter, r *http.Request, o HTTP) error {
	id, err := httpapi.Who(ctx)
	if err == nil && id.User != 0 {
		if _, err := s.End(ctx, id.User, id.Session, "", endLogout); err != nil {
			return err
		}
	}
	h := &handlers{s: s, opt: o}
	for _, c := range h.clear(r) {
		http.SetCookie(w, &c)
	}
	return nil
}
