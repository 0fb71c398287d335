package government

import (
	"strings"
	"testing"
)

// TestLinksOfContextsAreBelowTheBasePath: whatever the links are of, and only those that there are.
func TestLinksOfContextsAreBelowTheBasePath(t *testing.T) {
	t.Parallel()
	b := ContextBody{
		Places:       []PlaceContext{{Links: linksOf(Place{Code: "05001", Name: "MEDELLÍN", Department: "Antioquia"})}, {Links: linksOf(Place{Code: "05", Department: "Antioquia"})}},
		Institutions: []InstitutionContext{{Entities: []SecopEntity{{Links: ContextLinks{Contracts: "/api/government/secop/contracts?nit=1"}}}}},
	}
	b.below("/openlearn")
	for _, l := range []ContextLinks{b.Places[0].Links, b.Places[1].Links, b.Institutions[0].Entities[0].Links} {
		for _, link := range []string{l.Contracts, l.Budget, l.Places} {
			if link != "" && !strings.HasPrefix(link, "/openlearn/api/government/") {
				t.Errorf("%q", link)
			}
		}
		if l.Contracts == "" || l.Budget != "" && l.Places != "" {
			t.Errorf("%+v", l)
		}
	}
}
