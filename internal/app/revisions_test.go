package app

import (
	"context"
	"fmt"
	"testing"

	"openlearn/internal/scraping/extract"
)

// TestARevisionIsSeenOnTheNextRead: an article that a source changed shows its new text and its history to readers who had
// just seen the old text.
func TestARevisionIsSeenOnTheNextRead(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	found := extract.Article{Source: "El Faro", URL: "https://faro.example/1", Title: "Puente", Text: "Lo que se supo primero.", Language: "es", Image: "https://faro.example/1.jpg"}
	sink := scrapeSink{a.core}
	if _, err := sink.Save(t.Context(), []extract.Article{found}); err != nil {
		t.Fatal(err)
	}
	list := a.get("/api/articles").json(t).(map[string]any)["items"].([]any)[0].(map[string]any)
	path := fmt.Sprintf("/api/articles/%v", list["id"])
	if list["image"] != found.Image || list["language"] != "es" {
		t.Errorf("the list shows %v", list)
	}
	read := func() (text any, revisions float64) {
		return a.get(path).json(t).(map[string]any)["content"], a.get(path + "/revisions").json(t).(map[string]any)["count"].(float64)
	}
	for range 2 {
		if text, n := read(); text != found.Text || n != 1 {
			t.Fatalf("%q, %v revisions", text, n)
		}
	}
	found.Text = "Lo que se sabe ahora."
	if verdicts, err := sink.Save(context.WithoutCancel(t.Context()), []extract.Article{found}); err != nil || verdicts[0].Outcome != "revised" {
		t.Fatalf("%+v, %v", verdicts, err)
	}
	if text, n := read(); text != found.Text || n != 2 {
		t.Errorf("after the change: %q, %v revisions", text, n)
	}
	if a.get(path+"9/revisions").StatusCode != 404 {
		t.Error("an article that is not there has revisions")
	}
}
