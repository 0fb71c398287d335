package ner

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/analysis/nlp/text"
)

// ValueKind is the kind of a value.
type ValueKind uint8

// The kinds of values.
const (
	Date ValueKind = iota
	Money
	Percent
)

var valueNames = [...]string{"date", "money", "percent"}

// String is the kind's name.
func (k ValueKind) String() string { return valueNames[k] }

// Value is a date, an amount of money or a percentage.
type Value struct {
	Kind       ValueKind
	Text       string
	Start, End int // code points in the original
	// Date is ISO 8601: 2024-05-12, 2024-05, 2024, or --05-12 if the year is not known.
	Date string
	// Currency is ISO 4217.
	Currency string
	Amount   float64 // of money in units of the currency; of percentages in percent
}

var monthNames = map[string]int{
	"enero": 1, "febrero": 2, "marzo": 3, "abril": 4, "mayo": 5, "junio": 6, "julio": 7, "agosto": 8, "septiembre": 9, "setiembre": 9, "octubre": 10, "noviembre": 11, "diciembre": 12,
}

var weekdays = map[string]time.Weekday{"domingo": 0, "lunes": 1, "martes": 2, "miércoles": 3, "jueves": 4, "viernes": 5, "sábado": 6}

// signs come before an amount, words after it.
var (
	signs = map[string]string{
		"$": "COP", "US$": "USD", "USD$": "USD", "U$": "USD", "USD": "USD", "US": "USD", "COP": "COP", "COP$": "COP", "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP",
		"¥": "JPY", "MX$": "MXN", "MXN": "MXN", "R$": "BRL", "AR$": "ARS", "ARS": "ARS", "CLP": "CLP", "CL$": "CLP", "CHF": "CHF", "CA$": "CAD",
	}
	currencies = map[string]string{
		"peso": "COP", "pesos": "COP", "dólar": "USD", "dólares": "USD", "euro": "EUR", "euros": "EUR", "usd": "USD", "cop": "COP", "yen": "JPY", "yenes": "JPY", "yuan": "CNY", "yuanes": "CNY",
		"reales": "BRL", "soles": "PEN", "bolívares": "VES", "libras": "GBP", "francos": "CHF", "pesetas": "ESP", "eur": "EUR", "rublos": "RUB", "mxn": "MXN",
	}
	nationalities = map[string]string{
		"pesos mexicanos": "MXN", "pesos argentinos": "ARS", "pesos chilenos": "CLP", "pesos uruguayos": "UYU", "pesos dominicanos": "DOP", "pesos cubanos": "CUP", "pesos colombianos": "COP",
		"pesos bolivianos": "BOB", "dólares canadienses": "CAD", "dólares australianos": "AUD", "dólares estadounidenses": "USD", "dólares americanos": "USD", "libras esterlinas": "GBP", "francos suizos": "CHF",
	}
	// slang are amounts of Colombian pesos in everyday speech.
	slang = map[string]float64{"luca": 1e3, "lucas": 1e3, "barra": 1e3, "barras": 1e3, "palo": 1e6, "palos": 1e6, "melón": 1e6, "melones": 1e6}
)

// Values finds dates, amounts of money and percentages. published is the day of the text: it determines the year of dates
// without one and the day of "ayer"; the zero time leaves both open.
func Values(d *text.Document, published time.Time) []Value {
	var out []Value
	for _, s := range d.Sentences {
		for i := s.First; i < s.Last; {
			v, end := moneyAt(d.Tokens, i, s.First, s.Last)
			if end == i {
				v, end = percentAt(d.Tokens, i, s.Last)
			}
			if end == i {
				v, end = dateAt(d.Tokens, i, s.First, s.Last, published)
			}
			if end == i {
				i++
				continue
			}
			v.Start, v.End, v.Text = d.Tokens[i].Start, d.Tokens[end-1].End, d.Between(i, end)
			out = append(out, v)
			i = end
		}
	}
	return out
}

