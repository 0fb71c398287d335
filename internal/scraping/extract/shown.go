package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/newsdate"

	"golang.org/x/net/html/atom"
)

// monthName matches a month in Spanish, English, Portuguese, French, German or Italian, in full or cut short.
const monthName = `(?:jan(?:uary|uar|vier)?|janv|ene(?:ro)?|feb(?:ruary|ruar|rero|rier|braio)?|fev(?:ereiro)?|févr?(?:ier)?|mar(?:ch|zo|ço|s)?|märz|apr(?:il|ile)?|abr(?:il)?|avr(?:il)?|may(?:o)?|mai(?:o)?|mag(?:gio)?|jun(?:e|io|ho|i)?|juin|giu(?:gno)?|jul(?:y|io|ho|i)?|juil(?:let)?|lug(?:lio)?|aug(?:ust)?|ago(?:sto)?|août|sep(?:t|tember|tiembre|tembre)?|set(?:embro|iembre|tembre)?|oct(?:ober|ubre|obre)?|okt(?:ober)?|out(?:ubro)?|ott(?:obre)?|nov(?:ember|iembre|embro|embre)?|dec(?:ember)?|dez(?:ember|embro)?|dic(?:iembre|embre)?|déc(?:embre)?)\b`

// dateInText matches a calendar day, and the time of day if one follows.
var dateInText = regexp.MustCompile(`(?i)(?:\b\d{4}-\d{1,2}-\d{1,2}|\b\d{1,2}[./-]\d{1,2}[./-]\d{4}|\b\d{1,2}(?:st|nd|rd|th|\.|º)?\s+(?:de\s+)?` + monthName + `\.?,?\s+(?:del?\s+)?\d{4}|\b` + monthName + `\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4})\b(?:[\s,|·–-]*(?:a las\s+|at\s+)?\d{1,2}:\d{2}(?::\d{2})?\s*(?:[ap]\.?\s?m\b\.?)?)?`)

var ordinal = regexp.MustCompile(`(?i)\b(\d{1,2})(?:st|nd|rd|th)\b`)

// dateIn is the first date in a line, "" if there is none.
func (p *pageReader) dateIn(line string) string {
	found := strings.TrimSpace(ordinal.ReplaceAllString(dateInText.FindString(line), "$1"))
	if found == "" {
		return ""
	}
	if _, err := newsdate.Parse(found, p.hints.Zone); err == nil {
		return found
	}
	if day := dateInText.FindString(found); day != "" {
		if _, err := newsdate.Parse(day, p.hints.Zone); err == nil {
			return day
		}
	}
	return ""
}

// lineDate is the date in a short line between the headline and the first paragraph: no attribute and no name marks it.
func (p *pageReader) lineDate() string {
	head := p.titleNode()
	if head == nil {
		return ""
	}
	for n := head.after(p.doc, false); n != nil; {
		into := !n.isText && !n.is(isInvisible)
		switch {
		case !into:
		case elsewhere(n), n.linked > 0 && (n.Tag == atom.Ul || n.Tag == atom.Ol || n.Tag == atom.Table):
			into = false
		case n.size >= longestLine && n.Tag == atom.P, n == p.pruner.best:
			return ""
		case n.size < longestLine && n.size > 0:
			into = false
			line := inlineText(n)
			before, _, changed := cutAtChange(line)
			if changed {
				line = before
			}
			if utf8.RuneCountInString(line) < longestLine {
				if found := p.dateIn(line); found != "" {
					return found
				}
			}
		}
		n = n.after(p.doc, into)
	}
	return ""
}

// labelled matches a line that is a label and a date: "Fecha: 24/11/2026".
var labelled = regexp.MustCompile(`(?i)^(?:fecha(?: de publicaci[oó]n)?|publicad[oa](?: el)?|publicaci[oó]n|date|published(?: on)?|datum|veröffentlicht(?: am)?|publié le|pubblicato il|data)\s*:?\s+(?:el\s+)?[^\s].{5,50}$`)

// labelledDate is the date of the first line of the article that says what it is, wherever it stands.
func (p *pageReader) labelledDate() string {
	for _, n := range p.articleParts() {
		switch n.Tag {
		case atom.Li, atom.P, atom.Div, atom.Span, atom.Dd, atom.Td:
		default:
			continue
		}
		if n.size == 0 || n.size > 2*longestLine/3 {
			continue
		}
		if line := inlineText(n); labelled.MatchString(line) {
			if found := p.dateIn(line); found != "" {
				return found
			}
		}
	}
	return ""
}
