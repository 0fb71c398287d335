package corpus

import (
	"io/fs"
	"strconv"
	"strings"
)

// Hints gives for each form in lower case its usual tag in other lists: in the low four bits the most common tag in
// Wikicorpus (pattern's list), above them the most common class of Wiktionary's lemmas by count in subtitles; 0 means
// unknown.
func Hints(fsys fs.FS, pattern, wiktionary string) (map[string]uint16, error) {
	out := map[string]uint16{}
	err := Lines(fsys, pattern, func(line string) error {
		form, tag, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, ";") || form != strings.ToLower(form) {
			return nil
		}
		for i, prefix := range []string{"NP", "NC", "AQ", "VMP", "VM", "RG", "AO", "D", "P", "S", "C", "I", "V", "Z"} {
			if strings.HasPrefix(tag, prefix) {
				out[form] = uint16(i + 1)
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	classes := []string{"n", "adj", "v", "adv"}
	counts := map[string]*[4]int{}
	err = Lines(fsys, wiktionary, func(line string) error {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 5 {
			return nil
		}
		for c, name := range classes {
			if f[3] != name {
				continue
			}
			for item := range strings.SplitSeq(f[4], " ") {
				number, form, ok := strings.Cut(item, ":")
				n, err := strconv.Atoi(number)
				if !ok || err != nil {
					continue
				}
				if counts[form] == nil {
					counts[form] = new([4]int)
				}
				counts[form][c] += n
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for form, c := range counts {
		best, all := 0, 0
		for k, n := range c {
			all += n
			if n > c[best] {
				best = k
			}
		}
		level := uint16(0)
		if all > 0 && c[best]*10 >= all*9 {
			level = 1
		}
		out[form] |= (uint16(best)*2 + level + 1) << 4
	}
	return out, nil
}
