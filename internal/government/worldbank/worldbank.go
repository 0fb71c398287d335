// Package worldbank reads indicators of Colombia from the World Bank (https://datahelpdesk.worldbank.org/, API v2).
package worldbank

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// Client asks the service. It is safe for concurrent use.
type Client struct{ up *upstream.Client }

// New makes a Client.
func New(up *upstream.Client) *Client { return &Client{up} }

// Result is the values of an indicator, or that they are what they were.
type Result struct {
	Table       table.Table
	NotModified bool
	Validators  upstream.Validators
}

// Columns are those of Indicator's table.
var Columns = []table.Column{
	{Name: "year", Kind: table.Text, Doc: "Year"},
	{Name: "value", Kind: table.Number, Doc: "Value; null where it is not published yet"},
	{Name: "indicator", Kind: table.Text, Doc: "Id of the indicator"},
	{Name: "name", Kind: table.Text, Doc: "Its name, with the unit"},
}

var indicatorID = regexp.MustCompile(`^[A-Z][A-Z0-9]*(\.[A-Z0-9]+){1,7}$`)

// ValidID reports whether an indicator can have that id.
func ValidID(id string) bool { return len(id) <= 40 && indicatorID.MatchString(id) }

// Indicator reads an indicator from the year first to the year last, both included.
func (c *Client) Indicator(ctx context.Context, id string, first, last int, known upstream.Validators) (Result, error) {
	if !ValidID(id) {
		return Result{}, fmt.Errorf("worldbank: %q is not the id of an indicator", id)
	}
	query := url.Values{"format": {"json"}, "per_page": {"500"}, "date": {strconv.Itoa(first) + ":" + strconv.Itoa(last)}}
	var found table.Table
	a, err := c.up.Ask(ctx, upstream.Question{
		Path: "/v2/country/COL/indicator/" + id, Query: query, Header: http.Header{"Accept": {"application/json"}}, Known: known,
		Decode: func(a *upstream.Answer) (err error) {
			found, err = decode(a)
			return err
		},
	})
	if err != nil {
		return Result{}, err
	}
	return Result{found, a.NotModified, a.Validators}, nil
}

// decode reads [paging, rows], or the error that comes in their place, with status 200.
func decode(a *upstream.Answer) (table.Table, error) {
	t := table.Table{Columns: Columns, Rows: [][]*string{}}
	if body := bytes.TrimSpace(a.Body); bytes.HasPrefix(body, []byte("<")) {
		return t, upstream.Fail(upstream.NotData, "a page of %d bytes where data should be", len(body))
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(a.Body, &parts); err != nil {
		return t, err
	}
	if len(parts) == 0 {
		return t, errors.New("an empty list where [paging, rows] should be")
	}
	var head struct {
		Page    *int `json:"page"`
		Pages   int  `json:"pages"`
		Message []struct{ ID, Key, Value string }
	}
	if err := json.Unmarshal(parts[0], &head); err != nil {
		return t, err
	}
	if len(head.Message) > 0 {
		kind := upstream.Reported
		if head.Message[0].ID == "120" || head.Message[0].ID == "175" { // a wrong parameter, or no such indicator
			kind = upstream.Refused
		}
		return t, upstream.Fail(kind, "error %s: %s", head.Message[0].ID, head.Message[0].Value)
	}
	switch {
	case a.Status != http.StatusOK:
		return t, upstream.Fail(upstream.Status, "%s", http.StatusText(a.Status))
	case head.Page == nil || len(parts) != 2:
		return t, errors.New("no [paging, rows]")
	case head.Pages > 1:
		return t, fmt.Errorf("%d pages where one holds all years", head.Pages)
	}
	err := decodeRows(&t, parts[1])
	return t, err
}

func decodeRows(t *table.Table, raw json.RawMessage) error {
	var rows []struct {
		Indicator struct{ ID, Value string } `json:"indicator"`
		Date      string                     `json:"date"`
		Value     json.Number                `json:"value"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		row := []*string{&r.Date, nil, &r.Indicator.ID, &r.Indicator.Value}
		if _, err := strconv.Atoi(r.Date); err != nil {
			return fmt.Errorf("row %d: %.20q is no year", i, r.Date)
		}
		if r.Value != "" {
			n, err := table.Normal(table.Number, r.Value.String())
			if err != nil {
				return fmt.Errorf("row %d: %w", i, err)
			}
			row[1] = &n
		}
		t.Rows = append(t.Rows, row)
	}
	return nil
}
