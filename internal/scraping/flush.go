package scraping

import (
	"context"
	"errors"
	"fmt"
	"time"

	"openlearn/internal/scraping/extract"
	"openlearn/internal/scraping/fetch"
)

// saveTimeout bounds one call of the sink.
const saveTimeout = 30 * time.Second

// flush stores the batch. If the sink refuses it as a whole, flush stores each article by itself, so that one bad article
// does not cost the others. It goes on after the pass was cancelled: what was fetched is not thrown away.
func (p *pass) flush(ctx context.Context) {
	batch := p.batch
	p.batch = nil
	if len(batch) == 0 {
		return
	}
	err := p.save(ctx, batch...)
	if err == nil {
		return
	}
	const giveUp = 3 // this many failures in a row mean that the sink is down, not that the articles are bad
	refused := 0
	for _, r := range batch {
		if len(batch) > 1 && refused < giveUp {
			err = p.save(ctx, r)
			if err == nil {
				refused = 0
				continue
			}
			refused++
		}
		p.lost = err
		p.report.fail("store", r.article.URL, ReasonStore, err)
	}
}

func (p *pass) save(ctx context.Context, batch ...result) error {
	articles := make([]extract.Article, len(batch))
	for i, r := range batch {
		articles[i] = r.article
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	verdicts, err := p.service.cfg.Sink.Save(ctx, articles)
	if err == nil && len(verdicts) != len(batch) {
		err = fmt.Errorf("%d verdicts", len(verdicts))
	}
	if err != nil {
		return fmt.Errorf("save %d articles: %w", len(articles), err)
	}
	for i, v := range verdicts {
		switch v.Outcome {
		case Stored:
			p.report.Saved++
		case Revised:
			p.report.Revised++
		case Refused:
			p.report.fail("store", batch[i].article.URL, ReasonRefused, errors.New(v.Reason))
			continue
		default:
			p.report.Duplicates++
		}
		if batch[i].validators != (fetch.Validators{}) {
			p.service.rememberPage(batch[i].item.URL, batch[i].validators)
		}
	}
	return nil
}
