// Package sdmx reads time series of Banco de la República by its SDMX 2.1 web service, which speaks XML only.
package sdmx

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// Client asks the service. It is safe for concurrent use.
type Client struct{ up *upstream.Client }

// New makes a Client.
func New(up *upstream.Client) *Client { return &Client{up} }

// Result is the observations of a flow, or that they are what they were.
type Result struct {
	Table       table.Table
	NotModified bool
	Validators  upstream.Validators
}

// Columns are those of Observations' table.
var Columns = []table.Column{
	{Name: "period", Kind: table.Text, Doc: "2026-10-09, 2026-10, 2026-Q4 or 2026"},
	{Name: "value", Kind: table.Number, Doc: "Observed value"},
	{Name: "subject", Kind: table.Text, Doc: "What is measured, by the bank's code"},
	{Name: "unit", Kind: table.Text, Doc: "Unit, by the bank's code"},
	{Name: "frequency", Kind: table.Text, Doc: "D, M, Q or A"},
}

var flowName = regexp.MustCompile(`^DF_[A-Z0-9_]{1,60}$`)

// Observations reads a flow from the year first to the year last, both included; 0 = not bounded.
func (c *Client) Observations(ctx context.Context, flow string, first, last int, known upstream.Validators) (Result, error) {
	if !flowName.MatchString(flow) {
		return Result{}, fmt.Errorf("sdmx: %q is not the name of a flow", flow)
	}
	query := url.Values{"dimensionAtObservation": {"TIME_PERIOD"}, "detail": {"full"}}
	if first != 0 {
		query.Set("startPeriod", strconv.Itoa(first))
	}
	if last != 0 {
		query.Set("endPeriod", strconv.Itoa(last+1)) // the service leaves the year out that it names
	}
	var found table.Table
	a, err := c.up.Ask(ctx, upstream.Question{
		Path: "/nsi-jax-ws/rest/data/ESTAT," + flow + ",1.0/all/ALL/", Query: query, Header: http.Header{"Accept": {"application/xml"}}, Known: known,
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

// decode reads an answer. Of a status of 404 the service makes "no observations", which is an empty table.
func decode(a *upstream.Answer) (table.Table, error) {
	body := bytes.TrimSpace(a.Body)
	head := bytes.ToLower(body[:min(len(body), 200)])
	if strings.Contains(a.Type, "html") || bytes.HasPrefix(head, []byte("<html")) || bytes.HasPrefix(head, []byte("<!doctype html")) {
		return table.Table{}, upstream.Fail(upstream.NotData, "a page of %d bytes where data should be", len(body))
	}
	t, err := Parse(bytes.NewReader(body))
	if refused := (*upstream.Error)(nil); errors.As(err, &refused) && a.Status != http.StatusOK {
		refused.Kind = upstream.Refused
	}
	if err == nil && a.Status != http.StatusOK {
		err = upstream.Fail(upstream.Status, "%s", http.StatusText(a.Status))
	}
	return t, err
}

// mostObservations bounds what an answer may hold.
const mostObservations = 200_000

// Parse reads a message of generic data.
func Parse(r io.Reader) (table.Table, error) {
	t := table.Table{Columns: Columns, Rows: [][]*string{}}
	d := xml.NewDecoder(r)
	var key map[string]string
	var period, value string
	root, keys := "", false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root == "" {
				if root = token.Name.Local; root != "GenericData" && root != "Error" {
					return t, fmt.Errorf("a message of %q where GenericData should be", root)
				}
			}
			switch token.Name.Local {
			case "ErrorMessage":
				return t, upstream.Fail(upstream.Reported, "error %s", attribute(token, "code"))
			case "Series":
				key = map[string]string{}
			case "SeriesKey":
				keys = true
			case "Value":
				if keys && key != nil {
					key[attribute(token, "id")] = attribute(token, "value")
				}
			case "Obs":
				period, value = "", ""
			case "ObsDimension":
				period = attribute(token, "value")
			case "ObsValue":
				value = attribute(token, "value")
			}
		case xml.EndElement:
			switch token.Name.Local {
			case "SeriesKey":
				keys = false
			case "Obs":
				row, err := observation(period, value, key)
				if err != nil {
					return t, err
				}
				if t.Rows = append(t.Rows, row); len(t.Rows) > mostObservations {
					return t, upstream.Fail(upstream.TooLarge, "more than %d observations", mostObservations)
				}
			}
		}
	}
	if root != "GenericData" {
		return t, errors.New("no message of data")
	}
	return t, nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

var periods = regexp.MustCompile(`^(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?|-?([QqTt])([1-4]))?$`)

// Period is a period in one form, however it is written: 20261009 and 2026-10-09 are one day.
func Period(s string) (string, error) {
	m := periods.FindStringSubmatch(strings.TrimSpace(s))
	switch {
	case m == nil:
		return "", fmt.Errorf("%w: %.20q is no period", table.ErrValue, s)
	case m[5] != "":
		return m[1] + "-Q" + m[5], nil
	case m[3] != "":
		return table.Normal(table.Date, m[1]+"-"+m[2]+"-"+m[3])
	case m[2] != "":
		day, err := table.Normal(table.Date, m[1]+"-"+m[2]+"-01")
		return strings.TrimSuffix(day, "-01"), err
	}
	return m[1], nil
}

func observation(period, value string, key map[string]string) ([]*string, error) {
	p, err := Period(period)
	if err != nil {
		return nil, err
	}
	row := []*string{&p, nil, nil, nil, nil}
	if value != "" && value != "NaN" {
		n, err := table.Normal(table.Number, value)
		if err != nil {
			return nil, err
		}
		row[1] = &n
	}
	for i, id := range []string{"SUBJECT", "UNIT_MEASURE", "FREQ"} {
		if v := key[id]; v != "" {
			row[2+i] = &v
		}
	}
	return row, nil
}
