package extract

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

func TestLettersEncodedTwice(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"El Café de Ñuñoa: ¿quién llegó? ¡Nadie!, dijo “Álvaro” —o Óscar— en el barrio ‘Ícaro’…", "Ávila, Índigo, Ídolo, pingüino, «así»",
	} {
		var once strings.Builder // windows-1252 as browsers read it: unassigned bytes become controls
		for _, b := range []byte(want) {
			once.WriteRune(charmap.Windows1252.DecodeByte(b))
		}
		wrong := strings.NewReplacer("\ufffd", "").Replace(once.String())
		if wrong == once.String() {
			if got := Decode([]byte(wrong), "text/html; charset=utf-8"); got != want {
				t.Errorf("%q became %q, want %q", wrong, got, want)
			}
		}
		if got := Decode([]byte(want), ""); got != want {
			t.Errorf("%q became %q", want, got)
		}
	}
	for _, right := range []string{"SÃO PAULO", "NÃO", "Â", "châteaux", "pâté â la", "Ã", "crÃ", "Âge d'or", "TRÂN"} {
		if got := Decode([]byte(right), ""); got != right {
			t.Errorf("%q became %q", right, got)
		}
	}
	if got, want := Decode([]byte("Camilo FernÃ¡ndez dijo que sí, y el año pasó en MedellÃ\u00adn"), ""), "Camilo Fernández dijo que sí, y el año pasó en Medellín"; got != want {
		t.Errorf("mixed: %q, want %q", got, want)
	}
}

// TestEmbeddedPostsAreText: what an article quotes from elsewhere is part of its text. Leaving it out cost recall on
// recorded pages.
func TestEmbeddedPostsAreText(t *testing.T) {
	t.Parallel()
	for _, class := range []string{"twitter-tweet", "instagram-media", "tiktok-embed", "fb-post"} {
		page := strings.Replace(storyPage("Una biblioteca nueva"), "</article>", `<blockquote class="`+class+
			`"><p lang="es">¡Qué alegría ver por fin abierta la biblioteca de nuestro barrio, gracias a todos los que ayudaron en estos años!</p>— Ana (@ana) <a href="https://example.org/1">5 de marzo</a></blockquote></article>`, 1)
		a, err := Extract(page, Hints{})
		if err != nil || strings.Count(a.Text, "¡Qué alegría ver") != 1 || !strings.Contains(a.Text, "La alcaldesa explicó") {
			t.Errorf("%s: %v, %q", class, err, a.Text)
		}
	}
}
