package ner

import (
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

var outside = token{run: -1}

// featuresOf appends the features of token i in its sentence.
func (m *Model) featuresOf(w *work, s text.Sentence, i int, dst []uint64) []uint64 {
	at := func(k int) *token {
		if k < s.First || k >= s.Last {
			return &outside
		}
		return &w.tokens[k]
	}
	t, p, q, n, o := at(i), at(i-1), at(i-2), at(i+1), at(i+2)
	initial := uint64(0)
	if t.first {
		initial = 1
	}
	f1, f2 := seq.Feature1, seq.Feature2
	dst = append(dst,
		f1(0, t.hash), f1(1, p.hash), f1(2, n.hash), f1(3, q.low), f1(4, o.low),
		f2(5, p.low, t.hash), f2(6, t.hash, n.low), f2(7, p.low, n.low), f2(8, q.low, p.low), f2(9, n.low, o.low),
		f1(10, t.ends[0]), f1(11, t.ends[1]), f1(12, t.ends[2]), f1(13, t.ends[3]), f1(14, t.begins[0]), f1(15, t.begins[1]), f1(16, t.begins[2]),
		f2(17, t.shape, initial), f2(18, p.shape, t.shape), f2(19, t.shape, n.shape), seq.Feature(20, p.shape, t.shape, n.shape),
		f2(21, uint64(t.pos), t.shape), f2(22, uint64(p.pos), uint64(t.pos)), f2(23, uint64(t.pos), uint64(n.pos)), f2(24, p.low, uint64(t.pos)), f2(25, uint64(t.pos), n.low),
		f2(26, uint64(t.common), initial), f2(27, uint64(t.given), uint64(t.family)), f2(28, uint64(min(t.given, 8)), uint64(t.common)<<1|initial),
		f1(29, uint64(t.trigger)), f2(30, uint64(p.lowTrigger), t.shape), f2(31, uint64(n.lowTrigger), t.shape), f1(32, uint64(q.lowTrigger)<<16|uint64(p.lowTrigger)),
		f2(33, uint64(t.cluster[0]), initial), f1(34, uint64(p.cluster[0])), f1(35, uint64(n.cluster[0])), f2(36, uint64(p.cluster[0]), uint64(t.cluster[0])), f2(37, uint64(t.cluster[0]), uint64(n.cluster[0])),
		f1(38, uint64(t.cluster[1])), f1(39, uint64(p.cluster[1])), f1(40, uint64(n.cluster[1])), f1(41, uint64(q.cluster[0])), f1(42, uint64(o.cluster[0])),
		f2(43, uint64(p.given), uint64(t.given)), f2(44, uint64(t.given), uint64(n.family)),
		f2(45, t.low, initial), f2(46, uint64(p.lists), uint64(t.lists)), f1(47, uint64(t.lists)), f2(48, uint64(t.lists), uint64(t.global)),
		f1(49, uint64(t.global)), f1(54, uint64(p.place)<<8|uint64(t.place)<<4|uint64(n.place)), seq.Feature(55, uint64(t.lists), uint64(t.place), uint64(n.place)<<8|uint64(n.lists)<<16), seq.Feature(56, uint64(p.lists), uint64(p.place), uint64(t.place)<<8|uint64(t.lists)<<16),
	)
	for _, k := range [...]int{2, 3, 4} {
		g := 140 + 6*k
		dst = append(dst, f2(g, uint64(t.cluster[k]), initial), f1(g+1, uint64(p.cluster[k])), f1(g+2, uint64(n.cluster[k])), f2(g+3, uint64(p.cluster[k]), uint64(t.cluster[k])), f2(g+4, uint64(t.cluster[k]), uint64(n.cluster[k])))
	}
	dst = append(dst, f1(170, uint64(q.cluster[2])), f1(171, uint64(o.cluster[2])), f2(172, uint64(p.cluster[2]), t.shape), f2(173, uint64(n.cluster[2]), t.shape))
	bare := uint64(w.bare[t.sentence])
	dst = append(dst,
		seq.Feature(180, bare, p.shape, t.shape), seq.Feature(181, bare, uint64(p.place)<<8|uint64(t.place)<<4|uint64(n.place), t.shape), seq.Feature(182, bare, uint64(t.place), uint64(t.lists)),
		seq.Feature(183, bare, uint64(p.given)<<8|uint64(p.family), uint64(t.given)<<8|uint64(t.family)))
	sport := uint64(w.sport[t.sentence])
	dst = append(dst,
		f2(57, sport, uint64(t.lists)), f2(58, sport, t.shape), seq.Feature(59, sport, p.low, n.low), seq.Feature(90, sport, uint64(t.common), uint64(t.given)), f2(91, sport, p.low), f2(92, sport, n.low),
		seq.Feature(93, sport, p.shape, n.shape), f2(94, sport, uint64(t.cluster[0])))
	for b := range uint64(classCount) {
		if t.lists&(1<<b) != 0 {
			dst = append(dst, f2(50, b, initial), f2(51, b, p.low), f2(53, b, uint64(t.place)))
		}
	}
	for b := range uint64(12) {
		if t.global&(1<<b) != 0 {
			dst = append(dst, f2(52, b, 0))
		}
	}
	if t.run >= 0 {
		dst = m.runFeatures(w, s, i, dst)
	}
	return dst
}

// runFeatures appends features of the whole run of capitalised words that a token is in: its ends and its context.
func (m *Model) runFeatures(w *work, s text.Sentence, i int, dst []uint64) []uint64 {
	r := w.runs[w.tokens[i].run]
	from, to := int(r.from), int(r.to)
	head, tail := &w.tokens[from], &w.tokens[to-1]
	before, after := &outside, &outside
	if from > s.First {
		before = &w.tokens[from-1]
	}
	if to < s.Last {
		after = &w.tokens[to]
	}
	content := &outside
	if k := m.contentBefore(w, from, s.First); k >= 0 {
		content = &w.tokens[k]
	}
	next := &outside
	if to+1 < s.Last {
		next = &w.tokens[to+1]
	}
	length := uint64(min(to-from, 6))
	where := uint64(0) // begin, inside, end
	switch i {
	case from:
		where = 1
	case to - 1:
		where = 2
	}
	names := uint64(0)
	lists := uint32(0)
	global := uint32(0)
	for k := from; k < to && k < from+12; k++ {
		if w.tokens[k].given > 3 {
			names |= 1
		}
		if w.tokens[k].family > 3 {
			names |= 2
		}
		if w.tokens[k].trigger&(orgHead|locHeadInside|miscHead) != 0 {
			names |= 4
		}
		lists |= w.tokens[k].lists
		global |= w.tokens[k].global
	}
	initial := uint64(0)
	if head.first {
		initial = 1
	}
	f1, f2 := seq.Feature1, seq.Feature2
	return append(dst,
		f2(60, head.hash, where), f2(61, tail.hash, where), f2(62, before.low, where), f2(63, after.low, where),
		f2(64, content.low, where), f2(65, uint64(content.lowTrigger), where), f2(66, uint64(after.lowTrigger), where), f2(67, uint64(head.trigger), where<<8|length),
		f2(68, names<<1|initial, where<<8|length), f2(69, before.low, after.low), f2(70, uint64(content.cluster[0]), where), f2(71, uint64(after.cluster[0]), where),
		f2(72, uint64(tail.trigger), where), f2(73, uint64(lists), length), f2(74, uint64(before.pos)<<8|uint64(after.pos), length),
		f2(75, content.low, before.low), f2(76, uint64(head.given)<<4|uint64(tail.family), length), f1(77, uint64(global)),
		f2(78, after.low, next.low), f2(79, uint64(next.cluster[0]), uint64(after.cluster[0])), f2(80, head.shape, tail.shape), f2(81, head.ends[1], where), f2(82, tail.ends[1], where),
		f2(83, uint64(head.cluster[0]), where), f2(84, uint64(tail.cluster[0]), where), f2(85, uint64(content.lowTrigger)<<16|uint64(after.lowTrigger), names),
		seq.Feature(184, uint64(w.bare[head.sentence]), names, length), seq.Feature(185, uint64(w.bare[head.sentence]), uint64(lists), length), seq.Feature(88, uint64(w.sport[head.sentence]), names, length), seq.Feature(89, uint64(w.sport[head.sentence]), before.low, where),
		f2(174, uint64(content.cluster[2]), where), f2(175, uint64(after.cluster[2]), where), f2(176, uint64(head.cluster[2]), where), f2(177, uint64(tail.cluster[2]), where), f2(178, uint64(content.cluster[3]), uint64(after.cluster[3])),
		f2(86, uint64(content.cluster[1]), where), f2(87, uint64(after.cluster[1]), where),
	)
}
