package console

import (
	"fmt"
	"net/http"
	"time"
)

// Mail is a mail to a user that was kept instead of being sent.
type Mail struct {
	To, Subject, Text string
	At                time.Time
}

// mails shows what would have been sent, as plain text.
func (c *Console) mails(w http.ResponseWriter, _ *http.Request, _ operator) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if c.opt.Mails == nil {
		http.Error(w, "Mails are kept in development only.", http.StatusNotFound)
		return
	}
	all := c.opt.Mails()
	if len(all) == 0 {
		fmt.Fprintln(w, "No mail has been sent yet.")
	}
	for _, m := range all {
		fmt.Fprintf(w, "%s\nTo: %s\nSubject: %s\n\n%s\n----\n", m.At.Format(time.RFC3339), m.To, m.Subject, m.Text)
	}
}