func moneyAt(tokens []text.Token, i, first, limit int) (Value, int) {
	v := Value{Kind: Money}
	t := &tokens[i]
	if currency, ok := signs[t.Norm]; ok {
		k := i + 1
		if k < limit && (tokens[k].Norm == "$" || tokens[k].Lower == "cop") { // COP $ 5.000
			k++
		}
		amount, end := number(tokens, k, limit)
		if end == k || tokens[k].Kind != text.Number {
			return v, i
		}
		v.Currency, v.Amount = currency, amount
		if c, e := currencyAt(tokens, end, limit); e > end {
			v.Currency, end = c, e
			if currency != "COP" && c == "USD" {
				v.Currency = currency
			}
		}
		return v, end
	}
	if t.Kind != text.Number && t.Kind != text.Word {
		return v, i
	}
	if i > first && units[t.Lower] > 0 && units[tokens[i-1].Lower] > 0 {
		return v, i
	}
	amount, end := number(tokens, i, limit)
	if end == i || end >= limit {
		return v, i
	}
	if m, ok := slang[tokens[end].Lower]; ok && (m == 1e3 || amount < 1000) && tokens[i].Lower != "un" && tokens[i].Lower != "una" || ok && tokens[end].Lower == "luca" {
		v.Currency, v.Amount = "COP", amount*m
		return v, end + 1
	}
	c, e := currencyAt(tokens, end, limit)
	if e == end {
		return v, i
	}
	// "un peso pesado", "el dólar": only counted money is an amount.
	if (t.Lower == "un" || t.Lower == "una") && end == i+1 && tokens[end].Lower != "peso" && tokens[end].Lower != "dólar" && tokens[end].Lower != "euro" {
		return v, i
	}
	v.Currency, v.Amount = c, amount
	return v, e
}

// currencyAt is the currency named at token i, after "de" or without.
func currencyAt(tokens []text.Token, i, limit int) (string, int) {
	k := i
	if k < limit && tokens[k].Lower == "de" {
		k++
	}
	if k >= limit {
		return "", i
	}
	if k+1 < limit {
		if c, ok := nationalities[tokens[k].Lower+" "+tokens[k+1].Lower]; ok {
			return c, k + 2
		}
	}
	if c, ok := currencies[tokens[k].Lower]; ok {
		return c, k + 1
	}
	return "", i
}

func percentAt(tokens []text.Token, i, limit int) (Value, int) {
	v := Value{Kind: Percent}
	amount, end := number(tokens, i, limit)
	if end == i || end >= limit {
		return v, i
	}
	v.Amount = amount
	switch {
	case tokens[end].Norm == "%":
		if i > 0 && tokens[i-1].Norm == "-" && tokens[i-1].End == tokens[i].Start && (i < 2 || tokens[i-2].End < tokens[i-1].Start) {
			v.Amount = -amount
		}
		return v, end + 1
	case end+1 < limit && tokens[end].Lower == "por" && (tokens[end+1].Lower == "ciento" || tokens[end+1].Lower == "cien"):
		return v, end + 2
	}
	return v, i
}

func dateAt(tokens []text.Token, i, first, limit int, published time.Time) (Value, int) {
	v := Value{Kind: Date}
	t := &tokens[i]
	at := func(k int) string {
		if k < limit {
			return tokens[k].Lower
		}
		return ""
	}
	if t.Kind == text.Number {
		if iso := numericDate(t.Norm); iso != "" {
			v.Date = iso
			return v, i + 1
		}
	}
	if day := dayOf(t); day > 0 {
		if at(i+1) == "de" && monthNames[at(i+2)] > 0 {
			month := monthNames[at(i+2)]
			year, end := yearAt(tokens, i+3, limit)
			v.Date = isoDate(year, month, day, published)
			if v.Date != "" {
				return v, end
			}
		}
		// "3 y 5 de mayo", "del 3 al 5 de mayo": the month comes after the last one.
		k := i + 1
		if w := at(k); w == "y" || w == "al" || w == "a" || w == "," {
			k++
			if at(k) == "el" {
				k++
			}
			if k < limit && dayOf(&tokens[k]) > 0 && at(k+1) == "de" && monthNames[at(k+2)] > 0 {
				year, _ := yearAt(tokens, k+3, limit)
				if v.Date = isoDate(year, monthNames[at(k+2)], day, published); v.Date != "" {
					return v, i + 1
				}
			}
		}
	}
	if month := monthNames[t.Lower]; month > 0 {
		if year, end := yearAt(tokens, i+1, limit); year > 0 {
			v.Date = fmt.Sprintf("%04d-%02d", year, month)
			return v, end
		}
		// "Mayo 5": a month on its own is a date only in a phrase such as "en marzo".
		if i > first && (tokens[i-1].Lower == "en" || tokens[i-1].Lower == "de" || tokens[i-1].Lower == "desde" || tokens[i-1].Lower == "hasta") && t.Norm == t.Lower {
			if published.IsZero() {
				v.Date = fmt.Sprintf("--%02d", month)
			} else {
				v.Date = fmt.Sprintf("%04d-%02d", nearestYear(month, 15, published), month)
			}
			return v, i + 1
		}
	}
	if y := year(t.Norm); y > 0 && i > first {
		switch tokens[i-1].Lower {
		case "en", "desde", "hasta", "año", "del", "de":
			if w := at(i + 1); w != "%" && w != "por" && currencies[w] == "" && scales[w] == 0 {
				v.Date = t.Norm
				return v, i + 1
			}
		}
	}
	if !published.IsZero() {
		if day, ok := relativeDay(tokens, i, first, published); ok {
			v.Date = day.Format(time.DateOnly)
			return v, i + 1
		}
	}
	return v, i
}

