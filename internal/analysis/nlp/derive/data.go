// Package derive makes the tables and models that the packages of the engine embed from the data folder: the same data give
// the same bytes. Apart from the evaluation it is the only part of the engine that reads files.
package derive

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Data is the folder of reference data (its nlp part), read as needed.
type Data struct {
	dir  string
	zipf map[string]float64
	rla  *rla
}

// Open returns the data below dir.
func Open(dir string) *Data { return &Data{dir: dir} }

// lines calls each with the fields of every line of a tab-separated file, gzipped or not. Lines that begin with "# " are comments.
func (d *Data) lines(name string, each func(fields []string)) (err error) {
	f, err := os.Open(filepath.Join(d.dir, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("derive: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("derive: %s: %w", name, err)
		}
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		line := strings.TrimPrefix(sc.Text(), "\ufeff")
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		each(strings.Split(line, "\t"))
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("derive: %s: %w", name, err)
	}
	return nil
}

func (d *Data) json(name string, into any) error {
	b, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("derive: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("derive: %s: %w", name, err)
	}
	return nil
}

// frequency is the Zipf value of every form of wordfreq.
func (d *Data) frequency() (map[string]float64, error) {
	if d.zipf != nil {
		return d.zipf, nil
	}
	m := map[string]float64{}
	var bad error
	err := d.lines("frequency/wordfreq_es.tsv.gz", func(f []string) {
		if len(f) < 2 {
			return
		}
		z, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			bad = fmt.Errorf("derive: frequency of %q: %w", f[0], err)
		}
		m[f[0]] = z
	})
	if err == nil {
		err = bad
	}
	d.zipf = m
	return m, err
}

// reading is one analysis of a form.
type reading struct{ lemma, upos, codes string }

// rla is the unfolded lexicon of RLA-ES.
type rla struct {
	readings map[string][]reading // of a form
	forms    map[string][]string  // of a lemma
	count    map[[2]string]int    // how often a form is a lemma's, in subtitles
}

func (d *Data) morphology() (*rla, error) {
	if d.rla != nil {
		return d.rla, nil
	}
	m := &rla{map[string][]reading{}, map[string][]string{}, map[[2]string]int{}}
	err := d.lines("lemma/rla_es/forms.tsv.gz", func(f []string) {
		if len(f) < 4 {
			return
		}
		form, lemma := f[0], f[1]
		if strings.ToLower(form) != form {
			return
		}
		m.readings[form] = append(m.readings[form], reading{lemma, f[2], f[3]})
		if n := m.forms[lemma]; len(n) == 0 || n[len(n)-1] != form {
			m.forms[lemma] = append(n, form)
		}
	})
	if err != nil {
		return nil, err
	}
	err = d.lines("frequency/lemmas_wiktionary.tsv.gz", func(f []string) {
		if len(f) < 5 {
			return
		}
		for _, part := range strings.Fields(f[4]) {
			n, form, ok := strings.Cut(part, ":")
			if k, err := strconv.Atoi(n); ok && err == nil {
				m.count[[2]string{form, f[2]}] += k
			}
		}
	})
	d.rla = m
	return m, err
}
