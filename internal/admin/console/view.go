package console

import (
	"bytes"
	"context"
	"encoding/json"

	"openlearn/internal/admin"
)

// figures are what the live sections show.
type figures struct {
	admin.Overview
	Hot     []admin.HotKey
	Warming admin.Warming
	Trail   trailView
}

// liveSections are the names of templates, and the ids of the elements that they fill.
var liveSections = []string{"live-summary", "live-layers", "live-hot", "live-health", "live-warming", "live-trail"}

// view is the whole page, with what was requested on it.
type view struct {
	figures
	LoggedIn bool
	Instance string

	Inspected *inspectView
	Browsed   *browseView
	Outcome   *outcomeView
	Warmed    *warmView
	Older     *trailView
	Form      forms
}

// forms holds the values of the page's form fields.
type forms struct {
	InspectLayer, InspectID string
	BrowseLayer, Prefix     string
	Scope, Layer, Name      string
	WarmLayer, WarmIDs      string
}

// filled sets fields that were not sent to their initial values.
func (f forms) filled() forms {
	for _, d := range []struct {
		field *string
		begin string
	}{{&f.InspectLayer, "article"}, {&f.BrowseLayer, "article"}, {&f.Layer, "article"}, {&f.Scope, string(admin.ScopeEntry)}, {&f.WarmLayer, "article"}} {
		if *d.field == "" {
			*d.field = d.begin
		}
	}
	return f
}

type inspectView struct {
	Layer, ID string
	Problem   string
	Entry     *admin.KeyEntry
	Value     string // indented
	Cut       bool   // only its beginning is shown
}

type browseView struct {
	Layer, Prefix, Problem string
	Keys                   []string
	Next                   string
}

type outcomeView struct {
	Asked   admin.Invalidation
	Problem string
	admin.Reach
	Total int
}

type warmView struct {
	IDs     string
	Problem string
	admin.Warmed
}

type trailView struct {
	Problem string
	Rows    []admin.AuditEntry
	Next    string
}

const hotShown, trailShown, trailPage, keysPage = 12, 8, 50, 50

// mostShown is how much of a value is put on the page.
const mostShown = 64 << 10

func (c *Console) figures(ctx context.Context) (figures, error) {
	hot, _, err := c.opt.Admin.Hot("", hotShown)
	if err != nil {
		return figures{}, err
	}
	return figures{c.opt.Admin.Overview(ctx), hot, c.opt.Admin.Warming(), c.trailOf(ctx, "", trailShown)}, nil
}

func (c *Console) trailOf(ctx context.Context, cursor string, limit int) trailView {
	rows, next, err := c.opt.Admin.Trail(ctx, cursor, limit)
	if err != nil {
		c.opt.Logger.Warn("console: the audit trail cannot be read", "error", err)
		return trailView{Problem: "The audit trail cannot be read: " + messageOf(err)}
	}
	return trailView{Rows: rows, Next: next}
}

// indented returns a value in readable form, and whether it was cut.
func indented(value json.RawMessage) (text string, cut bool) {
	var b bytes.Buffer
	if err := json.Indent(&b, value, "", "  "); err != nil {
		b.Reset()
		b.Write(value)
	}
	out := plain(b.Bytes())
	if len(out) > mostShown {
		return string(bytes.ToValidUTF8(out[:mostShown], nil)), true
	}
	return string(out), false
}

// plain undoes the escapes that encoding/json makes for HTML: the template escapes, and people read the value.
func plain(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		switch {
		case in[0] != '\\' || len(in) < 2:
			out, in = append(out, in[0]), in[1:]
		case bytes.HasPrefix(in, []byte(`\u003c`)):
			out, in = append(out, '<'), in[6:]
		case bytes.HasPrefix(in, []byte(`\u003e`)):
			out, in = append(out, '>'), in[6:]
		case bytes.HasPrefix(in, []byte(`\u0026`)):
			out, in = append(out, '&'), in[6:]
		default:
			out, in = append(out, in[:2]...), in[2:]
		}
	}
	return out
}
