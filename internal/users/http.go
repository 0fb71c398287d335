package users

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

// HTTP says how the routes are served.
type HTTP struct {
	// BasePath is where a proxy mounts the service, "" at the root: cookies' paths begin with it.
	BasePath string
}

// Register mounts the routes of accounts.
func Register(api *httpapi.API, s *Service, o HTTP) {
	h := &handlers{s: s, opt: o}
	op := func(method, path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"auth"}, DefaultStatus: http.StatusOK, MaxBodyBytes: 64 << 10,
			Errors: append([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, errors...),
		}
	}
	open := func(path, id, summary string, errors ...int) huma.Operation {
		return api.SameOrigin(op(http.MethodPost, "/api/auth"+path, id, summary, errors...))
	}
	own := func(method, path, id, summary string, errors ...int) huma.Operation {
		return api.UserOnly(op(method, "/api/auth"+path, id, summary, append(errors, http.StatusUnauthorized, http.StatusForbidden)...))
	}

	register := open("/register", "register", "Make an account. The answer is the same if the address has one", http.StatusBadRequest)
	register.DefaultStatus = http.StatusCreated
	huma.Register(api, register, h.register)

	login := open("/token", "login", "Log in, by a form (username is the address) or JSON", http.StatusUnauthorized, http.StatusForbidden)
	login.RequestBody = loginBody(api)
	huma.Register(api, login, h.login)
	afterLogin(login.RequestBody)

	huma.Register(api, open("/refresh", "refresh", "Exchange the refresh token, from the cookie or the body, for new tokens", http.StatusUnauthorized, http.StatusForbidden), h.refresh)
	huma.Register(api, own(http.MethodPost, "/logout", "logout", "End this session"), h.logout)
	huma.Register(api, own(http.MethodPost, "/logout-all", "logout-all", "End all sessions of the account"), h.logoutAll)
	huma.Register(api, own(http.MethodGet, "/me", "me", "Who one is"), h.me)
	huma.Register(api, own(http.MethodPut, "/me", "change-me", "Change name and user name", http.StatusBadRequest), h.change)
	huma.Register(api, own(http.MethodDelete, "/me", "deactivate-me", "Deactivate the account; DELETE /api/users/me/account erases it", http.StatusConflict), h.deactivate)
	huma.Register(api, own(http.MethodGet, "/verify-token", "verify-token", "Whether the access token is valid, and whose it is"), h.verifyToken)
	huma.Register(api, own(http.MethodGet, "/sessions", "sessions", "The open sessions of the account"), h.sessions)
	huma.Register(api, own(http.MethodDelete, "/sessions/{id}", "end-session", "End one of them", http.StatusNotFound), h.endSession)
	huma.Register(api, own(http.MethodPost, "/password-change", "change-password", "Set a new password by the old one. All other sessions end", http.StatusBadRequest), h.changePassword)
	huma.Register(api, open("/password-reset", "ask-reset", "Have a mail sent by which a new password can be set. The answer does not say whether there is an account"), h.askReset)
	huma.Register(api, open("/password-update", "reset-password", "Set a new password by the token of a mail. All sessions end", http.StatusBadRequest), h.reset)
	huma.Register(api, open("/verify-email/resend", "ask-verification", "Have the mail sent again that confirms an address. The answer does not say whether there is an account"), h.askVerify)
	huma.Register(api, open("/verify-email", "verify-email", "Confirm an address by the token of a mail", http.StatusBadRequest), h.verifyEmail)
	registerManagement(api, h)
	registerPreferences(api, h)
	registerAvatars(api, h)
	registerData(api, h)
}

type handlers struct {
	s   *Service
	opt HTTP
}

// who is the user who asks: UserOnly has made sure that there is one.
func who(ctx context.Context) httpapi.Identity {
	id, err := httpapi.Who(ctx)
	if err != nil {
		return httpapi.Identity{}
	}
	return id
}

type userOutput struct{ Body View }

type accountMessageOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      struct {
		Message string `json:"message"`
	}
}

func message(text string) *accountMessageOutput {
	out := &accountMessageOutput{}
	out.Body.Message = text
	return out
}
