package app

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"openlearn/internal/testkit"
	"openlearn/internal/users/mail"
)

func (p *person) id() int {
	p.t.Helper()
	return int(p.want(http.StatusOK, http.MethodGet, "/api/auth/me", "").json(p.t).(map[string]any)["id"].(float64))
}

func TestPreferencesAreOnesOwn(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	ana, eva := a.member("ana@example.org"), a.member("eva@example.org")
	id := ana.id()
	mine := fmt.Sprintf("/api/v1/preferences?user_id=%d", id)
	a.person("").want(http.StatusUnauthorized, http.MethodGet, mine, "")
	prefs := ana.want(http.StatusOK, http.MethodGet, mine, "").json(t).(map[string]any)
	if prefs["userId"] != fmt.Sprint(id) || prefs["learning"].(map[string]any)["currentLevel"] != "B1" || prefs["createdAt"] == nil {
		t.Errorf("defaults: %v", prefs)
	}
	ana.want(http.StatusNotFound, http.MethodGet, "/api/v1/preferences/export", "")
	prefs["profile"].(map[string]any)["bio"] = `=HYPERLINK("http://evil.example","x")`
	prefs["learning"].(map[string]any)["preferredSources"] = []string{"El Tiempo", "Semana"}
	body, err := json.Marshal(prefs)
	if err != nil {
		t.Fatal(err)
	}
	for method, b := range map[string]string{http.MethodGet: "", http.MethodPut: string(body), http.MethodDelete: ""} {
		eva.want(http.StatusForbidden, method, mine, b)
	}
	eva.want(http.StatusForbidden, http.MethodPut, "/api/v1/preferences", string(body))
	eva.want(http.StatusForbidden, http.MethodGet, "/api/v1/preferences/export"+mine[len("/api/v1/preferences"):], "")
	stored := ana.want(http.StatusOK, http.MethodPut, "/api/v1/preferences", string(body)).json(t).(map[string]any)
	for range 3 {
		got := ana.want(http.StatusOK, http.MethodGet, mine, "").json(t).(map[string]any)
		if fmt.Sprint(got) != fmt.Sprint(stored) || fmt.Sprint(got["learning"]) != fmt.Sprint(prefs["learning"]) || fmt.Sprint(got["profile"]) != fmt.Sprint(prefs["profile"]) {
			t.Errorf("stored %v\ngot %v", stored, got)
		}
	}
	file := ana.want(http.StatusOK, http.MethodGet, "/api/v1/preferences/export?format=csv", "")
	rows, err := csv.NewReader(bytes.NewReader(file.body)).ReadAll()
	if err != nil || file.Header.Get("Content-Type") != "text/csv; charset=utf-8" || file.Header.Get("Content-Disposition") != fmt.Sprintf("attachment; filename=openlearn-data-%d.csv", id) {
		t.Errorf("%v %v", err, file.Header)
	}
	want := map[string]string{
		"profile bio": `'=HYPERLINK("http://evil.example","x")`, "learning preferredSources": "El Tiempo, Semana", "learning difficultyRange": "30, 70",
		"notifications.deliveryTimes quietHoursEnd": "07:00", "privacy dataCollectionConsent": "False", "profile avatar": "None", "root userId": fmt.Sprint(id),
	}
	for _, row := range rows {
		if w, ok := want[row[0]+" "+row[1]]; ok && row[2] == w {
			delete(want, row[0]+" "+row[1])
		}
	}
	if len(want) > 0 || fmt.Sprint(rows[0]) != "[Category Field Value]" {
		t.Errorf("missing %v in\n%s", want, file.body)
	}
	ana.want(http.StatusUnprocessableEntity, http.MethodGet, "/api/v1/preferences/export?format=xml", "")
	for from, to := range map[string]string{`"auto"`: `"pink"`, `"articlesPerPage":25`: `"articlesPerPage":5`, `[30,70]`: `[80,20]`, `"America/Bogota"`: `"Moon/Base"`, `"08:00"`: `"25:00"`} {
		if broken := strings.Replace(string(body), from, to, 1); broken == string(body) {
			t.Errorf("nothing to break by %s in %s", from, body)
		} else {
			ana.want(http.StatusUnprocessableEntity, http.MethodPut, "/api/v1/preferences", broken)
		}
	}
	ana.want(http.StatusOK, http.MethodDelete, mine, "")
	if got := ana.want(http.StatusOK, http.MethodGet, mine, "").json(t).(map[string]any); got["profile"].(map[string]any)["bio"] != nil {
		t.Errorf("after the deletion: %v", got)
	}
}

func picture(t testing.TB, side int) image.Image {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for x := range side {
		for y := range side {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 90, 255})
		}
	}
	return img
}

func (p *person) upload(file []byte, want int) map[string]any {
	p.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "me.gif")
	if err == nil {
		_, err = part.Write(file)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	w.Close()
	r := p.want(want, http.MethodPost, "/api/v1/avatars/upload", form.String(), "Content-Type", w.FormDataContentType())
	v, _ := r.json(p.t).(map[string]any)
	return v
}

