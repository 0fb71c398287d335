package outbox

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"openlearn/internal/testkit"
)

// TestAnyTableIsRecorded: text keys, and as many kinds of labels as its triggers name, are applied by the writer and by the
// relay alike.
func TestAnyTableIsRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	f.opt.Rules = Rules{"Words of a list": describe}
	f.psql(`CREATE TABLE "Words of a list" (number bigserial, word text PRIMARY KEY, level integer, "its region" text)`)
	f.psql(`SELECT record_changes_of('"Words of a list"', 'word', 'level', 'its region')`)
	for _, c := range []struct{ sql, want string }{
		{
			`INSERT INTO "Words of a list" (word, level, "its region") VALUES ('tinto', 1, 'Bogotá'), ('parche, "el"', 2, NULL)`,
			`Words of a list INSERT parche, "el"; Words of a list INSERT tinto; its region Bogotá; level 1; level 2`,
		},
		{`UPDATE "Words of a list" SET level = 3, "its region" = 'Cali' WHERE word = 'tinto'`, "Words of a list UPDATE tinto; its region Bogotá; its region Cali; level 1; level 3"},
		{`UPDATE "Words of a list" SET word = 'café' WHERE word = 'tinto'`, "Words of a list UPDATE café; Words of a list UPDATE tinto; its region Cali; level 3"},
		{`DELETE FROM "Words of a list" WHERE level = 2`, `Words of a list DELETE parche, "el"; level 2`},
		{`INSERT INTO "Words of a list" (word) SELECT 'palabra' || i FROM generate_series(1, 501) AS i`, "Words of a list INSERT"},
		{`TRUNCATE "Words of a list"`, "Words of a list TRUNCATE"},
	} {
		f.psql(c.sql)
		if got := strings.Join(f.pass(), "; "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
	pending, err := f.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO "Words of a list" (word, level) VALUES ('guayabo', 4)`).Error
	})
	if got := strings.Join(f.rec.take(), "; "); err != nil || pending || got != "Words of a list INSERT guayabo; level 4" {
		t.Errorf("a writer's own facts: %s, pending %v, %v", got, pending, err)
	}
}

// TestATableOfANewerRelease: its facts invalidate what depends on the table's name, and do not stay pending.
func TestATableOfANewerRelease(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	f.psql(`CREATE TABLE unheard (id bigint PRIMARY KEY)`)
	f.psql(`SELECT record_changes_of('unheard', 'id')`)
	f.psql(`INSERT INTO unheard VALUES (7)`)
	if got := strings.Join(f.pass(), "; "); got != "unheard" || f.waiting() != 0 {
		t.Errorf("invalidated %q, %d facts wait", got, f.waiting())
	}
}

func TestAColumnThatIsNotThereIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testkit.Database(t))
	_, err := f.db.Pool.Exec(t.Context(), `SELECT record_changes_of('scraped_content', 'id', 'newspaper')`)
	if err == nil || !strings.Contains(err.Error(), "scraped_content has no column newspaper") {
		t.Errorf("%v", err)
	}
}

func TestTwoDomainsCannotClaimOneTable(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("the second one's rule is taken for the first's")
		}
	}()
	Join(Rules{"words": describe}, Rules{"phrases": describe}, Rules{"words": describe})
}
