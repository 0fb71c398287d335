package lexicon

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/pack"
)

// Compile reads RLA-ES (form, lemma, part of speech, codes) and wordfreq (form, Zipf value), both as tab-separated lines,
// and makes the bytes that Decode reads. The same data give the same bytes.
func Compile(forms, frequencies io.Reader) ([]byte, error) {
	byLemma, err := readForms(forms)
	if err != nil {
		return nil, fmt.Errorf("forms: %w", err)
	}
	keys, values, err := readFrequencies(frequencies)
	if err != nil {
		return nil, fmt.Errorf("frequencies: %w", err)
	}
	paradigms := map[string]int{}
	var paradigmText []string
	type coded struct {
		stem string
		id   int
	}
	var entries []coded
	for _, k := range slices.SortedFunc(maps.Keys(byLemma), func(a, b lemmaKey) int {
		return cmp.Or(strings.Compare(a.lemma, b.lemma), cmp.Compare(a.pos, b.pos))
	}) {
		stem, text := fold(k, byLemma[k])
		id, ok := paradigms[text]
		if !ok {
			id = len(paradigmText)
			paradigms[text] = id
			paradigmText = append(paradigmText, text)
		}
		entries = append(entries, coded{stem, id})
	}
	slices.SortFunc(entries, func(a, b coded) int { return cmp.Or(strings.Compare(a.stem, b.stem), cmp.Compare(a.id, b.id)) })

	var w pack.Writer
	w.Strings(paradigmText)
	stems := make([]string, len(entries))
	for i, e := range entries {
		stems[i] = e.stem
	}
	w.Sorted(stems)
	for _, e := range entries {
		w.Uint(uint64(e.id))
	}
	w.Uint(uint64(len(keys)))
	last := uint32(0)
	for _, k := range keys {
		w.Uint(uint64(k - last))
		last = k
	}
	for _, k := range keys {
		w.Byte(values[k])
	}
	return w.Pack("lexicon 1")
}

type lemmaKey struct {
	lemma string
	pos   POS
}

func readForms(r io.Reader) (map[lemmaKey]map[string]string, error) {
	byLemma := map[lemmaKey]map[string]string{}
	sc := bufio.NewScanner(r)
	for line := 1; sc.Scan(); line++ {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		f := strings.Split(sc.Text(), "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("line %d: %d columns, not 4", line, len(f))
		}
		pos := ParsePOS(f[2])
		if pos == NoPOS {
			return nil, fmt.Errorf("line %d: part of speech %q", line, f[2])
		}
		// Acronyms do not belong in an inflection lexicon.
		if f[0] != strings.ToLower(f[0]) || len(f[0]) > MaxForm {
			continue
		}
		k := lemmaKey{f[1], pos}
		if byLemma[k] == nil {
			byLemma[k] = map[string]string{}
		}
		if old := byLemma[k][f[0]]; old != "" {
			f[3] = old + "|" + f[3]
		}
		byLemma[k][f[0]] = f[3]
	}
	return byLemma, sc.Err()
}

// fold splits a lemma's forms into their common stem and the text of their paradigm.
func fold(k lemmaKey, forms map[string]string) (stem, text string) {
	stem = k.lemma
	for f := range forms {
		stem = common(stem, f)
	}
	var b strings.Builder
	b.WriteString(k.pos.String() + " " + k.lemma[len(stem):])
	for _, f := range slices.Sorted(maps.Keys(forms)) {
		b.WriteString("\t" + f[len(stem):] + " " + forms[f])
	}
	return stem, b.String()
}

// common is the longest common prefix, cut between runes.
func common(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && i < len(a) && !utf8.RuneStart(a[i]) {
		i--
	}
	return a[:i]
}

func readFrequencies(r io.Reader) ([]uint32, map[uint32]byte, error) {
	values := map[uint32]byte{}
	sc := bufio.NewScanner(r)
	for line := 1; sc.Scan(); line++ {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		form, number, ok := strings.Cut(sc.Text(), "\t")
		z, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil {
			return nil, nil, fmt.Errorf("line %d: %q", line, sc.Text())
		}
		if z < zipfFloor {
			continue
		}
		v := byte(min(math.Round((z-zipfFloor)/zipfStep), 200)) + 1
		// Lines are in order of falling frequency, so of two forms with the same hash the less frequent one is dropped.
		if _, ok := values[freqKey(form)]; !ok {
			values[freqKey(form)] = v
		}
	}
	return slices.Sorted(maps.Keys(values)), values, sc.Err()
}

// Decode reads what Compile made.
func Decode(data []byte) (*Lexicon, error) {
	r, err := pack.Open(data, "lexicon 1")
	if err != nil {
		return nil, err
	}
	l := &Lexicon{}
	for _, text := range r.Strings() {
		l.paradigms = append(l.paradigms, parseParadigm(text))
	}
	stems := r.Sorted()
	l.entries = make([]entry, len(stems))
	for i, s := range stems {
		l.entries[i] = entry{s, uint32(r.Uint())}
		if r.Err() == nil && int(l.entries[i].paradigm) >= len(l.paradigms) {
			return nil, fmt.Errorf("entry %d has paradigm %d", i, l.entries[i].paradigm)
		}
	}
	n := r.Count(2)
	keys := make([]uint32, n)
	last := uint32(0)
	for i := range keys {
		last += uint32(r.Uint())
		keys[i] = last
	}
	values := r.Bytes(n)
	if err := r.Err(); err != nil {
		return nil, err
	}
	l.zipf = newFreqTable(keys, values)
	l.table = make([]uint32, tableSize(len(l.entries)))
	mask := uint64(len(l.table) - 1)
	for i, e := range l.entries {
		if i > 0 && l.entries[i-1].stem == e.stem {
			continue
		}
		k := mix(hash(e.stem)) & mask
		for l.table[k] != 0 {
			k = (k + 1) & mask
		}
		l.table[k] = uint32(i + 1)
	}
	return l, nil
}

func parseParadigm(text string) paradigm {
	head, rest, _ := strings.Cut(text, "\t")
	pos, lemma, _ := strings.Cut(head, " ")
	p := paradigm{pos: ParsePOS(pos), lemma: lemma}
	if rest == "" {
		return p
	}
	for _, f := range strings.Split(rest, "\t") {
		suffix, codes, _ := strings.Cut(f, " ")
		p.endings = append(p.endings, ending{suffix, codes})
	}
	return p
}
