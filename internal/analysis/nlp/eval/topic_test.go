package eval

import (
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/derive"
	"openlearn/internal/analysis/nlp/linear"
	"openlearn/internal/analysis/nlp/text"
)

// What a text says at its beginning is a feature of its own, and the vectors are there if articles were.
func TestTopicViews(t *testing.T) {
	seeds, err := derive.Open(data(t)).SeedTopics()
	if err != nil {
		t.Fatal(err)
	}
	d := text.Analyze("El gol de Falcao. " + strings.Repeat("El partido fue parejo. ", 20) + "Luego hablaron del presupuesto.")
	latent := linear.NewLSA([]map[string]float32{{"partido": 1, "falcao": 1}, {"presupuesto": 1}, {"nada": 1}, {"otro": 1}, {"más": 1}}, 2, 1)
	views := topicViews(seeds, latent)
	if len(views) != 3 || len(topicViews(seeds, nil)) != 2 {
		t.Fatalf("%d views", len(views))
	}
	f := views[1].features(&d)
	if f["o:w:falcao"] != 1 || f["w:presupuesto"] != 1 || f["o:w:presupuesto"] != 0 {
		t.Errorf("opening %v %v %v", f["o:w:falcao"], f["w:presupuesto"], f["o:w:presupuesto"])
	}
	f = views[2].features(&d)
	if _, ok := f["=l0"]; !ok {
		t.Error("no vector of the text")
	}
	if f["=topic sports"] <= 0 || f["=o=topic sports"] <= 0 {
		t.Errorf("lists %v", f)
	}
}
