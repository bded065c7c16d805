package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// Run serves until ctx ends, then drains: it stops taking, answers what is journaled, and lets the sinks take what they can within the time
// that a stop may take. It returns an error when the listeners can not be opened or end by themselves.
func (g *Gateway) Run(ctx context.Context) error {
	cursor, err := journal.OpenCursor(g.data, "live")
	if err != nil {
		return err
	}
	if err := g.openListeners(); err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make(chan error, 8)
	stage := func() (context.Context, context.CancelFunc) { return context.WithCancel(context.WithoutCancel(ctx)) }
	start := func(run func() error) {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := run(); err != nil {
				failed <- err
			}
		}()
	}
	committing, stopCommitting := stage()
	defer stopCommitting()
	sinking, stopSinking := stage()
	defer stopSinking()
	keeping, stopKeeping := stage()
	defer stopKeeping()

	start(func() error { g.core.refusals.run(keeping); return nil })
	start(func() error { g.core.registry.Run(keeping, g.core.cfg.RegistryRefresh); return nil })
	var committer sync.WaitGroup
	committer.Add(1)
	start(func() error { defer committer.Done(); g.core.committer.run(committing); return nil })
	g.tape = newTape(g.journal, g.core.cfg.StoreBatch, 2, g.byName())
	start(func() error { return g.runStore(sinking) })
	start(func() error { return g.livePipe(cursor).run(sinking, g.liveStart(cursor)) })
	addrs := g.tcpAddrs()
	var tcp sync.WaitGroup
	tcp.Add(1)
	start(func() error { defer tcp.Done(); return g.tcp.Load().run(addrs) })
	for _, u := range g.udp {
		start(u.run)
	}
	if g.tls != nil {
		start(g.tls.run)
	}
	select {
	case <-g.tcp.Load().booted:
		g.running.Store(true)
	case <-time.After(5 * time.Second):
	}

	var first error
	select {
	case <-ctx.Done():
	case first = <-failed:
	}
	g.running.Store(false)
	g.log.Info("draining")
	budget, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.core.cfg.Drain)
	defer cancel()
	g.tcp.Load().draining.Store(true)
	for _, u := range g.udp {
		u.draining.Store(true)
	}
	if g.tls != nil {
		g.tls.draining.Store(true)
	}
	g.settle(budget)
	stopCommitting()
	committer.Wait()
	stopping, cancelStopping := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancelStopping()
	if err := g.tcp.Load().stop(stopping); err != nil {
		g.log.Warn("event loops did not stop in time", zap.Error(err))
	}
	for _, u := range g.udp {
		u.stop()
	}
	if g.tls != nil {
		g.tls.stop()
	}
	tcp.Wait()
	g.catchUp(budget)
	stopSinking()
	stopKeeping()
	all.Wait()
	g.tape.close()
	return first
}

// settle waits until nothing that was read waits for the disk or its answer, unless the disk takes nothing: then the devices keep it.
func (g *Gateway) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.core.cfg.Drain/2)
	defer cancel()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for !g.core.committer.idle() && g.core.committer.trouble.Load() == nil {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// catchUp gives the store a moment to take what is journaled; what it can not take now it takes at the next start.
func (g *Gateway) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.core.cfg.Drain/3)
	defer cancel()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for g.Lag() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// runStore feeds the store from where it stands. A store that is away at the start delays nothing else.
func (g *Gateway) runStore(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		from, err := g.storeOffset(ctx)
		if err == nil {
			return g.storePipe().run(ctx, from)
		}
		if ctx.Err() != nil {
			return nil
		}
		g.core.m.sinkErrors.WithLabelValues("store").Inc()
		g.log.Warn("store is not there yet; devices are served meanwhile", zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// storeOffset finds where the store goes on. An offset beyond the journal's end belongs to a folder that was copied or restored: such a
// journal takes a new identity and is read from its start, and the store's unique key absorbs what it has already.
func (g *Gateway) storeOffset(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	at, found, err := g.offset(ctx, g.journal.ID())
	if err != nil {
		return 0, fmt.Errorf("store: where it stands: %w", err)
	}
	first, next := g.journal.First(), g.journal.Next()
	switch {
	case !found:
		return first, nil
	case at > next:
		g.log.Error("the store is ahead of this journal: the folder was copied or restored; it takes a new identity and is stored again from its start",
			zap.Uint64("store", at), zap.Uint64("journal", next))
		return first, g.journal.NewIdentity()
	case at < first:
		g.log.Error("journal records are missing that the store never took", zap.Uint64("from", at), zap.Uint64("to", first))
	}
	g.storeAt.Store(at)
	return at, nil
}

func (g *Gateway) liveStart(c *journal.Cursor) uint64 {
	at := min(max(c.Load(), g.journal.First()), g.journal.Next())
	g.liveAt.Store(at)
	return at
}

func (g *Gateway) byName() map[string]*protocols.Protocol {
	m := make(map[string]*protocols.Protocol)
	for _, p := range g.core.protocols {
		m[p.Name] = p
	}
	return m
}

func (g *Gateway) storePipe() *pipe {
	return &pipe{name: "store", sink: g.store, journal: g.journal, rows: g.core.cfg.StoreBatch, delay: g.core.cfg.StoreDelay, timeout: time.Minute,
		shared: g.tape, m: g.core.m, log: g.log, taken: g.stored}
}

// stored is told what the store has: the journal may forget it, and replies that waited for it go out.
func (g *Gateway) stored(upTo uint64) {
	g.storeAt.Store(upTo)
	g.journal.Release(upTo)
	ready, eased := g.core.committer.parked.release(upTo)
	for _, p := range ready {
		g.tcp.Load().deliver(p)
	}
	if eased {
		g.resume()
	}
}

func (g *Gateway) livePipe(cursor *journal.Cursor) *pipe {
	var saved time.Time
	return &pipe{name: "live", sink: g.live, journal: g.journal, rows: 1000, timeout: 10 * time.Second,
		shared: g.tape, m: g.core.m, log: g.log, taken: func(upTo uint64) {
			g.liveAt.Store(upTo)
			if time.Since(saved) < time.Second {
				return // after a restart at most a second of live events comes twice
			}
			saved = time.Now()
			if err := cursor.Save(upTo); err != nil {
				g.log.Warn("live cursor not saved", zap.Error(err))
			}
		}}
}

// deliver sends the replies of a committed group, or lets them wait for the store.
func (g *Gateway) deliver(gr *group) {
	bytes := 0
	for i := range gr.acks {
		bytes += gr.acks[i].bytes
	}
	if g.core.budget.commit(int64(bytes)) {
		defer g.resume()
	}
	if g.core.cfg.Ack != "stored" {
		g.tcp.Load().deliver(gr)
		return
	}
	gr.parts.Store(1)
	ready := g.core.committer.parked.park(gr)
	gr.done()
	if ready != nil {
		g.tcp.Load().deliver(ready)
	}
}

func (g *Gateway) resume() { g.tcp.Load().resume() }
