package analysis

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of the engine and of the articles waiting for it.
type Metrics struct {
	texts    *prometheus.CounterVec
	words    prometheus.Counter
	busy     prometheus.Counter
	nanos    atomic.Int64 // spent on analysing articles
	duration *prometheus.HistogramVec
	failed   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Store) *Metrics {
	m := &Metrics{
		texts:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nlp_texts_total", Help: "Texts that the NLP engine analysed, by who asked: a request, or the archive for an article."}, []string{"for"}),
		words:  prometheus.NewCounter(prometheus.CounterOpts{Name: "nlp_words_total", Help: "Words of the texts that the NLP engine analysed."}),
		busy:   prometheus.NewCounter(prometheus.CounterOpts{Name: "nlp_engine_seconds_total", Help: "Time that the NLP engine took, on one processor."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "nlp_failures_total", Help: "Articles whose analysis failed."}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nlp_part_duration_seconds", Help: "Time that each part of an analysis took.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"part"}),
	}
	for _, who := range []string{forRequest, forArticle} {
		m.texts.WithLabelValues(who)
	}
	for _, p := range AllParts {
		m.duration.WithLabelValues(string(p))
	}
	if reg != nil {
		reg.MustRegister(m.texts, m.words, m.busy, m.failed, m.duration, &backlogFigures{store: s})
	}
	return m
}

const (
	forRequest = "request"
	forArticle = "article"
)

func (m *Metrics) text(words int) {
	m.texts.WithLabelValues(forRequest).Inc()
	m.words.Add(float64(words))
}

func (m *Metrics) article(took time.Duration, words int) {
	m.texts.WithLabelValues(forArticle).Inc()
	m.words.Add(float64(words))
	m.busy.Add(took.Seconds())
	m.nanos.Add(int64(took))
}

func (m *Metrics) stage(name string, took time.Duration) {
	m.duration.WithLabelValues(name).Observe(took.Seconds())
}

// backlogFigures says how many articles wait to be analysed. It queries the database, once for several scrapes.
type backlogFigures struct {
	store *Store

	mu     sync.Mutex
	asked  time.Time
	known  bool
	n      int64
	oldest time.Duration
}

const (
	backlogAge     = 5 * time.Second
	backlogTimeout = time.Second
)

var (
	pendingDesc = prometheus.NewDesc("nlp_pending_articles", "Articles that wait to be analysed.", nil, nil)
	oldestDesc  = prometheus.NewDesc("nlp_pending_oldest_seconds", "How long the longest waiting new or changed article has waited to be analysed.", nil, nil)
)

// Describe names the series.
func (*backlogFigures) Describe(ch chan<- *prometheus.Desc) {
	ch <- pendingDesc
	ch <- oldestDesc
}

// Collect reports the database's last answer. While the database does not answer it reports nothing.
func (f *backlogFigures) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) >= backlogAge {
		f.asked = time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
		defer cancel()
		n, oldest, err := f.store.Backlog(ctx)
		f.known, f.n, f.oldest = err == nil, n, oldest
	}
	if f.known {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(f.n))
		ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, f.oldest.Seconds())
	}
}
