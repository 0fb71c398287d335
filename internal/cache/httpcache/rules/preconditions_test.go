package rules

import (
	"net/http"
	"testing"
	"time"
)

func TestRFC9110s1322Preconditions(t *testing.T) {
	t.Parallel()
	modified := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	before, same, after := FormatDate(modified.Add(-time.Second)), FormatDate(modified), FormatDate(modified.Add(time.Hour))
	const im, inm, ims, ius = "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"
	for name, c := range map[string]struct {
		fields     []string
		read, edit Verdict
	}{
		"none":                            {nil, Proceed, Proceed},
		"the tag":                         {[]string{im, `"a"`}, Proceed, Proceed},
		"a tag of another form":           {[]string{im, `"a-gz"`}, Proceed, Proceed},
		"in a list":                       {[]string{im, `"x", "a"`}, Proceed, Proceed},
		"in a second line":                {[]string{im, `"x"`, im, `"a"`}, Proceed, Proceed},
		"another tag":                     {[]string{im, `"x"`}, Failed, Failed},
		"weakly":                          {[]string{im, `W/"a"`}, Failed, Failed},
		"without quotes":                  {[]string{im, `a`}, Failed, Failed},
		"anything":                        {[]string{im, `*`}, Proceed, Proceed},
		"unmodified since then":           {[]string{ius, same}, Proceed, Proceed},
		"modified since":                  {[]string{ius, before}, Failed, Failed},
		"no date":                         {[]string{ius, "yesterday"}, Proceed, Proceed},
		"the tag decides over the date":   {[]string{im, `"a"`, ius, before}, Proceed, Proceed},
		"none of these":                   {[]string{inm, `"x"`}, Proceed, Proceed},
		"one of these":                    {[]string{inm, `"x", W/"a"`}, Unchanged, Failed},
		"must not exist":                  {[]string{inm, `*`}, Unchanged, Failed},
		"not modified since":              {[]string{ims, after}, Unchanged, Proceed},
		"not modified since, to a second": {[]string{ims, same}, Unchanged, Proceed},
		"modified since, for a read":      {[]string{ims, before}, Proceed, Proceed},
		"the tag decides over since":      {[]string{inm, `"x"`, ims, after}, Proceed, Proceed},
		"both kinds, the first fails":     {[]string{im, `"x"`, inm, `"a"`}, Failed, Failed},
		"both kinds, the second":          {[]string{im, `"a"`, inm, `"a"`}, Unchanged, Failed},
	} {
		h := http.Header{}
		for i := 0; i < len(c.fields); i += 2 {
			h.Add(c.fields[i], c.fields[i+1])
		}
		current := Current{ETags: []string{`"a"`, `"a-gz"`}, Modified: modified}
		if got := Preconditions(http.MethodGet, h, current, noon); got != c.read {
			t.Errorf("%s: a GET comes to %d, want %d", name, got, c.read)
		}
		if got := Preconditions(http.MethodPatch, h, current, noon); got != c.edit {
			t.Errorf("%s: a PATCH comes to %d, want %d", name, got, c.edit)
		}
	}
	// Without a date, fields with dates do not apply.
	h := http.Header{"If-Unmodified-Since": {before}, "If-Modified-Since": {after}}
	if got := Preconditions(http.MethodGet, h, Current{}, noon); got != Proceed {
		t.Errorf("undated: %d", got)
	}
}