func dayOf(t *text.Token) int {
	switch t.Lower {
	case "primero", "1.º", "1º", "1°", "1ro", "1ero", "1.o":
		return 1
	}
	if t.Kind != text.Number || len(t.Norm) > 2 {
		return 0
	}
	n, err := strconv.Atoi(t.Norm)
	if err != nil || n > 31 {
		return 0
	}
	return n
}

func year(form string) int {
	if len(form) != 4 {
		return 0
	}
	n, err := strconv.Atoi(form)
	if err != nil || n < 1492 || n > 2100 {
		return 0
	}
	return n
}

// yearAt reads "de 2024", "del 2024", "2024" or "del año 2024".
func yearAt(tokens []text.Token, i, limit int) (int, int) {
	k := i
	if k < limit && (tokens[k].Lower == "de" || tokens[k].Lower == "del") {
		k++
		if k < limit && tokens[k].Lower == "año" {
			k++
		}
	}
	if k < limit && k > i {
		if y := year(tokens[k].Norm); y > 0 {
			return y, k + 1
		}
	}
	return 0, i
}

func isoDate(year, month, day int, published time.Time) string {
	if day > 31 || (month == 4 || month == 6 || month == 9 || month == 11) && day > 30 || month == 2 && day > 29 {
		return ""
	}
	if year == 0 {
		if published.IsZero() {
			return fmt.Sprintf("--%02d-%02d", month, day)
		}
		year = nearestYear(month, day, published)
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
}

// nearestYear is the year in which the date is nearest to the day of publication.
func nearestYear(month, day int, published time.Time) int {
	best, distance := published.Year(), time.Duration(1<<62)
	for y := published.Year() - 1; y <= published.Year()+1; y++ {
		gap := time.Date(y, time.Month(month), day, 0, 0, 0, 0, time.UTC).Sub(published).Abs()
		if gap < distance {
			best, distance = y, gap
		}
	}
	return best
}

// numericDate reads 12/05/2024, 12-05-2024, 2024-05-12 and 2024/05/12.
func numericDate(form string) string {
	sep := "/"
	if strings.Count(form, "-") == 2 {
		sep = "-"
	}
	p := strings.Split(form, sep)
	if len(p) != 3 {
		return ""
	}
	if len(p[0]) == 4 {
		p[0], p[2] = p[2], p[0]
	}
	d, e1 := strconv.Atoi(p[0])
	m, e2 := strconv.Atoi(p[1])
	y, e3 := strconv.Atoi(p[2])
	if e1 != nil || e2 != nil || e3 != nil || len(p[0]) > 2 || len(p[1]) > 2 {
		return ""
	}
	if len(p[2]) == 2 {
		y += 2000
	}
	if y < 1492 || y > 2100 || m < 1 || m > 12 || d < 1 {
		return ""
	}
	return isoDate(y, m, d, time.Time{})
}

func relativeDay(tokens []text.Token, i, first int, published time.Time) (time.Time, bool) {
	before := ""
	if i > first {
		before = tokens[i-1].Lower
	}
	switch tokens[i].Lower {
	case "hoy":
		return published, true
	case "ayer":
		return published.AddDate(0, 0, -1), true
	case "anteayer", "antier":
		return published.AddDate(0, 0, -2), true
	case "mañana":
		if before != "la" && before != "de" && before != "esta" && before != "por" {
			return published.AddDate(0, 0, 1), true
		}
	}
	day, ok := weekdays[tokens[i].Lower]
	if !ok || before == "los" || before == "cada" || before == "un" {
		return time.Time{}, false
	}
	back := (int(published.Weekday()) - int(day) + 7) % 7
	switch before {
	case "próximo":
		return published.AddDate(0, 0, 7-back), true
	case "pasado":
		if back == 0 {
			back = 7
		}
	}
	return published.AddDate(0, 0, -back), true
}
