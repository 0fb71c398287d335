package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

// streamDeadline bounds each write to a stream: a reader that takes nothing for that long is gone.
const streamDeadline = 10 * time.Second

// events is a stream of server-sent events (HTML Living Standard, 9.2):
//
//	figures  {"at": time, "sections": {id: HTML}}: the live sections that changed since the last; each time, as a heartbeat
//	points   [{"at": seconds, "layers": {name: [hit ratio, p95 of hits]}}]: for the charts, first an hour of them
//	ended    the session is over
//
// One goroutine, this one, owns a stream; it ends with the request, the session, or the service.
func (c *Console) events(w http.ResponseWriter, r *http.Request, op operator) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "Too many consoles are open.", http.StatusServiceUnavailable)
		return
	}
	ctx := r.Context()
	life := c.opt.Lifetime
	var ended <-chan struct{}
	if op.session != nil {
		ended, life = op.session.ended, op.session.expires.Sub(c.opt.Now())
	}
	expiry := time.NewTimer(life)
	defer expiry.Stop()
	s, err := newStream(w)
	if err != nil {
		c.opt.Logger.Error("console stream cannot begin", "error", err)
		http.Error(w, "No stream can be sent on this connection.", http.StatusInternalServerError)
		return
	}
	tick := time.NewTicker(c.opt.Refresh)
	defer tick.Stop()
	for seen := (memory{}); ; {
		if err := c.tell(ctx, s, &seen); err != nil {
			c.opt.Logger.Debug("console stream ended", "error", err) // mostly because the reader left
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-c.stopping.Done():
			return
		case <-ended:
			_ = s.send("ended", struct{}{}) // the stream ends either way
			return
		case <-expiry.C:
			if op.session != nil {
				c.sessions.drops(op.session)
			}
			_ = s.send("ended", struct{}{})
			return
		case <-tick.C:
			if op.account && revoked(ctx) || op.session != nil && c.sessions.open(ctx, c.tokenOf(r)) == nil {
				_ = s.send("ended", struct{}{})
				return
			}
		}
	}
}

// revoked reports whether an account may not use the console any more. If that cannot be found out, it goes on.
func revoked(ctx context.Context) bool {
	who, err := httpapi.WhoNow(ctx)
	return errors.Is(err, httpapi.ErrUnidentified) || err == nil && !who.IsAdmin()
}

// memory is what a stream has already sent.
type memory struct {
	sections map[string]string
	until    time.Time // the newest point
}

type figuresEvent struct {
	At       time.Time         `json:"at"`
	Sections map[string]string `json:"sections"`
}

type pointEvent struct {
	At     float64                `json:"at"`
	Layers map[string][2]*float64 `json:"layers"`
}

func (c *Console) tell(ctx context.Context, s *stream, seen *memory) error {
	now, err := c.feed.get(ctx, c.opt.Now, c.opt.Refresh/2, c.snapshot)
	if err != nil {
		return err
	}
	if points := c.opt.Admin.Points(seen.until); len(points) > 0 {
		if err := s.send("points", pointEvents(points)); err != nil {
			return err
		}
		seen.until = points[len(points)-1].At
	}
	out := figuresEvent{now.at, map[string]string{}}
	for id, html := range now.sections {
		if seen.sections[id] != html {
			out.Sections[id] = html
		}
	}
	seen.sections = now.sections
	return s.send("figures", out)
}

func pointEvents(points []admin.Point) []pointEvent {
	out := make([]pointEvent, 0, len(points))
	for _, p := range points {
		e := pointEvent{At: float64(p.At.UnixMilli()) / 1000, Layers: map[string][2]*float64{}}
		for name, l := range p.Layers {
			e.Layers[name] = [2]*float64{l.HitRatio, l.HitP95}
		}
		out = append(out, e)
	}
	return out
}

// snapshot holds the rendered live sections at one moment.
type snapshot struct {
	at       time.Time
	sections map[string]string
}

// feed shares one snapshot among all streams, so that many readers cost no more than one.
type feed struct {
	mu   sync.Mutex
	last snapshot
}

func (f *feed) get(ctx context.Context, now func() time.Time, fresh time.Duration, make func(context.Context) (snapshot, error)) (snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last.sections != nil && now().Sub(f.last.at) < fresh {
		return f.last, nil
	}
	s, err := make(ctx)
	if err == nil {
		f.last = s
	}
	return s, err
}

// snapshotTimeout bounds what is asked of Redis and PostgreSQL for one.
const snapshotTimeout = 5 * time.Second

func (c *Console) snapshot(ctx context.Context) (snapshot, error) {
	// The reader that started it may leave meanwhile, and the others still want it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), snapshotTimeout)
	defer cancel()
	v, err := c.figures(ctx)
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{at: c.opt.Now(), sections: map[string]string{}}
	for _, name := range liveSections {
		var b bytes.Buffer
		if err := c.pages.ExecuteTemplate(&b, name, v); err != nil {
			return snapshot{}, fmt.Errorf("console section %s: %w", name, err)
		}
		s.sections[name] = b.String()
	}
	return s, nil
}

// stream writes events.
type stream struct {
	w  io.Writer
	rc *http.ResponseController
}

func newStream(w http.ResponseWriter) (*stream, error) {
	s := &stream{w, http.NewResponseController(w)}
	// The server's read deadline is for requests; when it passes, the request's context would end.
	if err := s.rc.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("read deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	return s, nil
}

func (s *stream) send(event string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("event %s: %w", event, err)
	}
	if err := s.rc.SetWriteDeadline(time.Now().Add(streamDeadline)); err != nil {
		return fmt.Errorf("write deadline: %w", err)
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return fmt.Errorf("event %s: %w", event, err)
	}
	if err := s.rc.Flush(); err != nil {
		return fmt.Errorf("event %s: %w", event, err)
	}
	return nil
}
