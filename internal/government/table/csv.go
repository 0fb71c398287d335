package table

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// CSV writes the table as RFC 4180, with a line of names. Nulls are empty. Text that a spreadsheet would take for a formula gets
// a quote before it (OWASP: CSV injection).
func (t *Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Name
	}
	if err := w.Write(line); err != nil {
		return nil, err
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			switch {
			case cell == nil:
				line[i] = ""
			case t.Columns[i].Kind.Numeric():
				line[i] = *cell
			default:
				line[i] = harmless(*cell)
			}
		}
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
