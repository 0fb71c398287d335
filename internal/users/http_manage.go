package users

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

// Tag is the name, in the OpenAPI document, of what manages accounts and a user's own data.
const Tag = "users"

// registerManagement mounts what admins do with accounts.
func registerManagement(api *httpapi.API, h *handlers) {
	op := func(method, path, id, summary string) huma.Operation {
		return api.AdminOnly(huma.Operation{
			Method: method, Path: "/api/users" + path, OperationID: id, Summary: summary, Tags: []string{Tag}, MaxBodyBytes: 64 << 10, DefaultStatus: http.StatusOK,
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		})
	}
	huma.Register(api, op(http.MethodGet, "", "users", "List accounts, in the order of their numbers"), h.list)
	huma.Register(api, op(http.MethodGet, "/{id}", "user", "Read an account"), h.user)
	huma.Register(api, op(http.MethodPatch, "/{id}", "manage-user", "Lock or unlock an account, or change its role. It takes effect with the next request"), h.manage)
	huma.Register(api, op(http.MethodDelete, "/{id}/sessions", "end-sessions", "End all sessions of an account"), h.endSessions)
}

// Managed is an account as admins see it.
type Managed struct {
	View

	LastLogin *time.Time `json:"last_login"`
}

func (h *handlers) managed(u User) Managed { return Managed{h.s.view(&u), u.LastLogin} }

type usersListInput struct {
	Query  string            `query:"q" maxLength:"200" doc:"In the address, the user name or the name"`
	Role   string            `query:"role" enum:"learner,analyst,admin"`
	Active httpapi.Opt[bool] `query:"is_active"`
	After  int64             `query:"after" minimum:"0" doc:"Accounts with a greater number"`
	Limit  int               `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type usersListOutput struct {
	Body struct {
		Items []Managed `json:"items" nullable:"false"`
		Next  *int64    `json:"next_after" doc:"after of the next page"`
	}
}

func (h *handlers) list(ctx context.Context, in *usersListInput) (*usersListOutput, error) {
	found, err := h.s.List(ctx, ListQuery{in.Query, httpapi.Role(in.Role), in.Active.Ptr(), in.After, in.Limit + 1})
	if err != nil {
		return nil, err
	}
	out := &usersListOutput{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		out.Body.Next = &found[in.Limit-1].ID
	}
	out.Body.Items = make([]Managed, len(found))
	for i, u := range found {
		out.Body.Items[i] = h.managed(u)
	}
	return out, nil
}

// UserIDInput names an account in the path.
type UserIDInput struct {
	ID int64 `path:"id" minimum:"1" maximum:"2147483647" doc:"The account's number"`
}

type managedOutput struct{ Body Managed }

func (h *handlers) user(ctx context.Context, in *UserIDInput) (*managedOutput, error) {
	u, err := h.s.Get(ctx, in.ID)
	if err != nil {
		return nil, missing(err)
	}
	return &managedOutput{h.managed(u)}, nil
}

func missing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errNoUser
	}
	return err
}

type manageUserInput struct {
	UserIDInput
	Body struct {
		Role   *httpapi.Role `json:"role,omitempty" enum:"learner,analyst,admin"`
		Active *bool         `json:"is_active,omitempty"`
	}
}

func (h *handlers) manage(ctx context.Context, in *manageUserInput) (*managedOutput, error) {
	if _, err := h.s.Manage(ctx, in.ID, Management{in.Body.Role, in.Body.Active}); err != nil {
		return nil, missing(err)
	}
	return h.user(ctx, &in.UserIDInput)
}

type endedSessionsOutput struct {
	Body struct {
		Ended int64 `json:"ended"`
	}
}

func (h *handlers) endSessions(ctx context.Context, in *UserIDInput) (*endedSessionsOutput, error) {
	if _, err := h.s.Get(ctx, in.ID); err != nil {
		return nil, missing(err)
	}
	n, err := h.s.EndAll(ctx, in.ID)
	out := &endedSessionsOutput{}
	out.Body.Ended = n
	return out, err
}
