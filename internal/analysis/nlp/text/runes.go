package text

import "unicode"

func isLetter(r rune) bool {
	if r < 0x80 {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	if r == 0xaa || r == 0xba { // ordinal signs
		return false
	}
	return unicode.IsLetter(r) || isMark(r) || r > 0x300 && unicode.IsMark(r)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' || r > 0x660 && unicode.IsDigit(r) }

func isUpper(r rune) bool {
	if r < 0x80 {
		return r >= 'A' && r <= 'Z'
	}
	return unicode.IsUpper(r)
}

func isLower(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z'
	}
	return unicode.IsLower(r)
}

func isSpace(r rune) bool { return r == ' ' || r == '\n' || r > 0x7f && unicode.IsSpace(r) }

func isApostrophe(r rune) bool { return r == '\'' || r == '’' || r == '‘' }

func isHyphen(r rune) bool { return r == '-' || r == '‐' || r == '‑' }

func isCurrency(r rune) bool {
	return r == '$' || r == '€' || r == '£' || r == '¥' || r == '₡' || r == '₿'
}

func isOpening(r rune) bool {
	switch r {
	case '¿', '¡', '(', '[', '{', '“', '«', '‘', '„', '‹':
		return true
	}
	return false
}

func isClosing(r rune) bool {
	switch r {
	case ')', ']', '}', '”', '»', '’', '›':
		return true
	}
	return false
}

func isQuote(r rune) bool { return r == '"' || r == '\'' }

// emojiBase is true for runes that are shown as an emoji or a pictograph.
func emojiBase(r rune) bool {
	switch {
	case r < 0x203c:
		return r == 0xa9 || r == 0xae
	case r >= 0x1f000 && r <= 0x1faff:
		return true
	case r >= 0x2600 && r <= 0x27bf, r >= 0x2b00 && r <= 0x2bff && r != 0x2b0d, r >= 0x2300 && r <= 0x23ff, r == 0x203c, r == 0x2049, r == 0x2122:
		return true
	}
	return false
}

func keycapBase(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }

func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }
