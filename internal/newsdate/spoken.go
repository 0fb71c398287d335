package newsdate

import "regexp"

var (
	noon      = regexp.MustCompile(`(?:\b(?:a las |al |a )?(?:12(?:[:.]00)? ?(?:m )?(?:del |de la )?)?)?\b(mediodia|medianoche)\b`)
	partOfDay = regexp.MustCompile(`(\d) de la (manana|madrugada|tarde|noche)\b`)
)

// spoken rewrites spoken times of day as clocks show them: "al mediodía", "8:30 de la noche".
func spoken(text string) string {
	text = noon.ReplaceAllStringFunc(text, func(s string) string {
		if noon.FindStringSubmatch(s)[1] == "mediodia" {
			return " 12:00 pm"
		}
		return " 12:00 am"
	})
	return partOfDay.ReplaceAllStringFunc(text, func(s string) string {
		m := partOfDay.FindStringSubmatch(s)
		if m[2] == "manana" || m[2] == "madrugada" {
			return m[1] + " am"
		}
		return m[1] + " pm"
	})
}
