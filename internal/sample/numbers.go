package sample

import "strconv"

var unitWords = [...]string{
	"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece",
	"catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós",
	"veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve", "treinta",
}

// appendNumber writes a number as Colombian newspapers do: point for thousands, comma for tenths, small counts in words.
func appendNumber(b []byte, kind string, x int) []byte {
	switch kind {
	case "m", "f":
		if x >= len(unitWords) {
			return appendThousands(b, x)
		}
		switch { // before a noun, uno loses its o
		case x == 1 && kind == "m":
			return append(b, "un"...)
		case x == 1:
			return append(b, "una"...)
		case x == 21 && kind == "m":
			return append(b, "veintiún"...)
		case x == 21:
			return append(b, "veintiuna"...)
		}
		return append(b, unitWords[x]...)
	case "a":
		return strconv.AppendInt(b, int64(x), 10)
	case "r":
		unit := 1
		for x/unit >= 100 {
			unit *= 10
		}
		return appendThousands(b, x/unit*unit)
	case "d", "p":
		b = strconv.AppendInt(b, int64(x/10), 10)
		if x%10 != 0 || kind == "d" { // "1,0 puntos": a bare 1 would require the singular
			b = append(b, ',', byte('0'+x%10))
		}
		if kind == "p" {
			b = append(b, " %"...)
		}
		return b
	case "$":
		if x < 1000 {
			return append(appendThousands(b, x*1000), " millones de pesos"...)
		}
		whole, tenths := x/1000, x%1000/100
		if whole == 1 && tenths == 0 {
			return append(b, "un billón de pesos"...) // 10¹², as Spanish counts
		}
		b = strconv.AppendInt(b, int64(whole), 10)
		if tenths > 0 {
			b = append(b, ',', byte('0'+tenths))
		}
		return append(b, " billones de pesos"...)
	}
	return appendThousands(b, x)
}

func appendThousands(b []byte, x int) []byte {
	if x < 1000 {
		return strconv.AppendInt(b, int64(x), 10)
	}
	b = appendThousands(b, x/1000)
	return append(b, '.', byte('0'+x/100%10), byte('0'+x/10%10), byte('0'+x%10))
}
