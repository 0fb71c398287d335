// Package soda reads datasets of a Socrata service by SODA 2.1 (https://dev.socrata.com/docs/), as datos.gov.co is one.
package soda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// Result is rows, or that they are what they were.
type Result struct {
	Table       table.Table
	NotModified bool
	Validators  upstream.Validators
}

// Client asks one Socrata service. It is safe for concurrent use.
type Client struct {
	up    *upstream.Client
	token string
	now   func() time.Time

	mu      sync.Mutex
	refused time.Time // the token was refused then
}

// New makes a Client. An empty token is none: requests then share a pool with everyone at our address.
func New(up *upstream.Client, token string, now func() time.Time) *Client {
	return &Client{up: up, token: token, now: now}
}

var datasetID = regexp.MustCompile(`^[a-z0-9]{4}-[a-z0-9]{4}$`)

// tokenRest is how long a refused token is not tried again: with it every request would cost two.
const tokenRest = time.Hour

// Rows reads rows of a dataset. columns are what the query selects, with the kinds that their values must have.
func (c *Client) Rows(ctx context.Context, dataset string, q soql.Query, columns []table.Column, known upstream.Validators) (Result, error) {
	if !datasetID.MatchString(dataset) {
		return Result{}, fmt.Errorf("soda: %q is not the id of a dataset", dataset)
	}
	params, err := q.Params()
	if err != nil {
		return Result{}, err
	}
	values := url.Values{}
	for name, value := range params {
		values.Set(name, value)
	}
	var rows [][]*string
	ask := func(token string) (*upstream.Answer, error) {
		header := http.Header{"Accept": {"application/json"}}
		if token != "" {
			header.Set("X-App-Token", token)
		}
		return c.up.Ask(ctx, upstream.Question{
			Path: "/resource/" + dataset + ".json", Query: values, Header: header, Known: known,
			Decode: func(a *upstream.Answer) (err error) {
				rows, err = decode(a, columns)
				return err
			},
		})
	}
	token := c.usable()
	a, err := ask(token)
	if e, ok := errors.AsType[*upstream.Error](err); ok && e.Kind == upstream.Denied && token != "" {
		c.mu.Lock()
		c.refused = c.now()
		c.mu.Unlock()
		a, err = ask("")
	}
	if err != nil {
		return Result{}, err
	}
	if a.NotModified {
		return Result{NotModified: true, Validators: a.Validators}, nil
	}
	return Result{Table: table.Table{Columns: columns, Rows: rows}, Validators: a.Validators}, nil
}

// usable is the token, "" while it is refused.
func (c *Client) usable() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.refused.IsZero() && c.now().Sub(c.refused) < tokenRest {
		return ""
	}
	return c.token
}

// TokenRefused reports whether the service does not accept our token.
func (c *Client) TokenRefused() bool { return c.token != "" && c.usable() == "" }

// problem is an error in either of the two forms that Socrata has.
type problem struct {
	Code      string `json:"code"`
	ErrorCode string `json:"errorCode"`
	Error     any    `json:"error"`
	Message   string `json:"message"`
}

func (p problem) is() bool {
	return p.Code != "" || p.ErrorCode != "" || p.Error != nil && p.Error != false
}

func (p problem) code() string {
	if p.ErrorCode != "" {
		return p.ErrorCode
	}
	return p.Code
}

// decode reads rows, or says why an answer has none.
func decode(a *upstream.Answer, columns []table.Column) ([][]*string, error) {
	body := bytes.TrimSpace(a.Body)
	switch {
	case strings.Contains(a.Type, "html") || bytes.HasPrefix(body, []byte("<")):
		return nil, upstream.Fail(upstream.NotData, "a page of %d bytes where data should be", len(body))
	case bytes.HasPrefix(body, []byte("{")):
		var p problem
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, err
		}
		return nil, refusal(a.Status, p)
	case a.Status != http.StatusOK:
		return nil, upstream.Fail(upstream.Status, "%s", http.StatusText(a.Status))
	}
	return decodeRows(body, columns)
}

// refusal is the error that a problem stands for.
func refusal(status int, p problem) error {
	text := p.code() + ": " + p.Message
	switch {
	case !p.is():
		return upstream.Fail(upstream.Malformed, "an object where a list should be")
	case status == http.StatusForbidden && (p.code() == "permission_denied" || strings.Contains(p.Message, "app_token")):
		return upstream.Fail(upstream.Denied, "%s", text)
	case status == http.StatusOK, strings.Contains(p.code(), "timeout"), strings.Contains(p.code(), "throttled"):
		return upstream.Fail(upstream.Reported, "%s", text)
	}
	return upstream.Fail(upstream.Refused, "%s", text)
}

func decodeRows(body []byte, columns []table.Column) ([][]*string, error) {
	var raw []map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more follows the list")
	}
	if raw == nil {
		return nil, errors.New("null where a list should be")
	}
	rows := make([][]*string, len(raw))
	for i, object := range raw {
		row := make([]*string, len(columns))
		for j, c := range columns {
			cell, err := cellOf(object[c.Name], c)
			if err != nil {
				return nil, fmt.Errorf("row %d, %s: %w", i, c.Name, err)
			}
			row[j] = cell
		}
		rows[i] = row
	}
	return rows, nil
}

// cellOf reads one value: numbers come as strings, addresses as objects, nulls are absent. A value that is not of its column's
// kind is null: one bad cell of a register of millions must not cost its page.
func cellOf(raw json.RawMessage, c table.Column) (*string, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	var text string
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	case '{':
		var address struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal(raw, &address); err != nil {
			return nil, err
		}
		text = address.URL
	case '[':
		return nil, fmt.Errorf("%w: a list", table.ErrValue)
	default:
		text = string(raw) // a number or a boolean
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	normal, err := table.Normal(c.Kind, text)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return &normal, nil
}
