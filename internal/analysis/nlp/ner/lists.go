package ner

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/text"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func title(s string) string { return text.Title(s) }

// AddWorld adds names from lines "class: name|name"; the class other is for works, laws, events and the like.
func (g *Gazetteer) AddWorld(lines string) error {
	for line := range strings.SplitSeq(lines, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		kind, list, ok := strings.Cut(line, ": ")
		class := Class(max(0, slices.Index(classNames[:], kind)))
		if kind == "other" {
			class = WikiOther
		}
		if !ok || class == NoClass {
			return fmt.Errorf("world: class %q", kind)
		}
		for name := range strings.SplitSeq(list, "|") {
			g.add(spaced(name), Entry{Class: class, Canonical: name})
		}
	}
	return nil
}

// plainVowels removes accents from vowels, for names that lists write without them.
var plainVowels = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u")

// spaced is a name with its words separated as the tokeniser separates them.
func spaced(name string) string {
	d := text.Analyze(name)
	words := make([]string, len(d.Tokens))
	for i, t := range d.Tokens {
		words[i] = t.Text
	}
	return strings.Join(words, " ")
}

// ReadLists makes the gazetteer from the data folder.
func ReadLists(fsys fs.FS) (*Gazetteer, error) {
	g := NewGazetteer()
	for _, read := range []func(*Gazetteer, fs.FS) error{divipola, institutions, places, clubs, persons, wikipedia, names} {
		if err := read(g, fsys); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func divipola(g *Gazetteer, fsys fs.FS) error {
	f, err := fsys.Open("gazetteers/colombia/divipola_datosgovco.json")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var data struct {
		Departments []struct {
			Name, Code     string
			Municipalities []struct{ Name, Code string }
		}
	}
	b, err := io.ReadAll(bufio.NewReader(f))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &data); err != nil {
		return fmt.Errorf("divipola: %w", err)
	}
	both := func(name string, e Entry) {
		name = spaced(name)
		e.Canonical = name
		g.add(name, e)
		if plain := plainVowels.Replace(strings.ToLower(name)); plain != strings.ToLower(name) {
			g.add(plain, e)
		}
	}
	for _, d := range data.Departments {
		name := d.Name
		if d.Code == "11" || strings.HasPrefix(name, "Bogotá") {
			continue // Bogotá is listed as a municipality
		}
		if strings.Contains(name, "San Andrés") {
			name = "San Andrés"
			both("Archipiélago de San Andrés", Entry{Class: Department, Code: d.Code})
		}
		both(name, Entry{Class: Department, Code: d.Code})
		for _, m := range d.Municipalities {
			both(m.Name, Entry{Class: Municipality, Code: m.Code, Role: d.Code})
		}
	}
	for alias, code := range map[string]string{"Bogotá": "11001", "Bogotá D.C.": "11001", "Cali": "76001", "Cartagena": "13001", "Cúcuta": "54001", "San José de Cúcuta": "54001", "Santiago de Cali": "76001", "Cartagena de Indias": "13001", "Santafé de Bogotá": "11001", "Tumaco": "52835", "Buga": "76111", "Mompós": "13468", "Guatapé": "05321", "El Carmen de Viboral": "05148", "Ubaté": "25843", "Rionegro": "05615"} {
		department := code[:2]
		g.add(alias, Entry{Class: Municipality, Code: code, Role: department, Canonical: alias})
	}
	for alias, code := range map[string]string{"Valle": "76", "Norte de Santander": "54", "La Guajira": "44", "Guajira": "44"} {
		canonical := map[string]string{"76": "Valle del Cauca", "54": "Norte de Santander", "44": "La Guajira"}[code]
		g.add(alias, Entry{Class: Department, Code: code, Canonical: canonical})
	}
	return nil
}

var orgClasses = map[string]Class{
	"partido": Party, "empresa": Company, "banca": Company, "armado": Armed, "medio": Media, "club": Club, "universidad": University, "univ": University,
	"gremio": Organisation, "deporte": Organisation, "dep": Organisation, "cultura": Organisation, "internacional": Organisation,
}

func institutions(g *Gazetteer, fsys fs.FS) error {
	for _, name := range []string{"gazetteers/colombia/instituciones_curadas.tsv", "gazetteers/colombia/instituciones_mas.tsv"} {
		err := corpus.Lines(fsys, name, func(line string) error {
			f := strings.Split(line, "\t")
			kind, ok := strings.CutPrefix(f[0], "ORG/")
			if !ok || len(f) < 2 {
				return nil
			}
			class := Institution
			if c, ok := orgClasses[kind]; ok {
				class = c
			}
			e := Entry{Class: class, Canonical: strings.TrimSpace(f[1])}
			g.add(spaced(e.Canonical), e)
			if len(f) > 2 {
				for alias := range strings.SplitSeq(f[2], "|") {
					if alias = strings.TrimSpace(alias); alias != "" {
						g.add(spaced(alias), e)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return corpus.Lines(fsys, "gazetteers/colombia/higher_education_institutions.sql", func(line string) error {
		f := strings.Split(line, "'")
		if !strings.HasPrefix(line, "(") || len(f) < 4 {
			return nil
		}
		name := nameCase(f[3])
		if i := strings.IndexAny(name, "-,("); i > 8 {
			name = strings.TrimSpace(name[:i])
		}
		g.add(spaced(name), Entry{Class: University, Canonical: name})
		return nil
	})
}

// nameCase turns a name in capitals into the usual case of names.
func nameCase(upper string) string {
	words := strings.Fields(strings.ToLower(upper))
	for i, w := range words {
		switch w {
		case "de", "del", "la", "las", "los", "el", "y", "e", "en", "para":
			if i > 0 {
				continue
			}
		}
		words[i] = title(w)
	}
	return strings.Join(words, " ")
}

func places(g *Gazetteer, fsys fs.FS) error {
	return corpus.Lines(fsys, "gazetteers/colombia/lugares.tsv", func(line string) error {
		f := strings.Split(line, "\t")
		kind, ok := strings.CutPrefix(f[0], "LOC/")
		if !ok || len(f) < 2 {
			return nil
		}
		class := Place
		if kind == "extranjero" {
			class = Country
		}
		e := Entry{Class: class, Canonical: f[1]}
		g.add(spaced(f[1]), e)
		if len(f) > 3 {
			for alias := range strings.SplitSeq(f[3], "|") {
				if alias = strings.TrimSpace(alias); alias != "" {
					g.add(spaced(alias), e)
				}
			}
		}
		return nil
	})
}

func clubs(g *Gazetteer, fsys fs.FS) error {
	return corpus.Lines(fsys, "gazetteers/colombia/clubes.tsv", func(line string) error {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 2 {
			return nil
		}
		e := Entry{Class: Club, Canonical: f[1]}
		g.add(spaced(f[1]), e)
		if len(f) > 3 {
			for alias := range strings.SplitSeq(f[3], "|") {
				// An alias that is a city's name would turn every mention of the city into a club.
				if alias = strings.TrimSpace(alias); alias != "" && alias != f[2] {
					g.add(spaced(alias), e)
				}
			}
		}
		if f[0] == "co" {
			for _, prefix := range []string{"Atlético ", "Deportivo ", "Independiente "} {
				if short, ok := strings.CutPrefix(f[1], prefix); ok && (short == "Nacional" || short == "Junior") {
					g.add(short, e)
				}
			}
		}
		return nil
	})
}

func persons(g *Gazetteer, fsys fs.FS) error {
	return corpus.Lines(fsys, "gazetteers/colombia/personas_publicas.tsv", func(line string) error {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 3 {
			return nil
		}
		get := func(i int) string {
			if i < len(f) {
				return strings.TrimSpace(f[i])
			}
			return ""
		}
		e := Entry{Class: Person, Canonical: f[0], Role: strings.Join([]string{get(2), get(3), get(4), get(5)}, "|")}
		g.add(spaced(f[0]), e)
		for alias := range strings.SplitSeq(f[1], "|") {
			if alias = strings.TrimSpace(alias); alias != "" {
				g.add(spaced(alias), e)
			}
		}
		return nil
	})
}

// wikipedia takes the names from WikiAnn that occur at least twice with the same type or have several words.
func wikipedia(g *Gazetteer, fsys fs.FS) error {
	counts := map[string]*[4]int{}
	var name []string
	kind := ""
	flush := func() {
		if len(name) > 0 && len(name) <= 6 {
			key := strings.Join(name, " ")
			if counts[key] == nil {
				counts[key] = new([4]int)
			}
			counts[key][slices.Index([]string{"LOC", "PER", "ORG", "MISC"}, kind)]++
		}
		name = nil
	}
	for _, file := range []string{"ner/wikiann/es_train.conllu", "ner/wikiann/es_val.conllu"} {
		err := corpus.Lines(fsys, file, func(line string) error {
			f := strings.Split(line, "\t")
			if len(f) < 3 {
				flush()
				return nil
			}
			switch {
			case strings.HasPrefix(f[2], "B-"):
				flush()
				name, kind = []string{f[1]}, f[2][2:]
			case strings.HasPrefix(f[2], "I-") && len(name) > 0:
				name = append(name, f[1])
			default:
				flush()
			}
			return nil
		})
		if err != nil {
			return err
		}
		flush()
	}
	for _, key := range sortedKeys(counts) {
		c := counts[key]
		all, best := 0, 0
		for k, n := range c {
			all += n
			if n > c[best] {
				best = k
			}
		}
		first, _, _ := strings.Cut(key, " ")
		if c[best] < 2 && !strings.Contains(key, " ") || c[best]*4 < all*3 || len(key) < 3 || first == strings.ToLower(first) || strings.ContainsAny(key, "()'\"") {
			continue
		}
		g.add(key, Entry{Class: WikiPlace + Class(best)})
	}
	return nil
}

// names reads how often words are given names and family names in Spain (INE).
func names(g *Gazetteer, fsys fs.FS) error {
	sum := func(file string, column int) (map[string]int, error) {
		out := map[string]int{}
		err := corpus.Lines(fsys, file, func(line string) error {
			f := strings.Split(line, ",")
			if len(f) <= column {
				return nil
			}
			n, err := strconv.Atoi(f[column])
			if err != nil {
				return nil // the header
			}
			for w := range strings.FieldsSeq(strings.ToLower(f[0])) {
				out[w] += n
			}
			return nil
		})
		return out, err
	}
	level := func(n int) uint8 { return uint8(min(15, math.Log2(float64(n)/100)+1)) }
	for _, file := range []string{"gazetteers/names/hombres.csv", "gazetteers/names/mujeres.csv"} {
		m, err := sum(file, 1)
		if err != nil {
			return err
		}
		for w, n := range m {
			if n >= 200 && !connector[w] {
				g.given[w] = max(g.given[w], level(n))
			}
		}
	}
	m, err := sum("gazetteers/names/apellidos.csv", 1)
	if err != nil {
		return err
	}
	for w, n := range m {
		if n >= 400 && !connector[w] {
			g.family[w] = level(n)
		}
	}
	return nil
}

// connector holds the lower-case words inside names.
var connector = map[string]bool{"de": true, "del": true, "la": true, "las": true, "los": true, "el": true, "y": true, "e": true, "da": true, "do": true, "dos": true, "di": true, "van": true, "von": true, "der": true, "den": true, "al": true, "en": true, "para": true, "por": true, "a": true}

// AddNames adds the names of annotated documents, as Wikipedia's.
func (g *Gazetteer) AddNames(examples []Example) {
	classes := map[string]Class{"LOC": WikiPlace, "PER": WikiPerson, "ORG": WikiOrganisation, "MISC": WikiOther}
	counts := map[string]map[Class]int{}
	for _, e := range examples {
		for n, tags := range e.Tags {
			for i := 0; i < len(tags); {
				if len(tags[i]) < 3 {
					i++
					continue
				}
				j := i + 1
				for j < len(tags) && strings.HasPrefix(tags[j], "I-") {
					j++
				}
				name := strings.Join(e.Sentences[n][i:j], " ")
				if counts[name] == nil {
					counts[name] = map[Class]int{}
				}
				counts[name][classes[tags[i][2:]]]++
				i = j
			}
		}
	}
	for _, name := range sortedKeys(counts) {
		for _, class := range slices.Sorted(maps.Keys(counts[name])) {
			g.add(name, Entry{Class: class})
		}
	}
}
