package eval

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/ner"
)

const sentence = "“Lo dijo Ana Ruiz, del Banco de la Repu\u0301blica, en Bogotá.” Nadie más."

// articles are two articles: one with an address, and one without whose title is annotated.
const articles = `{"title":"Título","text":"Señor 🙂. ` + sentence + ` Fin.","url":"https://example.org/a","other":1}
{"title":"Ana en Cali","text":"Nada.","url":null}
`

func noteOf(article, field, text string, start int, spans string) string {
	return fmt.Sprintf("test\t%s\t%s\t%d\t%d\t%s\t%s\n", article, field, start, start+len([]rune(text)), hash(text, hashDigits), spans)
}

// Positions are code points of the text as collected: an emoji and a combining accent count one each.
func TestStandoff(t *testing.T) {
	notes := "# part …\n\n" + noteOf("https://example.org/a", "text", sentence, 9, "9-17:PER 23-45:ORG 50-56:LOC") +
		noteOf("sha256:"+hash("Ana en Cali\nNada.", 16), "title", "Ana en Cali", 0, "-")
	read, err := readNotes(strings.NewReader(notes))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := rebuild(read, strings.NewReader(articles))
	if err != nil || len(parts["test"]) != 2 || len(parts["dev"]) != 0 {
		t.Fatalf("%d test, %d dev, %v", len(parts["test"]), len(parts["dev"]), err)
	}
	var got []string
	for i, s := range parts["test"][0].Sentences {
		for k, form := range s {
			got = append(got, form+"/"+parts["test"][0].Tags[i][k])
		}
	}
	want := "“/O Lo/O dijo/O Ana/B-PER Ruiz/I-PER ,/O del/O Banco/B-ORG de/I-ORG la/I-ORG República/I-ORG ,/O en/O Bogotá/B-LOC ./O ”/O Nadie/O más/O ./O"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if tags := parts["test"][1].Tags; !reflect.DeepEqual(tags, [][]string{{"O", "O", "O"}}) {
		t.Errorf("title: %q", tags)
	}
}

func TestStandoffErrors(t *testing.T) {
	const a = "https://example.org/a"
	good := noteOf(a, "text", sentence, 9, "9-17:PER")
	for name, c := range map[string]struct{ notes, want string }{
		"columns":        {strings.Replace(good, "\t", " ", 1), "6 columns"},
		"part":           {strings.Replace(good, "test", "train", 1), `part "train"`},
		"field":          {strings.Replace(good, "text", "body", 1), `field "body"`},
		"no number":      {strings.Replace(good, "\t9\t", "\tx\t", 1), "invalid syntax"},
		"empty sentence": {strings.Replace(good, "\t9\t", "\t900\t", 1), "it is empty"},
		"no hash":        {strings.Replace(good, hash(sentence, hashDigits), "", 1), `hash ""`},
		"type":           {noteOf(a, "text", sentence, 9, "9-17:GPE"), "unknown type"},
		"no type":        {noteOf(a, "text", sentence, 9, "9-17"), "unknown type"},
		"overlap":        {noteOf(a, "text", sentence, 9, "9-17:PER 13-17:PER"), "overlaps"},
		"outside":        {noteOf(a, "text", sentence, 9, "9-900:PER"), "leaves the sentence"},
		"within a token": {noteOf(a, "text", sentence, 9, "9-16:PER"), "begin and end with a token"},
		"begins within":  {noteOf(a, "text", sentence, 9, "10-17:PER"), "begin and end with a token"},
		"only a space":   {noteOf(a, "text", sentence, 9, "12-13:PER"), "begin and end with a token"},
		"changed":        {noteOf(a, "text", sentence, 8, "9-17:PER"), "has changed"},
		"missing":        {noteOf("https://example.org/b", "text", sentence, 9, "9-17:PER"), "missing"},
		"too short":      {noteOf(a, "text", sentence, 90, "9-17:PER"), "only"},
	} {
		notes, err := readNotes(strings.NewReader(c.notes))
		if err == nil {
			_, err = rebuild(notes, strings.NewReader(articles))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	notes, err := readNotes(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rebuild(notes, strings.NewReader("{")); err == nil {
		t.Error("broken articles give no error")
	}
}

// What is tuned on dev must say nothing about test: no article is in both, and no sentence twice.
func TestStandoffParts(t *testing.T) {
	notes, err := readNotes(strings.NewReader(colombia))
	if err != nil {
		t.Fatal(err)
	}
	parts, sentences := map[string]string{}, map[string]bool{}
	for _, n := range notes {
		if p := parts[n.article]; p != "" && p != n.part {
			t.Errorf("%s is in both parts", n.article)
		}
		parts[n.article] = n.part
		if sentences[n.hash] {
			t.Errorf("%s: a sentence occurs twice", n.article)
		}
		sentences[n.hash] = true
	}
}

func TestColombia(t *testing.T) {
	dev, test, err := Colombia(filepath.Join(data(t), filepath.FromSlash(articlesFile)))
	if err != nil {
		t.Fatal(err)
	}
	if len(dev) != 159 || len(test) != 519 {
		t.Errorf("%d and %d sentences", len(dev), len(test))
	}
	notes, err := readNotes(strings.NewReader(colombia))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for _, n := range notes {
		want[n.part] += len(n.names)
	}
	for part, examples := range map[string][]ner.Example{"dev": dev, "test": test} {
		names := 0
		for _, e := range examples {
			for _, tags := range e.Tags {
				names += strings.Count(strings.Join(tags, " "), "B-")
			}
		}
		if names != want[part] {
			t.Errorf("%s: %d names, want %d", part, names, want[part])
		}
	}
}
