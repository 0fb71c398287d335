package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // decodes
	"image/jpeg"
	"image/png"
	"net/http"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decodes

	"openlearn/internal/httpapi"
	"openlearn/internal/users/token"
)

// Bounds of avatars.
const (
	mostAvatar  = 5 << 20 // bytes, as sent
	mostPixels  = 16 << 20
	avatarSide  = 512 // pixels, as stored at most
	avatarAtime = 2   // decoded at a time
)

var (
	errNoAvatar  = httpapi.NotFound("Avatar not found")
	errNoneToDel = httpapi.NotFound("No avatar to delete")
	errNoImage   = httpapi.NewError(http.StatusBadRequest, "The file is no JPEG, PNG, GIF or WebP image")
	errTooLarge  = httpapi.NewError(http.StatusRequestEntityTooLarge, "The image is too large: 5 MB and 16 million pixels at most")
)

// avatar is a stored picture.
type avatar struct {
	UserID        int64
	Name          string
	MediaType     string
	Width, Height int
	Data          []byte
	CreatedAt     time.Time
}

// imageKind recognises an image by its first bytes, whatever it is called.
func imageKind(b []byte) string {
	switch kind := http.DetectContentType(b); kind {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return kind
	}
	return ""
}

// reencode decodes an image and encodes its pixels anew, in at most avatarSide pixels a side: nothing else of the file is left, such
// as where a photograph was taken, or a script behind the image.
func reencode(b []byte) (a avatar, err error) {
	kind := imageKind(b)
	if kind == "" {
		return a, errNoImage
	}
	cfg, name, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || "image/"+name != kind || cfg.Width < 1 || cfg.Height < 1 {
		return a, errNoImage
	}
	if int64(cfg.Width)*int64(cfg.Height) > mostPixels {
		return a, errTooLarge
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return a, errNoImage
	}
	size := img.Bounds()
	w, h := size.Dx(), size.Dy()
	if side := max(w, h); side > avatarSide {
		w, h = max(1, w*avatarSide/side), max(1, h*avatarSide/side)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(small, small.Bounds(), img, size, draw.Src, nil)
	var out bytes.Buffer
	a = avatar{Width: w, Height: h, MediaType: "image/png"}
	ext := ".png"
	if kind == "image/jpeg" {
		a.MediaType, ext = kind, ".jpg"
		err = jpeg.Encode(&out, small, &jpeg.Options{Quality: 88})
	} else {
		err = png.Encode(&out, small)
	}
	a.Data, a.Name = out.Bytes(), token.Opaque()[:24]+ext
	return a, err
}

// SetAvatar makes a picture of an image, which takes the place of the one before.
func (s *Service) SetAvatar(ctx context.Context, user int64, b []byte) (avatar, error) {
	select {
	case s.decoding <- struct{}{}:
		defer func() { <-s.decoding }()
	case <-ctx.Done():
		return avatar{}, ctx.Err()
	}
	a, err := reencode(b)
	if err != nil {
		return avatar{}, err
	}
	a.UserID = user
	err = s.write(ctx, func(st *Store) error { return st.setAvatar(ctx, a) })
	return a, err
}

// DropAvatar deletes a user's picture.
func (s *Service) DropAvatar(ctx context.Context, user int64) error {
	return s.write(ctx, func(st *Store) error { return st.dropAvatar(ctx, user) })
}

// avatarURL is the path of a picture, without the base path.
func avatarURL(name string) string { return "/api/v1/avatars/" + name }

func (s *Store) setAvatar(ctx context.Context, a avatar) error {
	err := s.db.WithContext(ctx).Exec(`INSERT INTO user_avatars (user_id, name, media_type, width, height, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, media_type = excluded.media_type, width = excluded.width, height = excluded.height, data = excluded.data, created_at = now()`,
		a.UserID, a.Name, a.MediaType, a.Width, a.Height, blob(a.Data)).Error
	if err != nil {
		return fmt.Errorf("store the picture of user %d: %w", a.UserID, err)
	}
	return s.change(ctx, a.UserID, map[string]any{"avatar_url": avatarURL(a.Name)})
}

func (s *Store) dropAvatar(ctx context.Context, user int64) error {
	done := s.db.WithContext(ctx).Exec(`DELETE FROM user_avatars WHERE user_id = ?`, user)
	if done.Error != nil {
		return fmt.Errorf("delete the picture of user %d: %w", user, done.Error)
	}
	if done.RowsAffected == 0 {
		return errNoneToDel
	}
	return s.change(ctx, user, map[string]any{"avatar_url": nil})
}

// avatar reads a picture by its name.
func (s *Store) avatar(ctx context.Context, name string) (avatar, error) {
	return s.oneAvatar(ctx, `name = ?`, name)
}

func (s *Store) oneAvatar(ctx context.Context, where string, arg any) (avatar, error) {
	var found []avatar
	if err := s.db.WithContext(ctx).Table("user_avatars").Where(where, arg).Limit(1).Find(&found).Error; err != nil {
		return avatar{}, fmt.Errorf("read a picture: %w", err)
	}
	if len(found) == 0 {
		return avatar{}, errNoAvatar
	}
	return found[0], nil
}

func isMissing(err error) bool {
	return errors.Is(err, errNoPreferences) || errors.Is(err, ErrNotFound) || errors.Is(err, errNoAvatar)
}
