package scraping

import (
	"context"
	"fmt"
	"time"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
)

// saveTimeout bounds one call of the sink.
const saveTimeout = 30 * time.Second

// flush stores the batch, and where the sink refuses it as a whole, each article by itself, so that one that cannot be
// stored costs only itself. It works on after the pass was cancelled: what was fetched is not thrown away.
func (p *pass) flush(ctx context.Context) {
	batch := p.batch
	p.batch = nil
	if len(batch) == 0 {
		return
	}
	articles := make([]extract.Article, len(batch))
	for i, r := range batch {
		articles[i] = r.article
	}
	err := p.save(ctx, articles)
	if err == nil {
		p.stored(batch...)
		return
	}
	const giveUp = 3 // as many refusals in a row mean the sink is away, not the articles bad
	refused := 0
	for _, r := range batch {
		if len(batch) > 1 && refused < giveUp {
			err = p.save(ctx, []extract.Article{r.article})
			if err == nil {
				refused = 0
				p.stored(r)
				continue
			}
			refused++
		}
		p.lost = err
		p.report.fail("store", r.article.URL, fetch.ReasonStore, err)
	}
}

func (p *pass) save(ctx context.Context, articles []extract.Article) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	saved, duplicates, err := p.service.cfg.Sink.Save(ctx, articles)
	if err != nil {
		return fmt.Errorf("save %d articles: %w", len(articles), err)
	}
	p.report.Saved += saved
	p.report.Duplicates += duplicates
	return nil
}

func (p *pass) stored(batch ...result) {
	for _, r := range batch {
		if r.validators != (fetch.Validators{}) {
			p.service.rememberPage(r.item.URL, r.validators)
		}
	}
}
