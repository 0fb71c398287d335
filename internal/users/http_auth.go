package users

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/address"
	"openlearn/internal/users/password"
	"openlearn/internal/users/token"
)

type registerInput struct {
	Body struct {
		Email    string  `json:"email" example:"ana@example.org"`
		Password string  `json:"password" minLength:"8" maxLength:"256" doc:"None of the commonest passwords"`
		FullName string  `json:"full_name" minLength:"2" maxLength:"200"`
		Username *string `json:"username,omitempty" minLength:"3" maxLength:"100"`
	}

	email string
}

// Resolve checks what the schema cannot.
func (in *registerInput) Resolve(huma.Context) (errs []error) {
	b := &in.Body
	var err error
	if in.email, err = address.Parse(b.Email); err != nil && b.Email != "" {
		errs = append(errs, badAddress(err, b.Email))
	}
	if password.LengthOK(b.Password) {
		if err := password.Check(b.Password, in.email, b.FullName); err != nil {
			errs = append(errs, problem("password", err, nil))
		}
	}
	if b.FullName != "" {
		if err := plainName(b.FullName); err != nil {
			errs = append(errs, problem("full_name", err, b.FullName))
		}
	}
	if b.Username != nil {
		if err := checkUsername(*b.Username); err != nil {
			errs = append(errs, problem("username", err, *b.Username))
		}
	}
	return errs
}

func (h *handlers) register(ctx context.Context, in *registerInput) (*userOutput, error) {
	b := &in.Body
	if in.email == "" { // an empty address
		_, err := address.Parse("")
		return nil, httpapi.Problems([]error{badAddress(err, b.Email)})
	}
	u, err := h.s.Register(ctx, Registration{in.email, b.Password, strings.TrimSpace(b.FullName), b.Username}, rangeOf(httpapi.Request(ctx)))
	return &userOutput{u}, err
}

func problem(field string, err error, value any) error {
	return &httpapi.Problem{Location: "body." + field, Message: err.Error(), Value: value}
}

// badAddress is a 422 in the original's words.
func badAddress(err error, given string) error {
	return &httpapi.Problem{Location: "body.email", Message: httpapi.NoEmail + err.Error(), Value: given}
}

// plainName refuses names that are blank, or that would write lines of their own into mails and pages.
func plainName(s string) error {
	if utf8.RuneCountInString(strings.TrimSpace(s)) < 2 {
		return errors.New("expected length >= 2") // the schema's words, which httpapi gives pydantic's
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return errors.New("must not have control characters")
		}
	}
	return nil
}

// checkUsername accepts what can be told apart at a glance: ASCII letters, digits, dots, hyphens and underscores.
func checkUsername(s string) error {
	for _, c := range s {
		if c > '~' || !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c)) {
			return errors.New("must consist of the letters a to z, digits, dots, hyphens and underscores")
		}
	}
	return nil
}

// loginInput is a form in either encoding, or JSON: browsers of the original's client send multipart.
type loginInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/x-www-form-urlencoded"`
}

const formType, multipartType, jsonType = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"

// loginBody describes what login takes.
func loginBody(huma.API) *huma.RequestBody {
	return &huma.RequestBody{Content: map[string]*huma.MediaType{}}
}

// afterLogin completes the description once huma has added the raw body to it.
func afterLogin(b *huma.RequestBody) {
	text := &huma.Schema{Type: huma.TypeString}
	form := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"username", "password"},
		Properties: map[string]*huma.Schema{
			"username": {Type: huma.TypeString, Description: "The e-mail address"}, "password": {Type: huma.TypeString, Format: "password"},
			"grant_type": text, "scope": text, "client_id": text,
		},
	}
	for _, kind := range []string{formType, multipartType, jsonType} {
		b.Content[kind] = &huma.MediaType{Schema: form}
	}
	b.Required = false // what is missing is then named as the original names it
}

// mostForm bounds the memory of a multipart form.
const mostForm = 64 << 10

