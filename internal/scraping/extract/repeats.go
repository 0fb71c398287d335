package extract

import (
	"slices"
	"strings"
	"unicode"
)

// A shingle is the hash of shingleWords words in a row. Two texts tell the same story as far as they share shingles,
// wherever their paragraphs begin and whatever their punctuation.
type shingle uint64

const (
	shingleWords = 4
	fnvOffset    = 14695981039346656037
	fnvPrime     = 1099511628211
)

// shinglesOf lists the shingles of a text in order; a text shorter than one has none.
func shinglesOf(text string) []shingle {
	var words [shingleWords]uint64
	out := make([]shingle, 0, len(text)/6)
	n := 0
	hash, inWord := uint64(fnvOffset), false
	end := func() {
		if !inWord {
			return
		}
		words[n%shingleWords] = hash
		if n++; n >= shingleWords {
			all := uint64(fnvOffset)
			for i := range shingleWords {
				all = (all ^ words[(n+i)%shingleWords]) * fnvPrime
			}
			out = append(out, shingle(all))
		}
		hash, inWord = fnvOffset, false
	}
	for _, r := range text {
		if r < 0x80 && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9') || r >= 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			hash, inWord = (hash^uint64(unicode.ToLower(r)))*fnvPrime, true
			continue
		}
		end()
	}
	end()
	return out
}

func shingleSet(list []shingle) map[shingle]bool {
	set := make(map[shingle]bool, len(list))
	for _, s := range list {
		set[s] = true
	}
	return set
}

// shareIn is the share of the listed shingles that are in a set.
func shareIn(list []shingle, set map[shingle]bool) float64 {
	if len(list) == 0 {
		return 0
	}
	n := 0
	for _, s := range list {
		if set[s] {
			n++
		}
	}
	return float64(n) / float64(len(list))
}

// leastRepeated is the least number of shingles of a block that may be dropped as a repetition: refrains are shorter.
const leastRepeated = 12

// once drops the blocks that repeat others: of two copies the one in fewer pieces, else the later one.
func once(blocks []block) []block {
	counts := map[shingle]int{}
	all := make([][]shingle, len(blocks))
	repeated := false
	for i, b := range blocks {
		all[i] = shinglesOf(b.text)
		for _, s := range all[i] {
			counts[s]++
			repeated = repeated || counts[s] > 1
		}
	}
	if !repeated {
		return blocks
	}
	order := make([]int, len(blocks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if d := len(all[j]) - len(all[i]); d != 0 {
			return d
		}
		return j - i
	})
	drop := map[int]bool{}
	for _, i := range order {
		if len(all[i]) < leastRepeated {
			break
		}
		again := 0
		for _, s := range all[i] {
			if counts[s] == 2 { // text that occurs more often is a template that is filled in repeatedly
				again++
			}
		}
		if again*5 < len(all[i])*4 {
			continue
		}
		drop[i] = true
		for _, s := range all[i] {
			counts[s]--
		}
	}
	if len(drop) == 0 {
		return blocks
	}
	out := blocks[:0:0]
	for i, b := range blocks {
		if !drop[i] {
			out = append(out, b)
		}
	}
	return out
}

// inParagraphs splits a text without paragraphs where the blocks that it shares with the elements begin and end.
func inParagraphs(text string, blocks []block) string {
	for _, b := range blocks {
		if len(b.text) < 40 {
			continue
		}
		if at := strings.Index(text, b.text); at >= 0 {
			text = text[:at] + "\n\n" + b.text + "\n\n" + text[at+len(b.text):]
		}
	}
	var out []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}
