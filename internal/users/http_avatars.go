package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

// registerAvatars mounts the pictures of users.
func registerAvatars(api *httpapi.API, h *handlers) {
	upload := api.UserOnly(huma.Operation{
		Method: http.MethodPost, Path: "/api/avatars/upload", OperationID: "upload-avatar", Summary: "Set one's picture: a JPEG, PNG, GIF or WebP file of at most 5 MB",
		Tags: []string{"avatars"}, DefaultStatus: http.StatusCreated, MaxBodyBytes: mostAvatar + 64<<10,
		Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{}},
	})
	huma.Register(api, upload, h.upload)
	delete(upload.RequestBody.Content, octets)
	upload.RequestBody.Content[multipartType] = &huma.MediaType{Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}},
	}}
	upload.RequestBody.Required = false
	huma.Register(api, api.UserOnly(huma.Operation{
		Method: http.MethodDelete, Path: "/api/avatars", OperationID: "delete-avatar", Summary: "Delete one's picture", Tags: []string{"avatars"}, DefaultStatus: http.StatusOK,
		Errors: []int{http.StatusUnauthorized, http.StatusNotFound},
	}), h.deleteAvatar)
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: "/api/avatars/{filename}", OperationID: "avatar", Summary: "A picture, by its name, which nobody can guess", Tags: []string{"avatars"},
		Errors:    []int{http.StatusNotFound},
		Responses: asFile(map[string]*huma.Schema{"image/jpeg": {Type: huma.TypeString, Format: "binary"}, "image/png": {Type: huma.TypeString, Format: "binary"}}),
	}, h.avatar)
}

const octets = "application/octet-stream"

type uploadInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte
}

type uploadOutput struct {
	Body struct {
		URL      string `json:"avatar_url"`
		Metadata struct {
			Width     int    `json:"width"`
			Height    int    `json:"height"`
			Size      int    `json:"size" doc:"Bytes, as stored"`
			MediaType string `json:"content_type"`
		} `json:"metadata"`
		Message string `json:"message"`
	}
}

func (h *handlers) upload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	file, err := fileOf(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	a, err := h.s.SetAvatar(ctx, who(ctx).User, file)
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{}
	b := &out.Body
	b.URL, b.Message = h.s.opt.BasePath+avatarURL(a.Name), "Avatar uploaded successfully"
	b.Metadata.Width, b.Metadata.Height, b.Metadata.Size, b.Metadata.MediaType = a.Width, a.Height, len(a.Data), a.MediaType
	return out, nil
}

// fileOf reads the field file of a form.
func fileOf(contentType string, body []byte) ([]byte, error) {
	missing := httpapi.Invalid("missing", "Field required", nil, "body", "file")
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != multipartType {
		return nil, missing
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for range 20 {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, httpapi.Value("the form could not be read", nil, "body")
		}
		if part.FormName() != "file" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, mostAvatar+1))
		switch {
		case err != nil:
			return nil, httpapi.Value("the form could not be read", nil, "body")
		case len(b) > mostAvatar:
			return nil, errTooLarge
		}
		return b, nil
	}
	return nil, missing
}

type deletedOutput struct {
	Body struct {
		Message string `json:"message"`
		Deleted bool   `json:"deleted"`
	}
}

func (h *handlers) deleteAvatar(ctx context.Context, _ *struct{}) (*deletedOutput, error) {
	if err := h.s.DropAvatar(ctx, who(ctx).User); err != nil {
		return nil, err
	}
	out := &deletedOutput{}
	out.Body.Message, out.Body.Deleted = "Avatar deleted successfully", true
	return out, nil
}

type avatarInput struct {
	Name string `path:"filename" maxLength:"100"`
	None string `header:"If-None-Match"`
}

type avatarOutput struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	Disposition  string `header:"Content-Disposition"`
	Body         []byte
}

// avatar serves a picture: its name is a new one whenever it changes, so it may be kept.
func (h *handlers) avatar(ctx context.Context, in *avatarInput) (*avatarOutput, error) {
	a, err := h.s.store.avatar(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := &avatarOutput{Status: http.StatusOK, CacheControl: "public, max-age=86400", ETag: fmt.Sprintf("%q", a.Name), Disposition: "inline"}
	if in.None == out.ETag || in.None == "*" {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.ContentType, out.Body = a.MediaType, a.Data
	return out, nil
}
