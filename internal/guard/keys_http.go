package guard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
)

// RegisterKeys mounts what admins do with the API keys of machines.
func RegisterKeys(api *httpapi.API, k *Keys) {
	h := &keyHandlers{k}
	op := func(method, path, id, summary string, errors ...int) huma.Operation {
		return api.AdminOnly(huma.Operation{
			Method: method, Path: "/api/keys" + path, OperationID: id, Summary: summary, Tags: []string{"keys"}, MaxBodyBytes: 64 << 10, DefaultStatus: http.StatusOK,
			Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}, errors...),
		})
	}
	huma.Register(api, op(http.MethodGet, "", "api-keys", "List the API keys of machines, the newest first, those that are not valid any more too"), h.list)
	create := op(http.MethodPost, "", "create-api-key", "Make an API key. Its text is in this answer and nowhere else: only its hash is stored")
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, h.create)
	huma.Register(api, op(http.MethodDelete, "/{id}", "revoke-api-key", "End an API key. When this is answered, no instance accepts it", http.StatusNotFound), h.revoke)
}

type keyHandlers struct{ keys *Keys }

// APIKeyView is an API key as admins see it.
type APIKeyView struct {
	Key

	State string `json:"state" enum:"valid,expired,revoked"`
}

func (h *keyHandlers) view(k Key) APIKeyView { return APIKeyView{k, k.State(h.keys.opt.Now())} }

type apiKeysOutput struct {
	Body struct {
		Items []APIKeyView `json:"items" nullable:"false"`
	}
}

func (h *keyHandlers) list(ctx context.Context, _ *struct{}) (*apiKeysOutput, error) {
	all, err := h.keys.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &apiKeysOutput{}
	out.Body.Items = make([]APIKeyView, len(all))
	for i := range all {
		out.Body.Items[i] = h.view(all[i])
	}
	return out, nil
}

type apiKeyMakeInput struct {
	Body struct {
		Name    string                   `json:"name" minLength:"1" maxLength:"100" doc:"What the key is for"`
		Role    httpapi.Role             `json:"role,omitempty" enum:"learner,analyst,admin" default:"learner"`
		Expires httpapi.Field[time.Time] `json:"expires_at,omitempty" doc:"When it ends: 365 days from now if it is left out, never if it is null"`
	}
}

type apiKeyMadeOutput struct {
	Invalidation string `header:"X-Invalidation"`
	Body         struct {
		APIKeyView

		Text string `json:"key" doc:"To be sent as X-API-Key or Authorization: Bearer. It is shown this once"`
	}
}

func (h *keyHandlers) create(ctx context.Context, in *apiKeyMakeInput) (*apiKeyMadeOutput, error) {
	expires := h.keys.opt.Now().Add(KeyLifetime)
	if in.Body.Expires.Set {
		expires = in.Body.Expires.Value // zero for null: never
	}
	text, made, pending, err := h.keys.Create(ctx, in.Body.Name, in.Body.Role, expires)
	var invalid *InvalidKey
	if errors.As(err, &invalid) {
		return nil, httpapi.Value(invalid.Problem, nil, "body")
	}
	if err = h.confirmed(err); err != nil {
		return nil, err
	}
	h.keys.opt.Logger.Info("an API key was made", "key", made.ID, "role", made.Role, "by", by(ctx))
	out := &apiKeyMadeOutput{Invalidation: said(pending)}
	out.Body.APIKeyView, out.Body.Text = h.view(made), text
	return out, nil
}

type apiKeyIDInput struct {
	ID int64 `path:"id" minimum:"1" doc:"The key's number (GET /api/keys lists them)"`
}

type apiKeyOutput struct {
	Invalidation string `header:"X-Invalidation"`
	Body         APIKeyView
}

func (h *keyHandlers) revoke(ctx context.Context, in *apiKeyIDInput) (*apiKeyOutput, error) {
	k, pending, err := h.keys.Revoke(ctx, in.ID)
	if errors.Is(err, ErrNoSuchKey) {
		return nil, httpapi.NotFound("No API key has this number")
	}
	if err = h.confirmed(err); err != nil {
		return nil, err
	}
	h.keys.opt.Logger.Info("an API key was revoked", "key", k.ID, "by", by(ctx))
	return &apiKeyOutput{said(pending), h.view(k)}, nil
}

// by names who asks: AdminOnly has made sure that it is an admin, or somebody with the admin key.
func by(ctx context.Context) string {
	if who, err := httpapi.Who(ctx); err == nil && who.IsKnown() {
		return who.String()
	}
	return "the admin key"
}

func (h *keyHandlers) confirmed(err error) error {
	if errors.Is(err, outbox.ErrUnconfirmed) {
		return httpapi.StoredUnconfirmed("")
	}
	return err
}

// said is the header's value.
func said(pending bool) string {
	if pending {
		return httpapi.InvalidationPending
	}
	return ""
}
