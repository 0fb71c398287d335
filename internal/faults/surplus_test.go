package faults

import (
	"net/http"
	"sync"
	"time"
)

// surplus is what a row asks on top of the standing load.
type surplus struct {
	once   sync.Once
	over   chan struct{}
	wg     sync.WaitGroup
	client *http.Client
}

// stop ends the asking. What was asked may still be under way: wait is for that.
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

// burst are clients that ask, each as soon as it has its answer. path makes each request.
func (l *load) burst(i, clients int, path func() string) *surplus {
	s := l.surplus()
	for range clients {
		s.wg.Go(func() {
			for !s.stopped() {
				if !l.ask(s.client, i, path()) {
					time.Sleep(20 * time.Millisecond) // refused: not to spin
				}
			}
		})
	}
	return s
}

// flood asks at a rate, whatever becomes of it.
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
