// Package replay is servers that answer as the open-data services do, from recorded and invented rows, and that misbehave as they
// do. They are for tests.
package replay

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed testdata
var files embed.FS

// Mood is how a server answers.
type Mood string

// The moods there are.
const (
	Well      Mood = "well"
	Down      Mood = "down"      // the connection breaks
	Slow      Mood = "slow"      // no answer for as long as the client waits
	Throttles Mood = "throttles" // 429 with Retry-After
	Page      Mood = "page"      // a bot manager's page, with status 200
	Empty     Mood = "empty"     // an empty list, with status 200
	Error200  Mood = "error200"  // an error in the service's form, with status 200
	Fails     Mood = "fails"     // 503
	Accepted  Mood = "accepted"  // 202: still working
	Truncated Mood = "truncated" // the answer ends in the middle
)

// Moods are those in which a server gives no data.
func Moods() []Mood {
	return []Mood{Down, Slow, Throttles, Page, Empty, Error200, Fails, Accepted, Truncated}
}

// Server answers as all of the services, each below its own paths.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	mood     Mood
	once     bool // the mood is for one request
	tables   map[string][]Row
	columns  map[string][]string
	refuse   string // a token that is not accepted
	redirect string // where every request is sent
	requests []*http.Request
	leave    chan struct{} // closed when the server ends: it lets slow answers go
}

// Start starts a server with the recorded rows. Close must follow.
func Start() *Server {
	s := &Server{mood: Well, tables: map[string][]Row{}, columns: map[string][]string{}, leave: make(chan struct{})}
	entries, err := files.ReadDir("testdata")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if id := strings.TrimSuffix(e.Name(), ".json"); datasetPath.MatchString("/resource/" + e.Name()) {
			var rows []Row
			if err := json.Unmarshal(read(e.Name()), &rows); err != nil {
				panic(fmt.Sprintf("%s: %v", e.Name(), err))
			}
			s.Put(id, rows)
		}
	}
	s.Server = httptest.NewServer(s)
	return s
}

// Close ends the server.
func (s *Server) Close() {
	close(s.leave)
	s.Server.Close()
}

func read(name string) []byte {
	b, err := files.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	return b
}

// Put replaces the rows of a dataset. It has the columns that any row has, and the given ones.
func (s *Server) Put(id string, rows []Row, columns ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns = slices.Concat(s.columns[id], columns)
	for i, r := range rows {
		r[":id"] = fmt.Sprintf("row-%06d", i)
		for name := range r {
			columns = append(columns, name)
		}
	}
	slices.Sort(columns)
	s.tables[id], s.columns[id] = rows, slices.Compact(columns)
}

// Know gives a dataset more columns; one without rows is then there, and empty.
func (s *Server) Know(id string, columns ...string) {
	s.mu.Lock()
	rows := s.tables[id]
	s.mu.Unlock()
	if rows == nil {
		rows = []Row{}
	}
	s.Put(id, rows, columns...)
}

// Redirect sends every request elsewhere.
func (s *Server) Redirect(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirect = to
}

// Set sets the mood.
func (s *Server) Set(m Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood, s.once = m, false
}

// Once sets the mood for the next request.
func (s *Server) Once(m Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood, s.once = m, true
}

// Refuse makes the server accept this token no more.
func (s *Server) Refuse(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = token
}

// Requests are those that came so far.
func (s *Server) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

var datasetPath = regexp.MustCompile(`^/resource/([a-z0-9]{4}-[a-z0-9]{4})\.json$`)

func (s *Server) take(r *http.Request) (m Mood, redirect string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Clone(context.WithoutCancel(r.Context())))
	m = s.mood
	if s.once {
		s.mood, s.once = Well, false
	}
	return m, s.redirect
}