func TestAvatarsAreDecodedAndEncodedAnew(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.member("ana@example.org")
	var jpg, huge bytes.Buffer
	if err := jpeg.Encode(&jpg, picture(t, 900), nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&huge, image.NewGray(image.Rect(0, 0, 20000, 1000))); err != nil {
		t.Fatal(err)
	}
	hidden := append(jpg.Bytes(), "<script>alert(1)</script> GPS 4.71,-74.07"...)
	got := p.upload(hidden, http.StatusCreated)
	url := got["avatar_url"].(string)
	if meta := got["metadata"].(map[string]any); meta["width"] != 512.0 || meta["height"] != 512.0 || meta["content_type"] != "image/jpeg" {
		t.Errorf("%v", got)
	}
	served := a.get(url)
	if served.StatusCode != 200 || served.Header.Get("Content-Type") != "image/jpeg" || served.Header.Get("Cache-Control") != "public, max-age=86400" || bytes.Contains(served.body, []byte("script")) {
		t.Errorf("%d %v", served.StatusCode, served.Header)
	}
	if _, err := jpeg.Decode(bytes.NewReader(served.body)); err != nil {
		t.Error(err)
	}
	if again := a.get(url, "If-None-Match", served.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("with its tag: %d", again.StatusCode)
	}
	if me := p.do(http.MethodGet, "/api/auth/me", "").json(t).(map[string]any); me["avatar_url"] != url {
		t.Errorf("me: %v", me)
	}
	for name, file := range map[string][]byte{"text": []byte("GIF? no"), "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "half a JPEG": jpg.Bytes()[:200], "empty": {}} {
		if got := p.upload(file, http.StatusBadRequest); got == nil {
			t.Errorf("%s", name)
		}
	}
	p.upload(huge.Bytes(), http.StatusRequestEntityTooLarge)
	p.want(http.StatusUnprocessableEntity, http.MethodPost, "/api/avatars/upload", "x", "Content-Type", "multipart/form-data; boundary=b")
	p.want(http.StatusOK, http.MethodDelete, "/api/v1/avatars/", "")
	p.want(http.StatusNotFound, http.MethodDelete, "/api/v1/avatars/", "")
	for _, gone := range []string{url, "/api/v1/avatars/x.jpg"} {
		if r := a.get(gone); r.StatusCode != http.StatusNotFound || !strings.Contains(string(r.body), "Avatar not found") {
			t.Errorf("%s: %d %s", gone, r.StatusCode, r.body)
		}
	}
}

