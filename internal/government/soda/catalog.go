package soda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// Catalog searches what a Socrata domain publishes (https://dev.socrata.com/docs/other/discovery).
type Catalog struct {
	up     *upstream.Client
	domain string
}

// NewCatalog searches the datasets of domain.
func NewCatalog(up *upstream.Client, domain string) *Catalog { return &Catalog{up, domain} }

// CatalogColumns are those of Search's table.
var CatalogColumns = []table.Column{
	{Name: "id", Kind: table.Text, Doc: "Id of the dataset at the publisher"},
	{Name: "name", Kind: table.Text, Doc: "Name"},
	{Name: "description", Kind: table.Text, Doc: "Description, 500 characters at most"},
	{Name: "attribution", Kind: table.Text, Doc: "Who publishes it"},
	{Name: "updated_at", Kind: table.Time, Doc: "Last change"},
	{Name: "columns", Kind: table.Number, Doc: "Number of columns"},
	{Name: "license", Kind: table.Text, Doc: "Licence, as the publisher names it"},
	{Name: "official", Kind: table.Text, Doc: "official or community"},
}

// Search finds datasets. total is how many there are.
func (c *Catalog) Search(ctx context.Context, text string, limit, offset int, known upstream.Validators) (Result, int, error) {
	query := url.Values{
		// Without search_context the service answers that there is nothing.
		"domains": {c.domain}, "search_context": {c.domain}, "only": {"dataset"}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
	}
	if text != "" {
		query.Set("q", text)
	}
	var found table.Table
	total := 0
	a, err := c.up.Ask(ctx, upstream.Question{
		Path: "/api/catalog/v1", Query: query, Header: http.Header{"Accept": {"application/json"}}, Known: known,
		Decode: func(a *upstream.Answer) (err error) {
			found, total, err = decodeCatalog(a)
			return err
		},
	})
	if err != nil {
		return Result{}, 0, err
	}
	return Result{Table: found, NotModified: a.NotModified, Validators: a.Validators}, total, nil
}

func decodeCatalog(a *upstream.Answer) (table.Table, int, error) {
	t := table.Table{Columns: CatalogColumns, Rows: [][]*string{}}
	if body := bytes.TrimSpace(a.Body); bytes.HasPrefix(body, []byte("<")) {
		return t, 0, upstream.Fail(upstream.NotData, "a page of %d bytes where data should be", len(body))
	}
	var answer struct {
		problem
		Total   *int `json:"resultSetSize"`
		Results []struct {
			Resource struct {
				ID          string   `json:"id"`
				Name        string   `json:"name"`
				Description string   `json:"description"`
				Attribution string   `json:"attribution"`
				Updated     string   `json:"updatedAt"`
				Provenance  string   `json:"provenance"`
				Columns     []string `json:"columns_field_name"`
			} `json:"resource"`
			Metadata struct {
				License string `json:"license"`
			} `json:"metadata"`
		} `json:"results"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		return t, 0, err
	}
	switch {
	case answer.is():
		return t, 0, refusal(a.Status, answer.problem)
	case a.Status != http.StatusOK:
		return t, 0, upstream.Fail(upstream.Status, "%s", http.StatusText(a.Status))
	case answer.Total == nil:
		return t, 0, errors.New("no number of results")
	}
	for i, r := range answer.Results {
		cells := []string{r.Resource.ID, r.Resource.Name, cut(r.Resource.Description, 500), r.Resource.Attribution, r.Resource.Updated, strconv.Itoa(len(r.Resource.Columns)), r.Metadata.License, r.Resource.Provenance}
		if r.Resource.ID == "" {
			return t, 0, fmt.Errorf("result %d has no id", i)
		}
		row := make([]*string, len(cells))
		for j, cell := range cells {
			if normal, err := table.Normal(CatalogColumns[j].Kind, cell); err == nil && normal != "" {
				row[j] = &normal
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, *answer.Total, nil
}

func cut(s string, most int) string {
	if r := []rune(strings.TrimSpace(s)); len(r) > most {
		return string(r[:most])
	}
	return s
}
