package users

import (
	"context"
	"errors"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/address"
	"openlearn/internal/users/password"
)

func (h *handlers) me(ctx context.Context, _ *struct{}) (*userOutput, error) {
	u, err := h.s.Get(ctx, who(ctx).User)
	if errors.Is(err, ErrNotFound) {
		return nil, errNoUser
	}
	return &userOutput{h.s.view(&u)}, err
}

type changeMeInput struct {
	Body struct {
		FullName httpapi.Field[string] `json:"full_name,omitempty"`
		Username httpapi.Field[string] `json:"username,omitempty"`
	}
}

func (h *handlers) change(ctx context.Context, in *changeMeInput) (*userOutput, error) {
	var errs []error
	note := func(field string, err error, value string) {
		if err != nil {
			errs = append(errs, problem(field, err, value))
		}
	}
	if f := in.Body.FullName; f.Set {
		switch {
		case f.Null:
			note("full_name", errors.New("must not be null"), "")
		default:
			note("full_name", firstError(lengths(f.Value, 2, 200), plainName(f.Value)), f.Value)
		}
	}
	if f := in.Body.Username; f.Set && !f.Null {
		note("username", firstError(lengths(f.Value, 3, 100), checkUsername(f.Value)), f.Value)
	}
	if len(errs) > 0 {
		return nil, httpapi.Problems(errs)
	}
	u, err := h.s.Change(ctx, who(ctx).User, in.Body.FullName, in.Body.Username)
	return &userOutput{u}, err
}

func (h *handlers) deactivate(ctx context.Context, _ *struct{}) (*accountMessageOutput, error) {
	if err := h.s.Deactivate(ctx, who(ctx).User); err != nil {
		return nil, err
	}
	out := message("User account deactivated")
	out.SetCookie = h.clear(httpapi.Request(ctx))
	return out, nil
}

type verifyTokenOutput struct {
	Body struct {
		Valid  bool   `json:"valid"`
		UserID int64  `json:"user_id"`
		Email  string `json:"email"`
		Active bool   `json:"is_active"`
	}
}

func (h *handlers) verifyToken(ctx context.Context, _ *struct{}) (*verifyTokenOutput, error) {
	u, err := h.s.Get(ctx, who(ctx).User)
	if errors.Is(err, ErrNotFound) {
		return nil, errNoUser
	}
	out := &verifyTokenOutput{}
	b := &out.Body
	b.Valid, b.UserID, b.Email, b.Active = true, u.ID, u.Email, u.Active
	return out, err
}

type sessionsOutput struct {
	Body struct {
		Items []Session `json:"items" nullable:"false"`
		Total int       `json:"total"`
	}
}

func (h *handlers) sessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	id := who(ctx)
	found, err := h.s.store.sessions(ctx, id.User, false)
	out := &sessionsOutput{}
	out.Body.Items, out.Body.Total = make([]Session, len(found)), len(found)
	for i, one := range found {
		one.Current = one.ID == id.Session
		out.Body.Items[i] = one
	}
	return out, err
}

type sessionInput struct {
	ID string `path:"id" format:"uuid" doc:"The session's id, a UUID (GET /api/auth/sessions lists them)"`
}

func (h *handlers) endSession(ctx context.Context, in *sessionInput) (*accountMessageOutput, error) {
	n, err := h.s.End(ctx, who(ctx).User, in.ID, "", endByOwner)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errNoSession
	}
	return message("Session ended"), nil
}

type changePasswordInput struct {
	Body struct {
		Current string `json:"current_password" maxLength:"1024"`
		New     string `json:"new_password" minLength:"8" maxLength:"256" doc:"None of the commonest passwords"`
	}
}

func (h *handlers) changePassword(ctx context.Context, in *changePasswordInput) (*accountMessageOutput, error) {
	id := who(ctx)
	u, err := h.s.Get(ctx, id.User)
	if err != nil {
		return nil, err
	}
	if err := password.Check(in.Body.New, u.Email, deref(u.FullName)); err != nil {
		return nil, httpapi.Problems([]error{problem("new_password", err, nil)})
	}
	if err := h.s.ChangePassword(ctx, id.User, id.Session, in.Body.Current, in.Body.New, clientOf(httpapi.Request(ctx))); err != nil {
		return nil, err
	}
	return message("Password changed. All other sessions have ended"), nil
}

type emailInput struct {
	Body struct {
		Email string `json:"email" maxLength:"1000"`
	}
}

func (in *emailInput) parse() (string, error) {
	email, err := address.Parse(in.Body.Email)
	if err != nil {
		return "", httpapi.Problems([]error{badAddress(err, in.Body.Email)})
	}
	return email, nil
}

func (h *handlers) askReset(ctx context.Context, in *emailInput) (*accountMessageOutput, error) {
	email, err := in.parse()
	if err != nil {
		return nil, err
	}
	if err := h.s.AskReset(ctx, email, rangeOf(httpapi.Request(ctx))); err != nil {
		return nil, err
	}
	return message("If the email exists, a reset link has been sent"), nil
}

func (h *handlers) askVerify(ctx context.Context, in *emailInput) (*accountMessageOutput, error) {
	email, err := in.parse()
	if err != nil {
		return nil, err
	}
	if err := h.s.AskVerify(ctx, email, rangeOf(httpapi.Request(ctx))); err != nil {
		return nil, err
	}
	return message("If the email exists and is not confirmed, a link has been sent"), nil
}

type resetPasswordInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200"`
		New   string `json:"new_password" minLength:"8" maxLength:"256" doc:"None of the commonest passwords"`
	}
}

func (h *handlers) reset(ctx context.Context, in *resetPasswordInput) (*accountMessageOutput, error) {
	if err := password.Check(in.Body.New); err != nil {
		return nil, httpapi.Problems([]error{problem("new_password", err, nil)})
	}
	r := httpapi.Request(ctx)
	device, err := h.s.Reset(ctx, in.Body.Token, in.Body.New, clientOf(r))
	if err != nil {
		return nil, err
	}
	out := message("Password updated")
	out.SetCookie = append(h.clear(r), h.device(r, device))
	return out, nil
}

type verifyEmailInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200"`
	}
}

func (h *handlers) verifyEmail(ctx context.Context, in *verifyEmailInput) (*accountMessageOutput, error) {
	if err := h.s.Verify(ctx, in.Body.Token); err != nil {
		return nil, err
	}
	return message("Email address confirmed"), nil
}
