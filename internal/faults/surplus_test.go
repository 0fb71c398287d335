package faults

import (
	"net/http"
	"sync"
	"time"
)

// surplus is the requests that a row makes on top of the standing load.
type surplus struct {
	once   sync.Once
	over   chan struct{}
	wg     sync.WaitGroup
	client *http.Client
}

// stop ends new requests. Some may still be in progress: wait waits for them.
func (s *surplus) stop() { s.once.Do(func() { close(s.over) }) }

func (s *surplus) wait() {
	s.wg.Wait()
	s.client.CloseIdleConnections()
}

func (s *surplus) stopped() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

func (l *load) surplus() *surplus {
	s := &surplus{over: make(chan struct{}), client: newClient("127.0.0.66", true)}
	l.more = append(l.more, s)
	return s
}

// burst starts clients that each ask again as soon as they have their answer. path makes each request.
func (l *load) burst(i, clients int, path func() string) *surplus {
	s := l.surplus()
	for range clients {
		s.wg.Go(func() {
			for !s.stopped() {
				if !l.ask(s.client, i, path()) {
					time.Sleep(20 * time.Millisecond) // refused: do not spin
				}
			}
		})
	}
	return s
}

// flood asks at a rate, without waiting for answers.
func (l *load) flood(i, rate int, path func() string) *surplus {
	s := l.surplus()
	running := make(chan struct{}, 3000)
	s.wg.Go(func() {
		began, sent := time.Now(), 0
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for !s.stopped() {
			<-tick.C
			for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
				select {
				case running <- struct{}{}:
					s.wg.Go(func() { l.ask(s.client, i, path()); <-running })
				default:
					l.skipped.Add(1)
				}
			}
		}
	})
	return s
}

func (l *load) ask(client *http.Client, i int, path string) bool {
	s := l.rec.begin(extra, i)
	req, err := http.NewRequest(http.MethodGet, l.e.instances[i].base()+path, nil)
	if err != nil {
		l.rec.wrong(err.Error())
		return false
	}
	return l.do(client, s, req) != nil
}