func (h *handlers) login(ctx context.Context, in *loginInput) (*pairOutput, error) {
	form, err := readForm(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	var missing []httpapi.Item
	for _, name := range []string{"username", "password"} {
		if form.Get(name) == "" {
			missing = append(missing, httpapi.Item{Type: "missing", Loc: []any{"body", name}, Msg: "Field required"})
		}
	}
	if len(missing) > 0 {
		return nil, httpapi.InvalidItems(missing)
	}
	email, pw := form.Get("username"), form.Get("password")
	for name, text := range map[string]string{"username": email, "password": pw} {
		if err := httpapi.CheckText(text, "body", name); err != nil {
			return nil, err
		}
	}
	if utf8.RuneCountInString(pw) > password.Longest {
		return nil, errCredentials // no account has such a one
	}
	if parsed, err := address.Parse(email); err == nil {
		email = parsed
	} else { // what is no address has no account: it is looked up all the same, by something that no account has
		email = token.Name(email)
	}
	p, err := h.s.Login(ctx, email, pw, clientOf(httpapi.Request(ctx)))
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, p), nil
}

// readForm reads the fields of a login.
func readForm(contentType string, body []byte) (url.Values, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = formType
	}
	bad := func() (url.Values, error) {
		return nil, httpapi.Value("the body must be a form or JSON", nil, "body")
	}
	switch kind {
	case multipartType:
		f, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(mostForm)
		if err != nil && !errors.Is(err, io.EOF) {
			return bad()
		}
		if f == nil {
			return url.Values{}, nil
		}
		defer f.RemoveAll() //nolint:errcheck // temporary files; there are none within the bound
		return f.Value, nil
	case jsonType:
		if len(body) == 0 {
			return url.Values{}, nil
		}
		var in struct {
			Username *string `json:"username"`
			Email    *string `json:"email"`
			Password *string `json:"password"`
		}
		if err := httpapi.ReadJSON(body, &in); err != nil {
			return nil, err
		}
		v := url.Values{"username": {deref(in.Username)}, "password": {deref(in.Password)}}
		if in.Username == nil {
			v.Set("username", deref(in.Email))
		}
		return v, nil
	}
	v, err := url.ParseQuery(string(body))
	if err != nil {
		return bad()
	}
	return v, nil
}

// pairOutput is the original's answer to a login and a refresh.
type pairOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int    `json:"expires_in" doc:"Seconds"`
		User         View   `json:"user"`
	}
}

func (h *handlers) answer(ctx context.Context, p Pair) *pairOutput {
	out := &pairOutput{SetCookie: h.cookies(httpapi.Request(ctx), p)}
	b := &out.Body
	b.AccessToken, b.RefreshToken, b.TokenType, b.User = p.Access, p.Refresh, "bearer", p.User
	b.ExpiresIn = int(token.AccessLifetime / time.Second)
	return out
}

type refreshInput struct {
	Body *struct {
		RefreshToken string `json:"refresh_token,omitempty"`
	}
}

func (h *handlers) refresh(ctx context.Context, in *refreshInput) (*pairOutput, error) {
	r := httpapi.Request(ctx)
	refresh := ""
	if c, err := r.Cookie(refreshCookie); err == nil {
		refresh = c.Value
	}
	if refresh == "" && in.Body != nil {
		refresh = in.Body.RefreshToken
	}
	p, err := h.s.Refresh(ctx, refresh)
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, p), nil
}

func (h *handlers) logout(ctx context.Context, _ *struct{}) (*accountMessageOutput, error) {
	id := who(ctx)
	if _, err := h.s.End(ctx, id.User, id.Session, "", endLogout); err != nil {
		return nil, err
	}
	out := message("Successfully logged out")
	out.SetCookie = h.clear(httpapi.Request(ctx))
	return out, nil
}

func (h *handlers) logoutAll(ctx context.Context, _ *struct{}) (*accountMessageOutput, error) {
	n, err := h.s.End(ctx, who(ctx).User, "", "", endAll)
	if err != nil {
		return nil, err
	}
	out := message(fmt.Sprintf("Successfully logged out of %d sessions", n))
	out.SetCookie = h.clear(httpapi.Request(ctx))
	return out, nil
}
