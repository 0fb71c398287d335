package analysis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const news = "El presidente Gustavo Petro visitó este lunes el municipio de Soacha y anunció una inversión de $2,3 billones en vivienda. " +
	"El DANE informó que la inflación bajó en mayo. Petro dijo que el Gobierno no va a ceder, y la ministra de Salud lo acompañó."

func TestWhatIsStoredOfAnArticle(t *testing.T) {
	t.Parallel()
	published := time.Date(2024, 5, 14, 3, 0, 0, 0, time.UTC) // the evening before in Colombia
	f, err := newEngine(newMetrics(nil, nil)).find(&Text{ID: 7, Title: "Petro en Soacha", Content: news, Published: &published})
	if err != nil || !f.Spanish {
		t.Fatalf("%+v, %v", f, err)
	}
	var keys []string
	for _, n := range f.Names {
		if n.ContentID != 7 || n.Day == nil || *n.Day != "2024-05-13" {
			t.Errorf("name %+v, day %v", n, *n.Day)
		}
		keys = append(keys, n.Type+" "+n.Key)
	}
	for _, want := range []string{"PER gustavo petro", "PER gustavo petro urrego", "PER petro", "ORG dane", "LOC soacha", "topic politics"} {
		if !slices.Contains(keys, want) {
			t.Errorf("%s is not among %v", want, keys)
		}
	}
	if !slices.Contains(f.Found.Entities["people"], "Gustavo Petro") || !slices.Contains(f.Found.Entities["locations"], "Soacha") || f.Found.Difficulty == nil || len(f.Found.Tags) == 0 {
		t.Errorf("the article's columns get %+v", f.Found)
	}
	if len(f.Words) == 0 || f.Gist.Summary == "" || f.Hard.Level == "" {
		t.Errorf("%+v", f)
	}
	again, err := newEngine(newMetrics(nil, nil)).find(&Text{ID: 7, Title: "Petro en Soacha", Content: news, Published: &published})
	again.Took = f.Took
	if fmt.Sprintf("%+v %v", again, err) == "" || again.Hash != f.Hash || fmt.Sprint(again.Words) != fmt.Sprint(f.Words) {
		t.Error("the same article is analysed differently")
	}
	if other := hashOf(&Text{ID: 7, Title: "Petro", Content: news, Published: &published}); other == f.Hash {
		t.Error("another title has the same hash")
	}
}

func TestAnotherLanguageIsLeftAlone(t *testing.T) {
	t.Parallel()
	f, err := newEngine(newMetrics(nil, nil)).find(&Text{ID: 1, Title: "News", Content: strings.Repeat("The president of the country said that the government would not give up, and that they were going to build more houses. ", 3)})
	if err != nil || f.Spanish || f.Language != "en" || f.Found.Difficulty != nil || len(f.Names) != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Gustavo  Petro": "gustavo petro", "BOGOTÁ": "bogota", "Peñalosa\u0000": "penalosa", " \t": "", "Nariño": "narino", strings.Repeat("á", 500): strings.Repeat("a", 200),
	} {
		if got := Fold(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// hostile gives texts of up to n characters of kinds that have made analysers slow or wrong.
func hostile(n int) map[string]string {
	return map[string]string{
		"controls": strings.Repeat("\x01\x1b\u0085", n/3), "emoji": strings.Repeat("👍🏽", n/2), "a word": strings.Repeat("a", n), "no text": strings.Repeat("\xff\xc0", n/2),
		"html": strings.Repeat("<div class=\"x\"><b>Petro</b>&nbsp;", n/34), "paragraphs": strings.Repeat("<p>", n/3), "right to left": strings.Repeat("\u202e\u202dab ", n/5),
		"names": strings.Repeat("Petro, ", n/7), "select": strings.Repeat("select * from users where 1=1; -- ", n/34), "marks": "a" + strings.Repeat("\u0301", n-1), "capitals": strings.Repeat("GRAN CAÍDA DEL DÓLAR ", n/21),
		"quotes": strings.Repeat("«", n), "digits": strings.Repeat("9", n), "news": strings.Repeat(news+" ", n/len([]rune(news))),
	}
}

// TestHostileTextsAreAnsweredAndBounded checks that what is stored stays within its bounds; the package's benchmark shows
// the time.
func TestHostileTextsAreAnsweredAndBounded(t *testing.T) {
	t.Parallel()
	e := newEngine(newMetrics(nil, nil))
	for name, text := range hostile(50_000) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := e.find(&Text{ID: 1, Title: cut(text, 500), Content: text})
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Names) > mostOfOne || len(f.Entities) > mostEntities || len(f.Words) > mostWords {
				t.Errorf("%d names, %d entities, %d words", len(f.Names), len(f.Entities), len(f.Words))
			}
			for _, n := range f.Names {
				if len([]rune(n.Key)) > longestName || len([]rune(n.Name)) > longestName {
					t.Errorf("a name of %d characters", len([]rune(n.Name)))
				}
			}
			r := e.article(&Text{ID: 1, Content: text})
			if len(r.Entities) > mostMentions || len(r.Values) > mostMentions {
				t.Errorf("%d mentions, %d values", len(r.Entities), len(r.Values))
			}
		})
	}
}

func FuzzFind(f *testing.F) {
	f.Add("Título", news)
	for _, text := range hostile(300) {
		f.Add(text, text)
	}
	e := newEngine(newMetrics(nil, nil))
	f.Fuzz(func(t *testing.T, title, text string) {
		found, err := e.find(&Text{ID: 1, Title: title, Content: text})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range found.Names {
			if n.Key == "" || strings.ContainsRune(n.Key, 0) {
				t.Errorf("name %q", n.Key)
			}
		}
		e.article(&Text{ID: 1, Title: title, Content: text})
	})
}

func BenchmarkFind(b *testing.B) {
	e := newEngine(newMetrics(nil, nil))
	for _, n := range []int{1_000, 10_000, 100_000} {
		text := strings.Repeat(news+" ", n/len([]rune(news))+1)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := e.find(&Text{ID: 1, Title: "Petro en Soacha", Content: text}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/character")
		})
	}
	for name, text := range hostile(50_000) {
		b.Run("hostile/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.find(&Text{ID: 1, Title: cut(text, 500), Content: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
