// Package users has the people: their accounts, logins and sessions, what they prefer, and what is held about them.
package users

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
)

// ErrNotFound is what reading an account that does not exist gives.
var ErrNotFound = fmt.Errorf("user: %w", cache.ErrNotFound)

// Errors of accounts, in the words of the original where it has them.
var (
	errCredentials = httpapi.Unauthorized("Incorrect email or password")
	errInactive    = httpapi.NewError(http.StatusForbidden, "User account is inactive")
	errUnverified  = httpapi.NewError(http.StatusForbidden, "The email address has not been confirmed yet")
	errNoUser      = httpapi.NotFound("User not found")
	errUsername    = httpapi.NewError(http.StatusBadRequest, "Username already taken")
	errResetToken  = httpapi.NewError(http.StatusBadRequest, "Invalid or expired reset token")
	errVerifyToken = httpapi.NewError(http.StatusBadRequest, "Invalid or expired verification token")
	errLastAdmin   = httpapi.NewError(http.StatusConflict, "This is the last active admin: make another one first")
	errNoRefresh   = httpapi.Unauthorized("No refresh token provided")
	errRefresh     = httpapi.Unauthorized("Invalid or expired refresh token")
	errRefreshOld  = httpapi.Unauthorized("Refresh token has expired")
	errRevoked     = httpapi.Unauthorized("Refresh token has been revoked")
	errNoSession   = httpapi.NotFound("Session not found")
)

// errTaken: the address or the user name has an account.
var errTaken = errors.New("user: taken")

// User is an account.
type User struct {
	ID           int64        `gorm:"primaryKey"`
	Email        string       `gorm:"column:email"`
	Username     *string      `gorm:"column:username"`
	PasswordHash string       `gorm:"column:password_hash"`
	FullName     *string      `gorm:"column:full_name"`
	Role         httpapi.Role `gorm:"column:role"`
	Active       bool         `gorm:"column:is_active"`
	AvatarURL    *string      `gorm:"column:avatar_url"`
	LastLogin    *time.Time   `gorm:"column:last_login"`
	CreatedAt    time.Time    `gorm:"column:created_at"`
	UpdatedAt    time.Time    `gorm:"column:updated_at"`
	VerifiedAt   *time.Time   `gorm:"column:email_verified_at"`
}

// TableName is the original's.
func (User) TableName() string { return "users" }

// View is an account as its owner sees it.
type View struct {
	ID        int64        `json:"id"`
	Email     string       `json:"email"`
	FullName  *string      `json:"full_name"`
	Username  *string      `json:"username"`
	Active    bool         `json:"is_active"`
	CreatedAt time.Time    `json:"created_at"`
	Role      httpapi.Role `json:"role" enum:"learner,analyst,admin"`
	Verified  bool         `json:"email_verified" doc:"Whether a mail to the address was answered"`
	AvatarURL *string      `json:"avatar_url"`
}

func (s *Service) view(u *User) View {
	v := View{
		ID: u.ID, Email: u.Email, FullName: u.FullName, Username: u.Username, Active: u.Active, CreatedAt: u.CreatedAt.UTC(),
		Role: u.Role, Verified: u.VerifiedAt != nil, AvatarURL: u.AvatarURL,
	}
	if u.AvatarURL != nil {
		below := s.opt.BasePath + *u.AvatarURL // stored without it, because it may change
		v.AvatarURL = &below
	}
	return v
}

// Session is a login as its owner sees it.
type Session struct {
	ID        string     `json:"id"`
	Agent     *string    `json:"user_agent"`
	Address   *string    `json:"address" doc:"From where it began"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	UsedAt    *time.Time `json:"last_refreshed_at"`
	Current   bool       `json:"current" gorm:"-"`
}

// Why sessions end.
const (
	endLogout   = "logout"
	endAll      = "logout of all"
	endByOwner  = "ended by the owner"
	endPassword = "password changed"
	endReuse    = "refresh token used again"
	endLocked   = "account locked"
	endByAdmin  = "ended by an admin"
)
