package readability

import "testing"

func TestSyllables(t *testing.T) {
	for w, want := range map[string]int{
		"sol": 1, "casa": 2, "camión": 2, "país": 2, "ciudad": 2, "aéreo": 4, "paraguas": 3, "buey": 1, "guerra": 2, "pingüino": 3, "quien": 1, "queso": 2,
		"ahora": 3, "prohíbe": 3, "prohibir": 2, "búho": 2, "leer": 2, "héroe": 3, "maíz": 2, "baúl": 2, "oír": 2, "reír": 2, "construir": 2, "construí": 2, "lingüística": 4,
		"muy": 1, "y": 1, "yo": 1, "mayo": 2, "hoy": 1, "rey": 1, "reyes": 2, "día": 2, "días": 2, "río": 2, "continúa": 4, "actúa": 3, "frío": 2, "viuda": 2, "ruido": 2,
		"departamento": 5, "extraordinariamente": 8, "municipio": 4, "bogotá": 3, "aguacate": 4, "agua": 2, "averiguáis": 4, "estudiéis": 3, "uruguay": 3, "chiita": 3,
		"idea": 3, "poeta": 3, "caos": 2, "ejército": 4, "fiscalía": 4, "policía": 4, "egipcio": 3, "ahumado": 3, "pausa": 2, "europa": 3, "x": 1, "": 1, "psst": 1,
	} {
		if got := Syllables(w); got != want {
			t.Errorf("%s has %d syllables, want %d", w, got, want)
		}
	}
}
