package app

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strings"
)

// brokenObjectLevelAuthorization: eva asks for what is ana's, by every name that it has.
func brokenObjectLevelAuthorization(x *target) {
	ana, eva := x.member("ana.api1@example.org"), x.member("eva.api1@example.org")
	anas, evas := ana.id(), eva.id()
	prefs := strings.Replace(string(ana.want(http.StatusOK, http.MethodGet, "/api/preferences", "").body), `"bio":null`, `"bio":"vida de ana"`, 1)
	ana.want(http.StatusOK, http.MethodPut, "/api/preferences", prefs)
	var img bytes.Buffer
	if err := png.Encode(&img, picture(x.t, 8)); err != nil {
		x.t.Fatal(err)
	}
	avatar := ana.upload(img.Bytes(), http.StatusCreated)["avatar_url"].(string)
	session := ana.want(http.StatusOK, http.MethodGet, "/api/auth/sessions", "").json(x.t).(map[string]any)["items"].([]any)[0].(map[string]any)["id"].(string)
	before := string(ana.do(http.MethodGet, "/api/users/me/export", "").body)

	forbidden, unknown := []int{http.StatusForbidden}, []int{http.StatusNotFound, http.StatusUnprocessableEntity}
	mine := fmt.Sprintf("user_id=%d", anas)
	for _, path := range []string{"/api/preferences?" + mine, "/api/v1/preferences?" + mine, "/api/v1/preferences/?" + mine} {
		x.refused(eva, "another's preferences", http.MethodGet, path, "", nil, forbidden...)
		x.refused(eva, "another's preferences", http.MethodPut, path, prefs, nil, forbidden...)
		x.refused(eva, "another's preferences", http.MethodDelete, path, "", nil, forbidden...)
	}
	x.refused(eva, "another's number in the body", http.MethodPut, "/api/preferences", prefs, nil, forbidden...)
	x.refused(eva, "another's number in the body, her own in the query", http.MethodPut, fmt.Sprintf("/api/preferences?user_id=%d", evas), prefs, nil, forbidden...)
	x.refused(eva, "another's export", http.MethodGet, "/api/preferences/export?"+mine, "", nil, forbidden...)
	for _, way := range []string{"/api/users/%d", "/api/v1/users/%d"} {
		x.refused(eva, "another's account", http.MethodGet, fmt.Sprintf(way, anas), "", nil, forbidden...)
		x.refused(eva, "another's account", http.MethodPatch, fmt.Sprintf(way, anas), `{"is_active":false}`, nil, forbidden...)
		x.refused(eva, "another's sessions", http.MethodDelete, fmt.Sprintf(way, anas)+"/sessions", "", nil, forbidden...)
	}
	for _, id := range []string{session, strings.ToUpper(session), session + "%00", "%2e%2e/" + session, session + "%27%20OR%201=1--"} {
		x.refused(eva, "another's session", http.MethodDelete, "/api/auth/sessions/"+id, "", nil, append(unknown, http.StatusBadRequest, http.StatusMethodNotAllowed)...)
	}
	// Names that no route knows, as headers, parameters and cookies: they select nothing.
	for _, way := range [][]string{{"X-User-Id", fmt.Sprint(anas)}, {"X-Forwarded-User", "ana.api1@example.org"}, {"X-Original-User", fmt.Sprint(anas)}} {
		for _, path := range []string{"/api/auth/me", "/api/users/me/export", "/api/preferences", "/api/auth/sessions"} {
			r := eva.do(http.MethodGet, path+"?id="+fmt.Sprint(anas)+"&email=ana.api1@example.org", "", way...)
			if text := shown(r); strings.Contains(text, "ana.api1") || strings.Contains(text, "vida de ana") || strings.Contains(text, session) {
				x.t.Errorf("%s with %v shows what is ana's: %.300s", path, way, text)
			}
		}
	}
	r := eva.do(http.MethodGet, fmt.Sprintf("/api/preferences?user_id=%d&user_id=%d", evas, anas), "")
	if strings.Contains(shown(r), "vida de ana") {
		x.t.Errorf("a parameter that comes twice: %s", r.body)
	}
	// What takes no name touches only one's own.
	eva.do(http.MethodDelete, "/api/avatars", "")
	eva.do(http.MethodDelete, "/api/preferences", "")
	eva.want(http.StatusOK, http.MethodPost, "/api/auth/logout-all", "")
	if r := x.get(avatar); r.StatusCode != http.StatusOK {
		x.t.Errorf("ana's picture: %d", r.StatusCode)
	}
	if after := string(ana.want(http.StatusOK, http.MethodGet, "/api/users/me/export", "").body); withoutTimes(after) != withoutTimes(before) {
		x.t.Errorf("what is ana's was\n%s\nand is\n%s", before, after)
	}
}

// withoutTimes leaves out the moment at which an export was made.
func withoutTimes(export string) string {
	before, rest, ok := strings.Cut(export, `"exported_at": "`)
	if !ok {
		return export
	}
	_, after, _ := strings.Cut(rest, `"`)
	return before + after
}
