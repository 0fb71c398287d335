package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func forms(d Document) []string {
	var out []string
	for _, t := range d.Tokens {
		out = append(out, t.Text)
	}
	return out
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"El Dr. Gómez vive en la Cra. 7 con Cl. 72, cerca.":           "El Dr. Gómez vive en la Cra. 7 con Cl. 72 , cerca .",
		"Pagó $4.118,50 (US$1,5 millones) por el 2.ª piso.":           "Pagó $ 4.118,50 ( US$ 1,5 millones ) por el 2.ª piso .",
		"Ecopetrol S.A.S. de Bogotá D.C., COVID-19, PM2.5 y el M-19.": "Ecopetrol S.A.S. de Bogotá D.C. , COVID-19 , PM2.5 y el M-19 .",
		"El ex-ministro cayó 5,2%; ganó 2-0 a las 10:30 a. m.":        "El ex-ministro cayó 5,2 % ; ganó 2-0 a las 10:30 a. m.",
		"Ver https://www.eltiempo.com/x?a=1, semana.com o a@b.co.":    "Ver https://www.eltiempo.com/x?a=1 , semana.com o a@b.co .",
		"¡Gol! 👨‍👩‍👧 🇨🇴 #VamosColombia @petrogustavo 👍🏽":              "¡ Gol ! 👨‍👩‍👧 🇨🇴 #VamosColombia @petrogustavo 👍🏽",
		"«No», dijo... “Sí” —respondió—.":                             "« No » , dijo ... “ Sí ” — respondió — .",
		"El acuerdo fin.Otra cosa, No. 5 y no. Fin.":                  "El acuerdo fin . Otra cosa , No. 5 y no . Fin .",
		"Ecopetrol S. A. S. subió; EE.UU. y EE. UU. no":               "Ecopetrol S. A. S. subió ; EE.UU. y EE. UU. no",
		"Corrió 10 km/h el 12/05/2024, 1.er puesto, 3ra vez, 4x4":     "Corrió 10 km/h el 12/05/2024 , 1.er puesto , 3ra vez , 4x4",
		"<p>Hola&nbsp;mundo</p> a < b AT&T O'Higgins J. Balvin":       "<p> Hola &nbsp; mundo </p> a < b AT&T O'Higgins J. Balvin",
		"Hay 25 °C y 3° puesto, LGBTIQ+ y el Plan B. El fin":          "Hay 25 °C y 3° puesto , LGBTIQ+ y el Plan B . El fin",
	} {
		if got := strings.Join(forms(Analyze(in)), " "); got != want {
			t.Errorf("tokens of %q:\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for _, want := range [][]string{
		{"El Dr. Gómez vive en la Cra. 7 con Cl. 72, cerca del Sr. Ruiz.", "Viajó a EE. UU. en enero."},
		{"Subió 3.5 puntos.", "«¿Vienes?», preguntó.", "—No —dijo Ana—.", "Fin"},
		{"Nació en Bogotá D.C. en 1990.", "Trabaja en Ecopetrol S.A.", "El resto se fue a EE. UU.", "Luego volvió."},
		{"Leyó libros, revistas, etc.", "Después durmió."},
		{"¡Gol!", "Millonarios gana...", "¿Y Santa Fe?", "Pierde."},
		{"El fallo (del 3 de mayo.)", "Otra cosa."},
		{"J. Balvin y F. G. Lorca cantaron.", "El Plan B. de Ana."},
		{"Eran las 5 p. m.", "Llovía en la calle 10 No. 5-20."},
		{"Dijo \"no va más.\"", "\"Así es\", respondió."},
		{"1. Comprar pan.", "2. Dormir."},
	} {
		d := Analyze(strings.Join(want, " "))
		var got []string
		for _, s := range d.Sentences {
			got = append(got, d.Between(s.First, s.Last))
		}
		if !slices.Equal(got, want) {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
	d := Analyze("UN TITULAR\n\nUna línea\nde prosa\nOtra línea")
	if len(d.Sentences) != 3 || d.Sentences[2].Paragraph != 2 {
		t.Errorf("lines: %+v", d.Sentences)
	}
}

func TestCapitalsAreRecased(t *testing.T) {
	t.Parallel()
	d := Analyze("CAPTURAN EN SOACHA A DOS HOMBRES POR HURTO. El ELN y la ONU hablan.")
	if !d.Sentences[0].Capitals || d.Sentences[1].Capitals {
		t.Fatalf("capitals: %+v", d.Sentences)
	}
	d.Recase(func(tokens []Token) []Casing {
		out := make([]Casing, len(tokens))
		for i := range tokens {
			if tokens[i].Lower == "soacha" {
				out[i] = Capital
			}
		}
		return out
	})
	var got []string
	for _, tok := range d.In(d.Sentences[0]) {
		got = append(got, tok.Norm)
	}
	if s := strings.Join(got, " "); s != "Capturan en Soacha a dos hombres por hurto ." {
		t.Errorf("recased: %s", s)
	}
}

func TestOffsetsAreCodePointsOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"El nin\u0303o e\u0301l \u200bBogota\u0301\u00ad fin", "a\r\nb\xffc ñandú\x00x", "\ufb01n de Ｆuerza 👍🏽 ok",
	} {
		original := []rune(in)
		d := Analyze(in)
		for _, tok := range d.Tokens {
			piece := Analyze(string(original[tok.Start:tok.End]))
			if got := strings.Join(forms(piece), ""); got != tok.Text {
				t.Errorf("%q: token %q stands at %q", in, tok.Text, string(original[tok.Start:tok.End]))
			}
		}
	}
	d := Analyze("nin\u0303o")
	if tok := d.Tokens[0]; tok.Text != "niño" || tok.Start != 0 || tok.End != 5 {
		t.Errorf("%+v", tok)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"El presidente anunció que la reforma será presentada mañana en el Congreso.":  "es",
		"The president announced that the reform will be presented tomorrow.":          "en",
		"O presidente anunciou que a reforma será apresentada amanhã no Congresso.":    "pt",
		"Le président a annoncé que la réforme sera présentée demain.":                 "fr",
		"Il presidente ha annunciato che la riforma sarà presentata domani.":           "it",
		"Der Präsident hat angekündigt, dass die Reform morgen vorgestellt wird.":      "de",
		"El president ha anunciat que la reforma serà presentada demà amb els partits": "ca",
		"Президент объявил о реформе":                                                  "ru",
		"CAPTURAN EN SOACHA A DOS HOMBRES":                                             "es",
		"12345 !!! 👍":                                                                  "und",
		"":                                                                             "und",
	} {
		if got := Analyze(in).Language; got.Code != want {
			t.Errorf("%q: %+v, want %s", in, got, want)
		}
	}
}

func check(t *testing.T, in string) {
	d := Analyze(in)
	points := 0
	for range in {
		points++
	}
	last := 0
	for i, tok := range d.Tokens {
		if tok.Start < last || tok.End <= tok.Start || tok.End > points || tok.Text == "" {
			if i > 0 && tok.Start == d.Tokens[i-1].Start { // a ligature that was unfolded
				continue
			}
			t.Fatalf("token %d of %q: %+v, after %d of %d", i, in, tok, last, points)
		}
		last = tok.End
	}
	next := 0
	for _, s := range d.Sentences {
		if s.First != next || s.Last <= s.First {
			t.Fatalf("sentences of %q: %+v", in, d.Sentences)
		}
		next = s.Last
	}
	if next != len(d.Tokens) || !utf8.ValidString(d.Text) {
		t.Fatalf("%q: %d of %d tokens in sentences", in, next, len(d.Tokens))
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"El Dr. Gómez, S. A. S. 2.ª $4.118,50", "a.b@c.co http://x.y/(z) www.", "n\u0303\xff\u200d👍🏽️⃣", "ﬁ．Ｅ“«…", "1.º-2/3:4’5 p.ej. EE.UU.", "<a><p &#8220;&"} {
		f.Add(s)
	}
	f.Fuzz(check)
}

// hostile gives texts of kinds that have made analysers slow or wrong.
func hostile(n int) map[string]string {
	return map[string]string{
		"word":     strings.Repeat("a", n),
		"emoji":    strings.Repeat("👍🏽", n/2),
		"dots":     strings.Repeat("a.", n/2),
		"ats":      strings.Repeat("a@", n/2),
		"brackets": strings.Repeat("(", n),
		"quotes":   strings.Repeat(`" `, n/2),
		"tags":     strings.Repeat("<p>", n/3),
		"open":     strings.Repeat("<p", n/2),
		"marks":    "a" + strings.Repeat("\u0301", n),
		"bad":      strings.Repeat("\xff", n),
		"digits":   strings.Repeat("1.", n/2),
		"hyphens":  strings.Repeat("a-", n/2),
		"urls":     strings.Repeat("http://(", n/8),
		"urlend":   "http://" + strings.Repeat(")", n),
		"closers":  strings.Repeat(".)", n/2),
		"bidi":     strings.Repeat("\u202e\u200fa", n/3),
		"controls": strings.Repeat("\x00\x1b", n/2),
		"joiners":  strings.Repeat("👩\u200d", n/2),
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, in := range hostile(50_000) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, in)
		})
	}
}
