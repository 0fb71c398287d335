package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/vocabulary"
)

// bugCase is a sentence with the analysis that it must get; see cases/README.md in the data folder.
type bugCase struct {
	Text string                     `json:"text"`
	What string                     `json:"what"`
	Want map[string]json.RawMessage `json:"want"`
}

// Cases checks the sentences on known bugs and prints what is wrong. Keys of parts that the pipeline lacks are ignored.
func Cases(w io.Writer, path string) (right, all int, err error) {
	err = corpus.Lines(os.DirFS("/"), strings.TrimPrefix(path, "/"), func(line string) error {
		var c bugCase
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return err
		}
		all++
		wrong, err := c.check()
		if err != nil {
			return fmt.Errorf("%q: %w", c.Text, err)
		}
		if len(wrong) == 0 {
			right++
			return nil
		}
		fmt.Fprintf(w, "  %s\n    %s\n", c.Text, strings.Join(wrong, "\n    "))
		return nil
	})
	return right, all, err
}

func (c *bugCase) check() (wrong []string, err error) {
	a := nlp.Analyze(c.Text, nlp.Request{Parts: nlp.All})
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	get := func(key string, into any) bool {
		raw, ok := c.Want[key]
		if ok {
			if e := json.Unmarshal(raw, into); e != nil {
				err = fmt.Errorf("%s: %w", key, e)
			}
		}
		return ok
	}
	var split map[string][]string
	if get("split", &split) {
		for form, lemmas := range split {
			if got := c.lemmasOf(&a, form); !slices.Equal(got, lemmas) && !sameClitics(got, lemmas) {
				fail("split of %s: %v, want %v", form, got, lemmas)
			}
		}
	}
	var tokens [][3]string
	if get("tokens", &tokens) {
		for _, want := range tokens {
			c.checkToken(&a, want, fail)
		}
	}
	var pairs [][2]string
	if get("entities", &pairs) {
		c.checkEntities(&a, pairs, true, fail)
	}
	if get("entities_include", &pairs) {
		c.checkEntities(&a, pairs, false, fail)
	}
	var list []string
	if get("not_entities", &list) {
		for _, form := range list {
			for _, e := range a.Names.Entities {
				if strings.Contains(e.Text, form) {
					fail("%q is in the name %q", form, e.Text)
				}
			}
		}
	}
	if get("sentences", &list) {
		var got []string
		for _, s := range a.Document.Sentences {
			got = append(got, a.Document.Between(s.First, s.Last))
		}
		if !slices.Equal(got, list) {
			fail("sentences %q", got)
		}
	}
	var colombian []string
	if get("colombianisms", &colombian) {
		for _, lemma := range colombian {
			if !slices.ContainsFunc(a.Colombianisms, func(m vocabulary.Mention) bool { return m.Lemma == lemma }) {
				fail("%s is not flagged as Colombian", lemma)
			}
		}
	}
	var armed []string
	if get("armed_groups", &armed) {
		for _, name := range armed {
			if !slices.ContainsFunc(a.Names.Entities, func(e ner.Entity) bool { return e.Text == name && e.Class == ner.Armed.String() }) {
				fail("%s is no armed group", name)
			}
		}
	}
	c.checkValues(&a, get, fail)
	c.checkTone(&a, get, fail)
	return wrong, err
}

// lemmasOf lists the lemmas of a form's words; enclitic pronouns are given by their form.
func (c *bugCase) lemmasOf(a *nlp.Analysis, form string) []string {
	for i := range a.Document.Tokens {
		if a.Document.Tokens[i].Text != form {
			continue
		}
		var out []string
		for k, w := range a.Words.Of(i, i+1) {
			if k > 0 && w.Form != "el" {
				out = append(out, w.Form)
			} else {
				out = append(out, w.Lemma)
			}
		}
		return out
	}
	return nil
}

func sameClitics(got, want []string) bool { return strings.Join(got, " ") == strings.Join(want, " ") }

func (c *bugCase) checkToken(a *nlp.Analysis, want [3]string, fail func(string, ...any)) {
	for i := range a.Document.Tokens {
		if a.Document.Tokens[i].Text != want[0] {
			continue
		}
		w := a.Words.Of(i, i+1)[0]
		if !either(want[1], w.POS.String()) || !either(want[2], w.Lemma) {
			fail("%s is %s %s, want %s %s", want[0], w.POS, w.Lemma, want[1], want[2])
		}
		return
	}
	fail("there is no token %s", want[0])
}

func either(want, got string) bool { return slices.Contains(strings.Split(want, "|"), got) }

func (c *bugCase) checkEntities(a *nlp.Analysis, want [][2]string, all bool, fail func(string, ...any)) {
	var got [][2]string
	for _, e := range a.Names.Entities {
		got = append(got, [2]string{e.Text, e.Type.String()})
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g [2]string) bool { return g[0] == w[0] && either(w[1], g[1]) }) {
			fail("names %v lack %v", got, w)
		}
	}
	if all && len(got) > len(want) {
		fail("names %v, want %v", got, want)
	}
}

func (c *bugCase) checkValues(a *nlp.Analysis, get func(string, any) bool, fail func(string, ...any)) {
	var money [][3]any
	if get("money", &money) {
		for _, m := range money {
			amount, _ := m[2].(float64)
			ok := false
			for _, v := range a.Names.Values {
				ok = ok || v.Text == m[0] && v.Currency == m[1] && math.Abs(v.Amount-amount) < amount*1e-9
			}
			if !ok {
				fail("money %+v, want %v", a.Names.Values, m)
			}
		}
	}
	var dates []any
	if get("dates", &dates) {
		for _, d := range dates {
			iso, _ := d.(string)
			if pair, ok := d.([]any); ok && len(pair) == 2 {
				iso, _ = pair[1].(string)
			}
			ok := false
			for _, v := range a.Names.Values {
				ok = ok || v.Date == iso
			}
			if !ok {
				fail("dates %+v, want %v", a.Names.Values, d)
			}
		}
	}
	for _, key := range []string{"municipality", "department"} {
		var places map[string]string
		if !get(key, &places) {
			continue
		}
		for mention, code := range places {
			form, number, _ := strings.Cut(mention, "@")
			n, _ := strconv.Atoi(number)
			found := ""
			for _, e := range a.Names.Entities {
				if strings.Contains(e.Text, form) {
					if n == 0 {
						found = e.Code
						break
					}
					n--
				}
			}
			if found != code {
				fail("%s of %s: %q, want %s", key, mention, found, code)
			}
		}
	}
}

func (c *bugCase) checkTone(a *nlp.Analysis, get func(string, any) bool, fail func(string, ...any)) {
	var polarity string
	if get("polarity", &polarity) && !either(polarity, string(a.Sentiment.Class)) {
		fail("polarity %s (%.2f), want %s", a.Sentiment.Class, a.Sentiment.Polarity, polarity)
	}
	var not []string
	if get("polarity_not", &not) && slices.Contains(not, string(a.Sentiment.Class)) {
		fail("polarity %s", a.Sentiment.Class)
	}
	var targets map[string]string
	if get("targets", &targets) {
		for name, want := range targets {
			for i, e := range a.Names.Entities {
				if e.Text == name && string(a.Targets[i].Class) != want {
					fail("target %s is %s, want %s", name, a.Targets[i].Class, want)
				}
			}
		}
	}
}
