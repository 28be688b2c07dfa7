package mesh

import (
	"context"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Subscribe listens to all services that o names, and gives what they send until ctx ends or the loop is left. The messages of
// one service come in the order of their numbers, each once, where it numbers them; a [*Gap] as the error stands for those
// that nobody could give, and the iteration goes on behind it. Where a service has no replay server, what comes late is given
// late. Any other error is the last value. When ctx ends the iteration just ends. Nothing is verified.
//
// A consumer that is slow makes the publishers wait, and they forget what is too much for them: what is numbered is asked for
// again then, if o.Replay is set.
func Subscribe(ctx context.Context, o SubscribeOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		o, err := o.filled()
		if err != nil {
			yield(Message{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		m := newCrowd(&o)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { m.run(ctx) })
		for {
			select {
			case items := <-m.out:
				for _, it := range items {
					var err error
					if it.gap != nil {
						err = it.gap
					}
					if !yield(it.message, err) {
						return
					}
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// crowd is all the services that are listened to. It belongs to one goroutine, that of run.
type crowd struct {
	o     *SubscribeOptions
	since time.Time
	seed  maphash.Seed
	out   chan []item
	wg    sync.WaitGroup

	finds    chan found
	finished chan *listener
	sources  [][]keyed
	running  map[string]*listener
	asleep   map[string]*tracker // of services that are gone, for when they come back
	full     bool                // there were too many services, and that was told
}

// newCrowd prepares; o has its defaults.
func newCrowd(o *SubscribeOptions) *crowd {
	m := &crowd{
		o: o, since: time.Now(), seed: maphash.MakeSeed(), out: make(chan []item, 8),
		finds: make(chan found), finished: make(chan *listener),
		sources: make([][]keyed, 2+len(o.Domains)), running: make(map[string]*listener), asleep: make(map[string]*tracker),
	}
	report, mu := o.Report, new(sync.Mutex)
	o.Report = func(e Event) {
		if report != nil {
			mu.Lock()
			defer mu.Unlock()
			report(e)
		}
	}
	return m
}

// run finds services and listens to them until ctx ends.
func (m *crowd) run(ctx context.Context) {
	defer m.wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.sources[0] = keyedByName(m.o.Services)
	m.look(ctx)
	m.apply(ctx)
	for {
		select {
		case f := <-m.finds:
			m.sources[f.source] = f.services
			m.apply(ctx)
		case s := <-m.finished:
			delete(m.running, s.key)
			m.sleep(s)
			m.apply(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look starts to look for services.
func (m *crowd) look(ctx context.Context) {
	tell := func(source int) func([]keyed) {
		return func(services []keyed) {
			select {
			case m.finds <- found{source, services}:
			case <-ctx.Done():
			}
		}
	}
	if m.o.File != "" {
		m.wg.Go(func() { watchFile(ctx, m.o.File, m.o.Poll, m.o.Report, tell(1)) })
	}
	r := newResolver(m.o.Resolver)
	for i, domain := range m.o.Domains {
		m.wg.Go(func() { watchDomain(ctx, r, domain, m.o.Poll, m.o.Report, tell(2+i)) })
	}
}

// apply starts listeners for new services, and tells the others what changed.
func (m *crowd) apply(ctx context.Context) {
	all := union(m.sources)
	for key, s := range m.running {
		now := all[key] // without a name where it is gone
		select {
		case <-s.updates: // it has not heard of the last change yet, and need not
		default:
		}
		s.updates <- now
	}
	for key, now := range all {
		if m.running[key] != nil {
			continue
		}
		if len(m.running) >= m.o.MaxServices {
			if !m.full {
				m.full = true
				m.o.Report(Event{Kind: SourceFault, Service: now.Name, Err: fedmsg.Errorf(fedmsg.CodeBusy,
					"there are more than %d services; %s and others are not listened to", m.o.MaxServices, now.Name)})
			}
			continue
		}
		m.listen(ctx, key, now)
	}
}

// listen starts a listener.
func (m *crowd) listen(ctx context.Context, key string, now Service) {
	t := m.asleep[key]
	delete(m.asleep, key)
	if t == nil {
		t = newTracker(key, now.Name, m.o)
	}
	s := newListener(key, m.o, m.since, m.seed, m.out, t)
	s.updates <- now
	m.running[key] = s
	m.wg.Go(func() {
		s.run(ctx)
		select {
		case m.finished <- s:
		case <-ctx.Done():
		}
	})
}

// sleep remembers how far a service was that is gone.
func (m *crowd) sleep(s *listener) {
	for key := range m.asleep { // any one, where there are too many
		if len(m.asleep) < m.o.MaxServices {
			break
		}
		delete(m.asleep, key)
	}
	m.asleep[s.key] = s.tracker
}