// ServeHTTP answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mood, redirect := s.take(r)
	if redirect != "" {
		http.Redirect(w, r, redirect+r.URL.RequestURI(), http.StatusFound)
		return
	}
	switch mood {
	case Down:
		panic(http.ErrAbortHandler)
	case Slow:
		select {
		case <-r.Context().Done():
		case <-s.leave:
		}
		return
	case Throttles:
		w.Header().Set("Retry-After", "30")
		reply(w, http.StatusTooManyRequests, "application/json", []byte(`{"code":"throttled","error":true,"message":"Too many requests"}`))
		return
	case Page:
		reply(w, http.StatusOK, "text/html; charset=utf-8", read("waf_200_bot_block.synthetic.html"))
		return
	case Fails:
		reply(w, http.StatusServiceUnavailable, "text/html", []byte("<html>Service Unavailable</html>"))
		return
	case Accepted:
		reply(w, http.StatusAccepted, "application/json", []byte("{}"))
		return
	}
	status, kind, body := s.data(r, mood)
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	if status == http.StatusOK && mood != Truncated {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if mood == Truncated {
		body = body[:len(body)/2]
	}
	reply(w, status, kind, body)
}

func reply(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// data is what the service itself would answer.
func (s *Server) data(r *http.Request, mood Mood) (status int, kind string, body []byte) {
	const js = "application/json; charset=utf-8"
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/nsi-jax-ws/rest/data/ESTAT,"):
		switch mood {
		case Empty:
			return http.StatusOK, "application/xml", []byte(`<message:GenericData xmlns:message="m"><message:DataSet/></message:GenericData>`)
		case Error200:
			return http.StatusOK, "application/xml", []byte(`<message:Error xmlns:message="m" xmlns:common="c"><message:ErrorMessage code="500"><common:Text>Internal</common:Text></message:ErrorMessage></message:Error>`)
		}
		return http.StatusOK, "application/xml", read("banrep_sdmx_DF_UVR_DAILY_LATEST.synthetic.xml")
	case strings.HasPrefix(path, "/v2/country/COL/indicator/"):
		switch {
		case mood == Empty:
			return http.StatusOK, js, []byte(`[{"page":0,"pages":0,"per_page":0,"total":0},null]`)
		case mood == Error200:
			return http.StatusOK, js, []byte(`[{"message":[{"id":"199","key":"Internal error","value":"Try again later"}]}]`)
		case !strings.HasSuffix(path, "FP.CPI.TOTL.ZG"):
			return http.StatusOK, js, read("worldbank_error_200.synthetic.json")
		}
		return http.StatusOK, js, read("worldbank_FP.CPI.TOTL.ZG.synthetic.json")
	case path == "/api/catalog/v1":
		switch {
		case mood == Empty || r.URL.Query().Get("search_context") == "":
			return http.StatusOK, js, []byte(`{"resultSetSize":0,"results":[]}`)
		case mood == Error200:
			return http.StatusOK, js, []byte(`{"error":"Internal error","status":500}`)
		}
		return http.StatusOK, js, read("catalog.json")
	}
	return s.resource(r, mood)
}

func (s *Server) resource(r *http.Request, mood Mood) (status int, kind string, body []byte) {
	const js = "application/json; charset=utf-8"
	m := datasetPath.FindStringSubmatch(r.URL.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.Header.Get("X-App-Token")
	switch {
	case m == nil || s.tables[m[1]] == nil:
		return http.StatusNotFound, js, read("err_404_dataset_missing.json")
	case token != "" && token == s.refuse:
		return http.StatusForbidden, js, read("err_403_invalid_token.json")
	case mood == Empty:
		return http.StatusOK, js, []byte("[]\n")
	case mood == Error200:
		return http.StatusOK, js, []byte(`{"code":"internal_error","error":true,"message":"Internal error"}`)
	}
	rows, err := answer(s.tables[m[1]], s.columns[m[1]], r.URL.Query())
	if err != nil {
		var p map[string]any
		if json.Unmarshal(read("err_400_no_such_column.json"), &p) != nil {
			panic("the recorded error is no JSON")
		}
		p["message"] = "Query coordinator error: " + err.Error()
		if missing := errNoColumn(""); !errors.As(err, &missing) {
			p["errorCode"] = "query.soql.invalid"
		}
		body, err = json.Marshal(p)
		if err != nil {
			panic(err)
		}
		return http.StatusBadRequest, js, body
	}
	if body, err = json.Marshal(rows); err != nil {
		panic(err)
	}
	return http.StatusOK, js, append(body, '\n')
}
