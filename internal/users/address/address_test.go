package address

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ana@example.org": "ana@example.org", " Ana.Ruiz+x@EXAMPLE.org ": "Ana.Ruiz+x@example.org", "ａna@example.org": "ana@example.org", "ana@example.org.": "ana@example.org",
		"ana@ñandú.co": "ana@xn--and-6ma2c.co", "ana@xn--and-6ma2c.co": "ana@xn--and-6ma2c.co", "o'higgins@example.org": "o'higgins@example.org",
	} {
		if got, err := Parse(given); got != want || err != nil {
			t.Errorf("%q: %q %v, want %q", given, got, err, want)
		}
	}
	for given, want := range map[string]Problem{
		"no": noAt, "": noAt, "@example.org": badForm, "ana@": badForm, "ana@localhost": badForm, "ana@exa mple.org": badForm, "a b@example.org": badForm, "ana@example.org\r\nBcc: x@y.z": badForm,
		"Ana <ana@example.org>": badForm, "ana@-example.org": badForm, "ana@example..org": badForm, "ana..ruiz@example.org": badForm, "ana@[127.0.0.1]": badForm,
		"аna@example.org": lookAlike, "ana@exаmple.org": lookAlike, "anaı@example.org": lookAlike, "ana@xn--e1awd7f.com": lookAlike,
	} {
		if got, err := Parse(given); got != "" || err != want { //nolint:errorlint // a Problem is compared as it is
			t.Errorf("%q: %q %v, want %v", given, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ana@example.org", "ａ@ñ.co", "x@y", "@", "a@xn--a.co"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := Parse(s)
		if err != nil {
			return
		}
		if twice, err := Parse(once); twice != once || err != nil {
			t.Fatalf("%q gives %q, and that %q, %v", s, once, twice, err)
		}
		for _, c := range once {
			if c <= ' ' || c > '~' {
				t.Fatalf("%q gives %q", s, once)
			}
		}
	})
}
