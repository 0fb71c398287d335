package ner

import "openlearn/internal/analysis/nlp/text"

// IOB2 returns the tags of a document's tokens for its spans.
func IOB2(d *text.Document, spans []Span) []string {
	tags := make([]string, len(d.Tokens))
	for i := range tags {
		tags[i] = "O"
	}
	for _, s := range spans {
		for i := s.First; i < s.Last; i++ {
			tags[i] = "I-" + s.Type.String()
		}
		tags[s.First] = "B-" + s.Type.String()
	}
	return tags
}