// TestErasingLeavesNothing: every table that has a column for users is looked at.
func TestErasingLeavesNothing(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	p := a.member("borrame@example.org")
	id := p.id()
	prefs := p.do(http.MethodGet, "/api/preferences", "").body
	p.want(http.StatusOK, http.MethodPut, "/api/preferences", string(prefs))
	var img bytes.Buffer
	if err := png.Encode(&img, picture(t, 8)); err != nil {
		t.Fatal(err)
	}
	p.upload(img.Bytes(), http.StatusCreated)
	all := p.want(http.StatusOK, http.MethodGet, "/api/users/me/export", "").json(t).(map[string]any)
	if all["account"].(map[string]any)["email"] != p.email || all["preferences"] == nil || all["avatar"] == nil || len(all["sessions"].([]any)) != 1 || len(all["devices"].([]any)) != 1 {
		t.Errorf("exported %v", all)
	}
	token := p.cookie("/", "access_token")
	gone := p.want(http.StatusOK, http.MethodDelete, "/api/v1/users/me/account", "").json(t).(map[string]any)
	if counts := gone["deleted_counts"].(map[string]any); counts["account"] != 1.0 || counts["sessions"] != 1.0 || counts["preferences"] != 1.0 || counts["avatars"] != 1.0 || gone["user_id"] != float64(id) {
		t.Errorf("%v", gone)
	}
	if r := a.get("/api/auth/me", "Authorization", "Bearer "+token); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the token works: %d", r.StatusCode)
	}
	rows, err := a.db.Pool.Query(t.Context(), `SELECT table_name::text FROM information_schema.columns WHERE column_name = 'user_id' AND table_schema = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if len(tables) < 5 {
		t.Errorf("only %v", tables)
	}
	for _, name := range tables {
		if n := a.number(`SELECT count(*) FROM `+name+` WHERE user_id = $1`, id); n != 0 {
			t.Errorf("%d rows are left in %s", n, name)
		}
	}
	if a.number(`SELECT count(*) FROM users`)+a.number(`SELECT count(*) FROM refresh_tokens`) != 0 {
		t.Error("rows are left")
	}
	p.register() // the address is free again
}

var linkToken = regexp.MustCompile(`token=([\w-]+)`)

// TestAForgottenPassword: asked for by anybody, the mail goes to the owner, and its token works once.
func TestAForgottenPassword(t *testing.T) {
	t.Parallel()
	kept := &mail.Kept{}
	a := newTestApp(t, func(c *Config) { c.Users.Workers, c.testing.mails = 1, kept })
	p := a.member("ana@example.org")
	token := p.cookie("/", "access_token")
	mails := func(subject string) (found []mail.Message) {
		for _, m := range kept.All() {
			if strings.Contains(m.Subject, subject) {
				found = append(found, m)
			}
		}
		return found
	}
	answers := map[string]bool{}
	for _, email := range []string{"ANA@example.org", "nobody@example.org"} {
		r := a.person("").want(http.StatusOK, http.MethodPost, "/api/v1/auth/password-reset", `{"email":`+asJSON(email)+`}`)
		answers[string(r.body)] = true
	}
	if len(answers) != 1 {
		t.Errorf("answers tell whether there is an account: %v", answers)
	}
	testkit.Eventually(t, "the mail", func() bool { return len(mails("Nueva contraseña")) == 1 })
	m := mails("Nueva contraseña")[0]
	shown := func(headers ...string) reply { return a.get("/admin/cache/mails", headers...) }
	if r := shown(); r.StatusCode != http.StatusSeeOther {
		t.Errorf("a stranger reads mails: %d", r.StatusCode)
	}
	if r := shown("Cookie", "access_token="+a.adminToken()); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), "Nueva contraseña") {
		t.Errorf("the page of mails: %d %.200s", r.StatusCode, r.body)
	}
	if m.To != "ana@example.org" {
		t.Errorf("to %s", m.To)
	}
	reset := linkToken.FindStringSubmatch(m.Text)[1]
	if a.number(`SELECT count(*) FROM mail_tokens WHERE hash = $1`, []byte(reset)) != 0 || a.number(`SELECT count(*) FROM river_job WHERE args::text LIKE '%'||$1||'%' OR args::text LIKE '%example.org%'`, reset) != 0 {
		t.Error("the token or the address is stored as it is")
	}
	update := func(token, pw string) reply {
		return a.do(http.MethodPost, "/api/v1/auth/password-update", `{"token":`+asJSON(token)+`,"new_password":`+asJSON(pw)+`}`)
	}
	for range 3 { // links are looked at by those who scan mails
		a.get("/api/v1/auth/password-update?token=" + reset)
		a.do(http.MethodHead, "/api/v1/auth/password-update?token="+reset, "")
	}
	if r := update("x", "una clave nueva y larga"); r.StatusCode != http.StatusBadRequest || !strings.Contains(string(r.body), "Invalid or expired reset token") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := update(reset, "password"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a common password: %d", r.StatusCode)
	}
	if r := a.get("/api/auth/me", "Authorization", "Bearer "+reset); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the mail's token is a session: %d", r.StatusCode)
	}
	if r := update(reset, "una clave nueva y larga"); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if r := update(reset, "una clave nueva y larga"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("the token works twice: %d", r.StatusCode)
	}
	if r := a.get("/api/auth/me", "Authorization", "Bearer "+token); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a session outlives its password: %d", r.StatusCode)
	}
	login := func(pw string) int {
		return a.do(http.MethodPost, "/api/auth/token", `{"username":"ana@example.org","password":`+asJSON(pw)+`}`).StatusCode
	}
	if old, fresh := login(goodPassword), login("una clave nueva y larga"); old != 401 || fresh != 200 {
		t.Errorf("the old password gives %d, the new one %d", old, fresh)
	}
	testkit.Eventually(t, "the mail about the change", func() bool { return len(mails("cambió")) == 1 })

	// The address is confirmed by the first mail that was ever sent, once.
	testkit.Eventually(t, "the first mail", func() bool { return len(mails("Confirma")) == 2 })
	b := a.member("eva@example.org")
	testkit.Eventually(t, "the other's mail", func() bool { return len(mails("Confirma")) == 3 })
	var confirm string
	for _, m := range mails("Confirma") {
		if m.To == b.email {
			confirm = linkToken.FindStringSubmatch(m.Text)[1]
		}
	}
	b.want(http.StatusOK, http.MethodPost, "/api/auth/verify-email", `{"token":`+asJSON(confirm)+`}`)
	b.want(http.StatusBadRequest, http.MethodPost, "/api/auth/verify-email", `{"token":`+asJSON(confirm)+`}`)
	if me := b.do(http.MethodGet, "/api/auth/me", "").json(t).(map[string]any); me["email_verified"] != true {
		t.Errorf("%v", me)
	}
	for range 3 {
		b.want(http.StatusOK, http.MethodPost, "/api/auth/password-reset", `{"email":"eva@example.org"}`)
	}
	b.want(http.StatusTooManyRequests, http.MethodPost, "/api/auth/password-reset", `{"email":"eva@example.org"}`)
}
