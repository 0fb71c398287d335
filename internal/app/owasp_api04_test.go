package app

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// unrestrictedConsumption: requests that cost much are refused before they do.
func unrestrictedConsumption(x *target) {
	p := x.member("ana.api4@example.org")
	tooMuch := []int{http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}
	long := func(n int) string { return asJSON(strings.Repeat("añ", n/2)) }
	for what, c := range map[string]struct{ method, path, body string }{
		"a body of 9 MB":             {http.MethodPost, "/api/analysis/analyze", `{"text":"` + strings.Repeat("x", 9<<20) + `"}`},
		"a text of 60,000":           {http.MethodPost, "/api/analysis/analyze", `{"text":` + long(60_000) + `}`},
		"1,001 texts":                {http.MethodPost, "/api/analysis/batch", `{"texts":[` + strings.TrimSuffix(strings.Repeat(`"un texto de prueba",`, 1001), ",") + `]}`},
		"1,001 articles":             {http.MethodPost, "/api/analysis/batch-analyze", `{"content_ids":[` + strings.TrimSuffix(strings.Repeat("1,", 1001), ",") + `]}`},
		"deep JSON":                  {http.MethodPut, "/api/preferences", strings.Repeat(`{"profile":`, 20_000) + "1" + strings.Repeat("}", 20_000)},
		"a long password":            {http.MethodPost, "/api/auth/register", `{"email":"x.api4@example.org","password":` + long(50_000) + `,"full_name":"Ana"}`},
		"a long name":                {http.MethodPut, "/api/auth/me", `{"full_name":` + long(20_000) + `}`},
		"large preferences":          {http.MethodPut, "/api/preferences", `{"x":` + long(300_000) + `}`},
		"a page far away":            {http.MethodGet, "/api/analysis/results?page=2000000000", ""},
		"an offset far away":         {http.MethodGet, "/api/articles/search?q=uno&offset=2000000000", ""},
		"a long search":              {http.MethodGet, "/api/articles/search?q=" + strings.Repeat("a", 600), ""},
		"a long cursor":              {http.MethodGet, "/api/articles?cursor=" + strings.Repeat("A", 600), ""},
		"a picture that is a number": {http.MethodPost, "/api/avatars/upload", "1"},
	} {
		r := x.refused(p, what, c.method, c.path, c.body, nil, append(tooMuch, http.StatusBadRequest)...)
		if len(r.body) > 4000 {
			x.t.Errorf("%s: an answer of %d bytes", what, len(r.body))
		}
	}
	for _, path := range []string{"/api/articles?limit=1000000", "/api/articles?limit=" + strings.Repeat("9", 400), "/api/articles/search?q=uno&limit=1000000", "/api/articles/facets?limit=1000000", "/api/scraping/content/simple?limit=1000000"} {
		if r := p.do(http.MethodGet, path, ""); r.StatusCode != http.StatusOK || len(r.body) > 1<<20 {
			x.t.Errorf("%s: %d, %d bytes", path, r.StatusCode, len(r.body))
		}
	}
	// Bombs: what unpacks to more than it seems to be.
	var bomb, small bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 16<<20)); err != nil {
		x.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		x.t.Fatal(err)
	}
	x.refused(p, "a body that unpacks to 16 MB", http.MethodPost, "/api/analysis/analyze", bomb.String(), []string{"Content-Encoding", "gzip"},
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusBadRequest)
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		x.t.Fatal(err)
	}
	flood := small.Bytes() // which says that it has 3,600 million pixels
	binary.BigEndian.PutUint32(flood[16:], 60_000)
	binary.BigEndian.PutUint32(flood[20:], 60_000)
	binary.BigEndian.PutUint32(flood[29:], crc32.ChecksumIEEE(flood[12:29]))
	p.upload(flood, http.StatusRequestEntityTooLarge)
	spentLimits(x)
}

// spentLimits: whoever asks for more than their share waits, whatever they say of their address, and nobody else does. What they
// ask for costs 20 units, so that the minute's 600 are spent long before they come back.
func spentLimits(x *target) {
	y := &target{x.testApp, "203.0.113.9", x.shared}
	body := fmt.Sprintf(`{"content_ids":[%d]}`, x.shared.article)
	var refused atomic.Int64
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			p := y.person("")
			for i := range 40 {
				r, err := p.try(http.MethodPost, "/api/analysis/batch-analyze", body, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", worker*40+i), "X-Real-IP", fmt.Sprint("10.0.0.", i))
				switch {
				case err != nil:
					x.t.Error(err)
				case r.StatusCode == http.StatusTooManyRequests && r.Header.Get("Retry-After") != "":
					refused.Add(1)
				case r.StatusCode >= 300:
					x.t.Errorf("%d %v %.200s", r.StatusCode, r.Header, r.body)
				}
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 {
		x.t.Error("2,400 units of 600 a minute were granted")
	}
	if r := x.person("").do(http.MethodGet, "/api/articles", ""); r.StatusCode != http.StatusOK {
		x.t.Errorf("somebody else: %d", r.StatusCode)
	}
}
