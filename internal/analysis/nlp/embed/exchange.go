package embed

import (
	"math"
	"slices"
)

// exchange divides words into classes so that neighbouring classes tell as much as possible about each other (Kneser and Ney 1993,
// Martin, Liermann and Ney 1998): each word in turn moves to the class that raises the likelihood of the class bigrams most.
// The words are numbered by frequency. -1 separates lines.
func exchange(lines [][]int32, words, classes, rounds int, progress func(done, of int)) []uint16 {
	successors, predecessors := bigrams(lines, words, false), bigrams(lines, words, true)
	C := min(classes, max(words, 1))
	class := make([]uint16, words)
	for i := range class {
		class[i] = uint16(i % C)
	}
	left, right := make([]int64, C), make([]int64, C) // how often a class comes first and second
	pairs := make([]int32, C*C)
	for v, next := range successors {
		for _, b := range next {
			pairs[int(class[v])*C+int(class[b.word])] += b.n
			left[class[v]] += int64(b.n)
			right[class[b.word]] += int64(b.n)
		}
	}
	table := make([]float64, 1<<16)
	for i := 2; i < len(table); i++ {
		table[i] = float64(i) * math.Log(float64(i))
	}
	nlogn := func(n int64) float64 {
		if n < int64(len(table)) {
			return table[n]
		}
		return float64(n) * math.Log(float64(n))
	}
	out, in := newCounts(C), newCounts(C)
	for round := range rounds {
		if progress != nil {
			progress(round, rounds)
		}
		moved := 0
		for v := range words {
			// The counts of v with each class; v with itself is treated apart.
			out.reset()
			in.reset()
			self := int32(0)
			total, before := int64(0), int64(0)
			for _, b := range successors[v] {
				total += int64(b.n)
				if int(b.word) == v {
					self += b.n
					continue
				}
				out.add(class[b.word], b.n)
			}
			for _, b := range predecessors[v] {
				before += int64(b.n)
				if int(b.word) != v {
					in.add(class[b.word], b.n)
				}
			}
			if total+before == 0 {
				continue
			}
			old := int(class[v])
			shift := func(c int, sign int32) {
				for _, k := range out.used {
					pairs[c*C+int(k)] += sign * out.n[k]
				}
				for _, k := range in.used {
					pairs[int(k)*C+c] += sign * in.n[k]
				}
				pairs[c*C+c] += sign * self
				left[c] += int64(sign) * total
				right[c] += int64(sign) * before
			}
			shift(old, -1)
			best, top := old, math.Inf(-1)
			for c := range C {
				gain := nlogn(left[c]) - nlogn(left[c]+total) + nlogn(right[c]) - nlogn(right[c]+before)
				row := pairs[c*C : (c+1)*C]
				diagonal := int64(self)
				for _, k := range out.used {
					if int(k) == c {
						diagonal += int64(out.n[k])
						continue
					}
					n := int64(row[k])
					gain += nlogn(n+int64(out.n[k])) - nlogn(n)
				}
				for _, k := range in.used {
					if int(k) == c {
						diagonal += int64(in.n[k])
						continue
					}
					n := int64(pairs[int(k)*C+c])
					gain += nlogn(n+int64(in.n[k])) - nlogn(n)
				}
				n := int64(row[c])
				gain += nlogn(n+diagonal) - nlogn(n)
				if gain > top+1e-9 {
					best, top = c, gain
				}
			}
			shift(best, 1)
			if best != old {
				class[v] = uint16(best)
				moved++
			}
		}
		if moved*1000 < words {
			break
		}
	}
	return class
}

type bigram struct{ word, n int32 }

// bigrams counts the words that follow each word (or precede it).
func bigrams(lines [][]int32, words int, back bool) [][]bigram {
	lists := make([][]int32, words)
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			if a < 0 || b < 0 {
				continue
			}
			if back {
				a, b = b, a
			}
			lists[a] = append(lists[a], b)
		}
	}
	out := make([][]bigram, words)
	for v, list := range lists {
		slices.Sort(list)
		for i := 0; i < len(list); {
			j := i
			for j < len(list) && list[j] == list[i] {
				j++
			}
			out[v] = append(out[v], bigram{list[i], int32(j - i)})
			i = j
		}
		lists[v] = nil
	}
	return out
}

// counts are counts per class, with a list of those that are not zero.
type counts struct {
	n    []int32
	used []uint16
}

func newCounts(classes int) *counts { return &counts{n: make([]int32, classes)} }

func (c *counts) reset() {
	for _, k := range c.used {
		c.n[k] = 0
	}
	c.used = c.used[:0]
}

func (c *counts) add(class uint16, n int32) {
	if c.n[class] == 0 {
		c.used = append(c.used, class)
	}
	c.n[class] += n
}
