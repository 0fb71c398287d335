package users

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"openlearn/internal/cache"
)

var errNoPreferences = fmt.Errorf("preferences: %w", cache.ErrNotFound)

// Profile is the part of the preferences that is about the person. It is never cached.
type Profile struct {
	FullName          string  `json:"fullName" maxLength:"200"`
	Email             string  `json:"email" maxLength:"254"`
	Avatar            *string `json:"avatar" maxLength:"500"`
	Bio               *string `json:"bio" maxLength:"500"`
	PreferredLanguage string  `json:"preferredLanguage" enum:"es,en"`
	Timezone          string  `json:"timezone" maxLength:"100"`
	DateFormat        string  `json:"dateFormat" enum:"DD/MM/YYYY,MM/DD/YYYY"`
}

// NotificationSettings say what somebody wants to be told, and when.
type NotificationSettings struct {
	Email struct {
		DailyDigest         bool `json:"dailyDigest"`
		WeeklySummary       bool `json:"weeklySummary"`
		ContentAlerts       bool `json:"contentAlerts"`
		VocabularyReminders bool `json:"vocabularyReminders"`
		SystemUpdates       bool `json:"systemUpdates"`
	} `json:"email"`
	InApp struct {
		NewArticles      bool `json:"newArticles"`
		VocabularyReview bool `json:"vocabularyReview"`
		Achievements     bool `json:"achievements"`
		SystemMessages   bool `json:"systemMessages"`
	} `json:"inApp"`
	DeliveryTimes struct {
		DailyDigestTime string `json:"dailyDigestTime" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
		QuietHoursStart string `json:"quietHoursStart" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
		QuietHoursEnd   string `json:"quietHoursEnd" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	} `json:"deliveryTimes"`
}

// DisplaySettings say how pages look.
type DisplaySettings struct {
	Appearance struct {
		Theme          string `json:"theme" enum:"light,dark,auto"`
		ColorScheme    string `json:"colorScheme" enum:"default,blue,green,purple"`
		FontSize       string `json:"fontSize" enum:"small,medium,large,xlarge"`
		ContentDensity string `json:"contentDensity" enum:"comfortable,compact"`
	} `json:"appearance"`
	Layout struct {
		DefaultPage     string `json:"defaultPage" enum:"dashboard,news,vocabulary,analytics"`
		ArticlesPerPage int    `json:"articlesPerPage" minimum:"10" maximum:"100"`
		ShowImages      bool   `json:"showImages"`
		SidebarPosition string `json:"sidebarPosition" enum:"left,right,hidden"`
	} `json:"layout"`
}

// LearningSettings say what somebody wants to learn, and how.
type LearningSettings struct {
	CurrentLevel            string   `json:"currentLevel" enum:"A1,A2,B1,B2,C1,C2"`
	TargetLevel             string   `json:"targetLevel" enum:"A1,A2,B1,B2,C1,C2"`
	DailyVocabGoal          int      `json:"dailyVocabGoal" minimum:"5" maximum:"50"`
	ReviewFrequency         string   `json:"reviewFrequency" enum:"daily,every2days,weekly"`
	DifficultyPreference    string   `json:"difficultyPreference" enum:"easy,balanced,challenge"`
	ShowTranslations        string   `json:"showTranslations" enum:"always,hover,never"`
	ColombianSpanishFocus   bool     `json:"colombianSpanishFocus"`
	PreferredSources        []string `json:"preferredSources" maxItems:"100" nullable:"false"`
	PreferredCategories     []string `json:"preferredCategories" maxItems:"100" nullable:"false"`
	DifficultyRange         []int    `json:"difficultyRange" minItems:"2" maxItems:"2" nullable:"false" doc:"Two numbers from 0 to 100, the lesser first"`
	ContentLengthPreference string   `json:"contentLengthPreference" enum:"short,medium,long,any"`
}

// PrivacySettings say what may be done with what is known of somebody.
type PrivacySettings struct {
	ProfileVisibility           string `json:"profileVisibility" enum:"public,private"`
	ShareAnalytics              bool   `json:"shareAnalytics"`
	PersonalizedRecommendations bool   `json:"personalizedRecommendations"`
	DataCollectionConsent       bool   `json:"dataCollectionConsent"`
}

// Preferences are what one user prefers, in the original's form.
type Preferences struct {
	UserID        string               `json:"userId" maxLength:"20"`
	Profile       Profile              `json:"profile"`
	Notifications NotificationSettings `json:"notifications"`
	Display       DisplaySettings      `json:"display"`
	Learning      LearningSettings     `json:"learning"`
	Privacy       PrivacySettings      `json:"privacy"`
	CreatedAt     *time.Time           `json:"createdAt,omitempty" required:"false" readOnly:"true"`
	UpdatedAt     *time.Time           `json:"updatedAt,omitempty" required:"false" readOnly:"true"`
}

// storedSettings is what a cache may have of preferences: choices from lists, numbers and times. Names of sources are somebody's
// own words, and stay out.
type storedSettings struct {
	Notifications NotificationSettings `json:"notifications"`
	Display       DisplaySettings      `json:"display"`
	Learning      LearningSettings     `json:"learning"`
	Privacy       PrivacySettings      `json:"privacy"`
	CreatedAt     time.Time            `json:"created_at"`
	UpdatedAt     time.Time            `json:"updated_at"`
}

// ownWords is what somebody wrote: kept beside the settings, and read from the database.
type ownWords struct {
	Profile             Profile  `json:"profile"`
	PreferredSources    []string `json:"preferred_sources"`
	PreferredCategories []string `json:"preferred_categories"`
}

// defaultPreferences are those of the original, for whoever has stored none.
func defaultPreferences() Preferences {
	p := Preferences{
		Profile: Profile{PreferredLanguage: "es", Timezone: "America/Bogota", DateFormat: "DD/MM/YYYY"},
		Learning: LearningSettings{
			CurrentLevel: "B1", TargetLevel: "C1", DailyVocabGoal: 10, ReviewFrequency: "daily", DifficultyPreference: "balanced", ShowTranslations: "hover",
			ColombianSpanishFocus: true, PreferredSources: []string{}, PreferredCategories: []string{}, DifficultyRange: []int{30, 70}, ContentLengthPreference: "any",
		},
		Privacy: PrivacySettings{ProfileVisibility: "private", ShareAnalytics: true, PersonalizedRecommendations: true},
	}
	e, i, d := &p.Notifications.Email, &p.Notifications.InApp, &p.Notifications.DeliveryTimes
	e.DailyDigest, e.WeeklySummary, e.ContentAlerts, e.VocabularyReminders, e.SystemUpdates = true, true, true, true, true
	i.NewArticles, i.VocabularyReview, i.Achievements, i.SystemMessages = true, true, true, true
	d.DailyDigestTime, d.QuietHoursStart, d.QuietHoursEnd = "08:00", "22:00", "07:00"
	a, l := &p.Display.Appearance, &p.Display.Layout
	a.Theme, a.ColorScheme, a.FontSize, a.ContentDensity = "auto", "default", "medium", "comfortable"
	l.DefaultPage, l.ArticlesPerPage, l.ShowImages, l.SidebarPosition = "dashboard", 25, true, "left"
	return p
}

// split parts preferences into what caches may have and what they may not.
func (p *Preferences) split() (storedSettings, ownWords) {
	s := storedSettings{Notifications: p.Notifications, Display: p.Display, Learning: p.Learning, Privacy: p.Privacy}
	s.Learning.PreferredSources, s.Learning.PreferredCategories = []string{}, []string{}
	return s, ownWords{p.Profile, p.Learning.PreferredSources, p.Learning.PreferredCategories}
}

func join(user int64, s storedSettings, w ownWords) Preferences {
	p := Preferences{
		UserID: fmt.Sprint(user), Profile: w.Profile, Notifications: s.Notifications, Display: s.Display, Learning: s.Learning, Privacy: s.Privacy,
		CreatedAt: &s.CreatedAt, UpdatedAt: &s.UpdatedAt,
	}
	p.Learning.PreferredSources, p.Learning.PreferredCategories = append([]string{}, w.PreferredSources...), append([]string{}, w.PreferredCategories...)
	return p
}

// Preferences are what a user prefers; stored = false: the defaults, since nothing is stored.
func (s *Service) Preferences(ctx context.Context, user int64) (_ Preferences, stored bool, err error) {
	settings, err := s.cached.settings.Get(ctx, user)
	if isMissing(err) {
		p := defaultPreferences()
		now := s.opt.Now().UTC().Truncate(time.Microsecond)
		p.UserID, p.CreatedAt, p.UpdatedAt = fmt.Sprint(user), &now, &now
		return p, false, nil
	}
	if err != nil {
		return Preferences{}, false, err
	}
	words, err := s.store.words(ctx, user)
	return join(user, settings, words), true, err
}

// SetPreferences stores what a user prefers, whole.
func (s *Service) SetPreferences(ctx context.Context, user int64, p Preferences) (Preferences, error) {
	settings, words := p.split()
	err := s.write(ctx, func(st *Store) error { return st.setPreferences(ctx, user, &settings, words) })
	return join(user, settings, words), err
}

// DropPreferences deletes what is stored, so that the defaults hold.
func (s *Service) DropPreferences(ctx context.Context, user int64) error {
	return s.write(ctx, func(st *Store) error { return st.dropPreferences(ctx, user) })
}

type preferencesRow struct {
	Profile, Settings    string
	CreatedAt, UpdatedAt time.Time
}

func (s *Store) preferences(ctx context.Context, user int64) (row preferencesRow, err error) {
	var found []preferencesRow
	err = s.db.WithContext(ctx).Raw(`SELECT profile::text AS profile, settings::text AS settings, created_at, updated_at FROM user_preferences WHERE user_id = ?`, user).Scan(&found).Error
	if err != nil {
		return row, fmt.Errorf("read the preferences of user %d: %w", user, err)
	}
	if len(found) == 0 {
		return row, errNoPreferences
	}
	return found[0], nil
}

func (s *Store) settings(ctx context.Context, user int64) (out storedSettings, err error) {
	row, err := s.preferences(ctx, user)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(row.Settings), &out); err != nil {
		return out, fmt.Errorf("read the settings of user %d: %w", user, err)
	}
	out.CreatedAt, out.UpdatedAt = row.CreatedAt.UTC(), row.UpdatedAt.UTC()
	return out, nil
}

func (s *Store) words(ctx context.Context, user int64) (out ownWords, err error) {
	row, err := s.preferences(ctx, user)
	if isMissing(err) {
		return out, nil // deleted meanwhile
	}
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(row.Profile), &out); err != nil {
		return out, fmt.Errorf("read the profile of user %d: %w", user, err)
	}
	return out, nil
}

func (s *Store) setPreferences(ctx context.Context, user int64, settings *storedSettings, words ownWords) error {
	a, errA := json.Marshal(settings)
	b, errB := json.Marshal(words)
	if err := firstError(errA, errB); err != nil {
		return fmt.Errorf("encode the preferences of user %d: %w", user, err)
	}
	var at []struct{ CreatedAt, UpdatedAt time.Time }
	err := s.db.WithContext(ctx).Raw(`INSERT INTO user_preferences AS p (user_id, settings, profile) VALUES (?, ?::jsonb, ?::jsonb)
		ON CONFLICT (user_id) DO UPDATE SET settings = excluded.settings, profile = excluded.profile, updated_at = now()
		RETURNING created_at, updated_at`, user, string(a), string(b)).Scan(&at).Error
	if err != nil || len(at) != 1 {
		return fmt.Errorf("store the preferences of user %d: %w", user, err)
	}
	settings.CreatedAt, settings.UpdatedAt = at[0].CreatedAt.UTC(), at[0].UpdatedAt.UTC()
	return nil
}

func (s *Store) dropPreferences(ctx context.Context, user int64) error {
	if err := s.db.WithContext(ctx).Exec(`DELETE FROM user_preferences WHERE user_id = ?`, user).Error; err != nil {
		return fmt.Errorf("delete the preferences of user %d: %w", user, err)
	}
	return nil
}
