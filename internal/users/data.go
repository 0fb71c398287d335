package users

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

// Erased says how much of somebody was deleted.
type Erased struct {
	Account     int64 `json:"account"`
	Sessions    int64 `json:"sessions"`
	Tokens      int64 `json:"refresh_tokens"`
	MailTokens  int64 `json:"mail_tokens"`
	Devices     int64 `json:"devices"`
	Preferences int64 `json:"preferences"`
	Avatars     int64 `json:"avatars"`
}

// Erase deletes an account and all that is held on its owner. The last active admin stays.
func (s *Service) Erase(ctx context.Context, user int64) (e Erased, err error) {
	err = s.write(ctx, func(st *Store) error {
		others, err := st.otherAdmins(ctx, user)
		if err != nil {
			return err
		}
		u, err := st.lock(ctx, user)
		if err != nil {
			return err
		}
		if u.Role == httpapi.Admin && u.Active && others == 0 {
			return errLastAdmin
		}
		e, err = st.erase(ctx, user)
		return err
	})
	return e, err
}

func (s *Store) erase(ctx context.Context, user int64) (e Erased, err error) {
	for _, c := range []struct {
		sql string
		to  *int64
	}{
		{`DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM user_sessions WHERE user_id = ?)`, &e.Tokens},
		{`DELETE FROM user_sessions WHERE user_id = ?`, &e.Sessions},
		{`DELETE FROM mail_tokens WHERE user_id = ?`, &e.MailTokens},
		{`DELETE FROM user_devices WHERE user_id = ?`, &e.Devices},
		{`DELETE FROM user_preferences WHERE user_id = ?`, &e.Preferences},
		{`DELETE FROM user_avatars WHERE user_id = ?`, &e.Avatars},
		{`DELETE FROM users WHERE id = ?`, &e.Account},
	} {
		done := s.db.WithContext(ctx).Exec(c.sql, user)
		if done.Error != nil {
			return e, fmt.Errorf("erase user %d: %w", user, done.Error)
		}
		*c.to = done.RowsAffected
	}
	return e, nil
}

// registerData mounts what people may ask of us about themselves.
func registerData(api *httpapi.API, h *handlers) {
	op := func(method, path, id, summary string, errors ...int) huma.Operation {
		return api.UserOnly(huma.Operation{
			Method: method, Path: "/api/users/me" + path, OperationID: id, Summary: summary, Tags: []string{Tag}, DefaultStatus: http.StatusOK,
			Errors: append([]int{http.StatusUnauthorized, http.StatusServiceUnavailable}, errors...),
		})
	}
	export := op(http.MethodGet, "/export", "export-me", "Everything that is held on oneself, as a file")
	export.Responses = asFile(map[string]*huma.Schema{"application/json": schemaOf[held](api, "AccountData")})
	huma.Register(api, export, h.export)
	huma.Register(api, op(http.MethodDelete, "/account", "erase-me", "Erase the account and everything that is held on oneself", http.StatusConflict), h.erase)
	huma.Register(api, op(http.MethodDelete, "/progress", "clear-progress", "Delete what was learnt so far: this service keeps none, and says so by its counts"), h.clearProgress)
}

type erasedOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      struct {
		Message   string    `json:"message"`
		DeletedAt time.Time `json:"deleted_at"`
		UserID    int64     `json:"user_id"`
		Deleted   Erased    `json:"deleted_counts"`
	}
}

func (h *handlers) erase(ctx context.Context, _ *struct{}) (*erasedOutput, error) {
	id := who(ctx).User
	e, err := h.s.Erase(ctx, id)
	if err != nil {
		return nil, missing(err)
	}
	r := httpapi.Request(ctx)
	out := &erasedOutput{SetCookie: append(h.clear(r), h.device(r, ""))}
	b := &out.Body
	b.Message, b.DeletedAt, b.UserID, b.Deleted = "Account and all data deleted", h.s.opt.Now().UTC(), id, e
	return out, nil
}

type clearedOutput struct {
	Body struct {
		Message   string    `json:"message"`
		ClearedAt time.Time `json:"cleared_at"`
		Deleted   struct {
			Vocabulary int `json:"vocabulary_items"`
			Content    int `json:"content_progress"`
			Sessions   int `json:"learning_sessions"`
		} `json:"deleted_counts"`
	}
}

func (h *handlers) clearProgress(context.Context, *struct{}) (*clearedOutput, error) {
	out := &clearedOutput{}
	out.Body.Message, out.Body.ClearedAt = "Learning progress cleared", h.s.opt.Now().UTC()
	return out, nil
}

// held is everything that is held on a person.
type held struct {
	ExportedAt  time.Time    `json:"exported_at"`
	Account     View         `json:"account"`
	LastLogin   *time.Time   `json:"last_login"`
	Sessions    []Session    `json:"sessions"`
	Devices     []heldDevice `json:"devices"`
	Preferences *Preferences `json:"preferences"`
	Avatar      *heldAvatar  `json:"avatar"`
}

type heldDevice struct {
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
}

type heldAvatar struct {
	URL       string    `json:"url"`
	MediaType string    `json:"content_type"`
	CreatedAt time.Time `json:"created_at"`
	Data      string    `json:"data_base64"`
}

func (h *handlers) export(ctx context.Context, _ *struct{}) (*fileOutput, error) {
	id := who(ctx)
	all, err := h.s.held(ctx, id.User, id.Session)
	if err != nil {
		return nil, missing(err)
	}
	b, err := json.MarshalIndent(all, "", "  ")
	return &fileOutput{ContentType: jsonType, Disposition: fmt.Sprintf("attachment; filename=openlearn-account-%d.json", id.User), Body: b}, err
}

func (s *Service) held(ctx context.Context, user int64, session string) (all held, err error) {
	u, err := s.store.Get(ctx, user)
	if err != nil {
		return all, err
	}
	all.ExportedAt, all.Account, all.LastLogin = s.opt.Now().UTC(), s.view(&u), u.LastLogin
	if all.Sessions, err = s.store.sessions(ctx, user, true); err != nil {
		return all, err
	}
	for i := range all.Sessions {
		all.Sessions[i].Current = all.Sessions[i].ID == session
	}
	all.Devices = []heldDevice{}
	if err := s.store.db.WithContext(ctx).Raw(`SELECT created_at, last_used_at FROM user_devices WHERE user_id = ? ORDER BY created_at`, user).Scan(&all.Devices).Error; err != nil {
		return all, fmt.Errorf("list the devices of user %d: %w", user, err)
	}
	p, stored, err := s.Preferences(ctx, user)
	if err != nil {
		return all, err
	}
	if stored {
		all.Preferences = &p
	}
	a, err := s.store.oneAvatar(ctx, `user_id = ?`, user)
	if errors.Is(err, errNoAvatar) {
		return all, nil
	}
	if err == nil {
		all.Avatar = &heldAvatar{s.opt.BasePath + avatarURL(a.Name), a.MediaType, a.CreatedAt, base64.StdEncoding.EncodeToString(a.Data)}
	}
	return all, err
}
