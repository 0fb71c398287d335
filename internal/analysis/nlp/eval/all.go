package eval

import "io"

// Shipped prints the figures of the shipped parts: sentiment with its targets, difficulty and summaries. data is the nlp
// folder of the reference data. It takes seconds.
func Shipped(w io.Writer, data string) error {
	if _, err := SentimentShipped(w, data); err != nil {
		return err
	}
	if _, err := SentimentTargets(w, data); err != nil {
		return err
	}
	if _, _, err := Difficulty(w, data); err != nil {
		return err
	}
	_, _, err := Summary(w, data)
	return err
}

// Proofs prints the figures of the same engine trained in the domain of each set. It takes minutes.
func Proofs(w io.Writer, data string) error {
	if _, err := SentimentProof(w, data); err != nil {
		return err
	}
	_, err := TopicProof(w, data)
	return err
}
