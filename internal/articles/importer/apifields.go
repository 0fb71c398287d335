package importer

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/articles/limits"
)

// moreFields are those of the API's articles that lines in the usual form do not have, so that an export can be imported. What
// the reader can do without is read leniently: a wrong type costs the field and not the line.
type moreFields struct {
	Content       string `json:"content"`
	SourceURL     string `json:"source_url"`
	PublishedDate string `json:"published_date"`

	Subtitle        json.RawMessage `json:"subtitle"`
	Tags            json.RawMessage `json:"tags"`
	DifficultyScore json.RawMessage `json:"difficulty_score"`
	IsPaywall       json.RawMessage `json:"is_paywall"`
	ModifiedDate    json.RawMessage `json:"modified_date"`
	ScrapedAt       json.RawMessage `json:"scraped_at"`
	Image           json.RawMessage `json:"image"`
	Language        json.RawMessage `json:"language"`
	Entities        json.RawMessage `json:"colombian_entities"`
	Metadata        json.RawMessage `json:"extra_metadata"`
}

// madeAnew are the fields of the API's articles that the archive fills in by itself.
var madeAnew = map[string]bool{
	"id": true, "word_count": true, "updated_at": true, "analysed_at": true, "duplicate_group": true, "revision": true,
}

// known are the names of all fields that are read.
var known = func() map[string]bool {
	names := map[string]bool{}
	for _, t := range []reflect.Type{reflect.TypeFor[rawArticle](), reflect.TypeFor[moreFields]()} {
		for i := range t.NumField() {
			names[t.Field(i).Tag.Get("json")] = true
		}
	}
	return names
}()

// leftOut warns of fields that hold something and are not read.
func (n *notes) leftOut(object []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return // unreachable: it has just been read
	}
	for name, value := range fields {
		if !known[strings.ToLower(name)] && !madeAnew[name] && !emptyJSON(value) {
			n.warnOnce(UnknownField, excerpt([]byte(name)))
		}
	}
}

func emptyJSON(v json.RawMessage) bool {
	switch string(v) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// more fills in what only the API's articles have.
func (d *decoder) more(f *moreFields, r *Record, n *notes) {
	var text string
	if n.read("subtitle", f.Subtitle, &text) {
		r.Subtitle = optional(n.cut(oneLine(text, n), limits.Subtitle, SubtitleCut))
	}
	for _, s := range []struct {
		name  string
		from  json.RawMessage
		to    **string
		limit int
	}{{"image", f.Image, &r.Image, limits.Image}, {"language", f.Language, &r.Language, limits.Language}} {
		if !n.read(s.name, s.from, &text) {
			continue
		}
		if v := oneLine(text, n); utf8.RuneCountInString(v) <= s.limit {
			*s.to = optional(v)
		} else {
			n.warn(FieldEmptied, s.name)
		}
	}
	var tags []string
	if n.read("tags", f.Tags, &tags) {
		for _, tag := range tags {
			tag = oneLine(tag, n)
			switch {
			case tag == "":
			case len(r.Tags) == limits.Tags || utf8.RuneCountInString(tag) > limits.Tag:
				n.warnOnce(TagsLeftOut, "")
			default:
				r.Tags = append(r.Tags, tag)
			}
		}
	}
	for _, f := range []struct {
		name string
		from json.RawMessage
		to   *json.RawMessage
	}{{"colombian_entities", f.Entities, &r.Entities}, {"extra_metadata", f.Metadata, &r.Metadata}} {
		switch {
		case len(f.from) == 0 || string(f.from) == "null":
		case storable(f.from):
			*f.to = f.from
		default:
			n.warn(FieldEmptied, f.name)
		}
	}
	var score float64
	if n.read("difficulty_score", f.DifficultyScore, &score) {
		if score >= 0 && score <= 5 {
			r.Difficulty = &score
		} else {
			n.warn(FieldEmptied, "difficulty_score")
		}
	}
	var paywall bool
	if n.read("is_paywall", f.IsPaywall, &paywall) {
		r.IsPaywall = &paywall
	}
	if n.read("modified_date", f.ModifiedDate, &text) {
		r.ModifiedAt = d.date(text, r.Country, n)
	}
	if n.read("scraped_at", f.ScrapedAt, &text) {
		if at := d.date(text, r.Country, n); at != nil && at.Before(time.Now()) {
			r.StoredAt = at
		}
	}
}

// read decodes an optional field; false if it is absent or of the wrong type.
func (n *notes) read(name string, from json.RawMessage, to any) bool {
	if len(from) == 0 || string(from) == "null" {
		return false
	}
	if json.Unmarshal(from, to) != nil {
		n.warn(FieldEmptied, name)
		return false
	}
	return true
}
