package sample

import (
	"strings"
	"testing"
	"time"
)

func TestAppendNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		x    int
		want string
	}{
		{"n", 7, "7"},
		{"n", 1000, "1.000"},
		{"n", 1234567, "1.234.567"},
		{"n", 10005, "10.005"},
		{"a", 1992, "1992"},
		{"r", 12345, "12.000"},
		{"r", 987, "980"},
		{"r", 42, "42"},
		{"m", 1, "un"},
		{"f", 1, "una"},
		{"m", 2, "dos"},
		{"m", 21, "veintiún"},
		{"f", 21, "veintiuna"},
		{"m", 30, "treinta"},
		{"m", 31, "31"},
		{"d", 35, "3,5"},
		{"d", 10, "1,0"},
		{"p", 124, "12,4 %"},
		{"p", 80, "8 %"},
		{"$", 350, "350.000 millones de pesos"},
		{"$", 1000, "un billón de pesos"},
		{"$", 1050, "un billón de pesos"},
		{"$", 1200, "1,2 billones de pesos"},
		{"$", 2000, "2 billones de pesos"},
	} {
		if got := string(appendNumber(nil, c.kind, c.x)); got != c.want {
			t.Errorf("%s %d: %q, want %q", c.kind, c.x, got, c.want)
		}
	}
}

func TestFuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, phrase, want string }{
		{"casa de ", "el alcalde", "casa del alcalde"},
		{"va a ", "el Chocó", "va al Chocó"},
		{"De ", "el río", "Del río"},
		{"frente a ", "la alcaldía", "frente a la alcaldía"},
		{"vino de ", "El Carmen de Bolívar", "vino de El Carmen de Bolívar"}, // part of the name
		{"sede ", "el día", "sede el día"},
		{"paja ", "el día", "paja el día"},
		{"papa y ", "inflación", "papa e inflación"},
		{"papa y ", "hielo", "papa y hielo"},
		{"papa y ", "hijos", "papa e hijos"},
		{"siete o ", "ocho", "siete u ocho"},
		{"", "el día", "el día"},
	} {
		b := append([]byte(c.before), c.phrase...)
		if got := string(fuse(b, len(c.before))); got != c.want {
			t.Errorf("%q + %q: %q, want %q", c.before, c.phrase, got, c.want)
		}
	}
}

func TestDecline(t *testing.T) {
	t.Parallel()
	for adj, want := range map[string]string{
		"antioqueño": "antioqueño antioqueña antioqueños antioqueñas",
		"caldense":   "caldense caldense caldenses caldenses",
		"cordobés":   "cordobés cordobesa cordobeses cordobesas",
	} {
		var got []string
		for i := range 4 {
			got = append(got, decline(adj, feature{feminine: i&1 == 1, plural: i&2 == 2}))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s, want %s", s, want)
		}
	}
}

// TestAgreement renders lines of a small grammar of its own and checks how the slots were filled.
func TestAgreement(t *testing.T) {
	t.Parallel()
	for noun, want := range map[string]string{
		"el puente":         "El puente será cerrado y el alcalde habla del puente.",
		"la vía":            "La vía será cerrada y el alcalde habla de la vía.",
		"los caminos":       "Los caminos serán cerrados y el alcalde habla de los caminos.",
		"las calles":        "Las calles serán cerradas y el alcalde habla de las calles.",
		"el agua turbia ;f": "El agua turbia será cerrada y el alcalde habla del agua turbia.",
	} {
		g := &grammar{general: map[string]int{"OBRA": 0}, banks: []bank{{name: "OBRA", fixed: true, strides: []int{1}}}}
		item, err := g.template(noun, -1)
		if err != nil {
			t.Fatal(err)
		}
		g.banks[0].items = []template{item}
		tpl, err := g.template("{OBRA} {OBRA#será|serán} {OBRA:cerrado|cerrada|cerrados|cerradas} y el alcalde habla de {OBRA}.", -1)
		if err != nil {
			t.Fatal(err)
		}
		w := newWriter(&Generator{grammar: g})
		w.epoch = 1
		got := w.render(nil, &tpl)
		capitalise(got)
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestGrammarErrorsNameTheirSlot(t *testing.T) {
	t.Parallel()
	g := &grammar{general: map[string]int{"a": 0}, banks: []bank{{name: "a"}}}
	for _, s := range []string{"{nada}", "{a", "{n:5-2}", "{n:x}", "{a.y}", "{a:x}", "{a#x|y|z|w}", "{a:x|y|z}"} {
		if _, err := g.template(s, -1); err == nil {
			t.Errorf("%s was no error", s)
		}
	}
}

// Every line of the grammar is rendered somewhere: a bank that no slot names is a typo.
func TestEveryBankIsUsed(t *testing.T) {
	t.Parallel()
	g, err := loadGrammar()
	if err != nil {
		t.Fatal(err)
	}
	used := map[int]bool{}
	mark := func(tpl template) {
		for _, n := range tpl.nodes {
			if n.kind == bankSlot && n.ref >= 0 {
				used[n.ref] = true
			}
		}
	}
	for _, b := range g.banks {
		for _, tpl := range b.items {
			mark(tpl)
		}
	}
	for _, topic := range g.topics {
		for _, s := range topic.stories {
			mark(s.title)
			mark(s.subtitle)
			mark(s.lead)
		}
		for _, id := range []int{
			topic.fact, topic.close, topic.quotes[0], topic.quotes[1], topic.quotes[2], topic.roles[0], topic.roles[1], topic.roles[2],
			topic.banks["ENT"], topic.banks["TEMA"],
		} {
			used[id] = true
		}
	}
	general, err := g.generalBanks()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int{
		general.nombref, general.nombrem, general.apellido, general.redaccion, general.conector, general.segun, general.cola, general.informe,
		general.union, general.verbo, general.resumio, general.funcionario, general.hecho, general.cierre, general.puente,
		general.quotes[0], general.quotes[1], general.quotes[2],
	} {
		used[id] = true
	}
	for id, b := range g.banks {
		if !used[id] {
			t.Errorf("no line uses bank %s (%d lines)", b.name, len(b.items))
		}
	}
}

// The weekday named is that of the publication on Colombia's calendar.
func TestToday(t *testing.T) {
	t.Parallel()
	g := generator(t, 3)
	seen := 0
	for a := range g.Articles(500) {
		for i, day := range weekdays {
			lead, _, _ := strings.Cut(a.Content, "\n\n")
			if a.PublishedAt == nil || !strings.Contains(lead, day) {
				continue
			}
			seen++
			if got := a.PublishedAt.In(time.FixedZone("", -5*3600)).Weekday(); int(got) != i {
				t.Errorf("article %d: %q on a %v", a.Index, day, got)
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d leads name the day", seen)
	}
}
