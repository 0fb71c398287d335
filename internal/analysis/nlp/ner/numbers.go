package ner

import (
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// units are numbers in words below a hundred, and the hundreds.
var units = map[string]float64{
	"un": 1, "uno": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12,
	"trece": 13, "catorce": 14, "quince": 15, "dieciséis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veinte": 20, "veintiuno": 21, "veintiún": 21, "veintidós": 22,
	"veintitrés": 23, "veinticuatro": 24, "veinticinco": 25, "veintiséis": 26, "veintisiete": 27, "veintiocho": 28, "veintinueve": 29, "treinta": 30, "cuarenta": 40,
	"cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90, "cien": 100, "ciento": 100, "doscientos": 200, "doscientas": 200, "trescientos": 300, "trescientas": 300,
	"cuatrocientos": 400, "cuatrocientas": 400, "quinientos": 500, "quinientas": 500, "seiscientos": 600, "seiscientas": 600, "setecientos": 700, "setecientas": 700, "ochocientos": 800, "ochocientas": 800, "novecientos": 900, "novecientas": 900, "medio": 0.5,
}

// scales multiply the number before them. A Spanish billón is a million millions.
var scales = map[string]float64{"mil": 1e3, "miles": 1e3, "millón": 1e6, "millones": 1e6, "billón": 1e12, "billones": 1e12, "trillón": 1e18, "trillones": 1e18}

// digits is the value of a number in digits, written as in Spanish: dots between thousands, a decimal comma. One dot that
// is not followed by three digits is a decimal point.
func digits(form string) (float64, bool) {
	if form == "" || form[0] < '0' || form[0] > '9' {
		return 0, false
	}
	for i := 0; i < len(form); i++ {
		if c := form[i]; c != '.' && c != ',' && c != '\'' && (c < '0' || c > '9') {
			return 0, false
		}
	}
	s := strings.ReplaceAll(form, "'", "")
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	switch {
	case dots > 0 && commas > 0 && strings.LastIndexByte(s, ',') > strings.LastIndexByte(s, '.'):
		s = strings.ReplaceAll(strings.ReplaceAll(s, ".", ""), ",", ".")
	case dots > 0 && commas > 0:
		s = strings.ReplaceAll(s, ",", "")
	case commas > 1:
		s = strings.ReplaceAll(s, ",", "")
	case commas == 1:
		s = strings.ReplaceAll(s, ",", ".")
	case dots > 1, dots == 1 && len(s)-strings.IndexByte(s, '.') == 4:
		s = strings.ReplaceAll(s, ".", "")
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// number reads a number at token i, in digits, words or both (35 mil millones, doscientos cuarenta mil), and returns where
// it ends, i if there is none.
func number(tokens []text.Token, i, limit int) (value float64, end int) {
	total, part := 0.0, 0.0
	seen := false
	k := i
	for k < limit && k < i+12 {
		t := &tokens[k]
		if v, ok := digits(t.Norm); ok && t.Kind == text.Number {
			if seen {
				break
			}
			part, seen = v, true
			k++
			continue
		}
		if v, ok := units[t.Lower]; ok {
			part += v
			seen = true
			k++
			continue
		}
		if v, ok := scales[t.Lower]; ok {
			if !seen && t.Lower != "mil" {
				break
			}
			if v > 1e3 {
				total = (total + max(part, boolToOne(part == 0 && total == 0))) * v
				part = 0
				// "dos millones quinientos mil": the rest is added.
				rest, e := number(tokens, k+1, limit)
				if e > k+1 && rest < v {
					return total + rest, e
				}
				return total, k + 1
			}
			part = max(part, boolToOne(part == 0)) * v
			total += part
			part = 0
			seen = true
			k++
			continue
		}
		if t.Lower == "y" && seen && k+1 < limit && units[tokens[k+1].Lower] > 0 && units[tokens[k+1].Lower] < 10 && part >= 30 {
			k++
			continue
		}
		break
	}
	if !seen {
		return 0, i
	}
	return total + part, k
}

func boolToOne(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
