package fanout

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// On a cluster a message goes to the one node that has its channel's slot (SPUBLISH), and not to all of them, as PUBLISH does. Every master
// therefore has a connection of its own here, on which its slots' channels are subscribed. What third parties PUBLISH still arrives,
// by the patterns of the connection that is not sharded.

// sharded are the sharded subscriptions of a bus on a cluster. All of it is guarded by the bus's mu.
type sharded struct {
	bus     *Redis
	cluster *redis.ClusterClient
	stale   chan struct{} // a token when the cluster's layout may have changed
	lines   map[string]*line
	fleet   [fleetChannels]fleetWanted
}

// fleetWanted is one of the fleet channels.
type fleetWanted struct {
	asked     *redis.PubSub
	confirmed bool
}

// line is the connection to one master.
type line struct {
	addr    string
	client  *redis.Client
	ps      *redis.PubSub  // nil: not connected, or still asking for what is wanted
	open    *redis.PubSub  // the connection, as soon as there is one
	leaving map[string]int // channels that it was asked to leave, and has not confirmed
	gone    bool           // no master any more
}

// relayEvery is how often the cluster's layout is looked at without a reason.
const relayEvery = 10 * time.Second

func newSharded(r *Redis, c *redis.ClusterClient) *sharded {
	return &sharded{bus: r, cluster: c, stale: make(chan struct{}, 1), lines: make(map[string]*line)}
}

// run keeps a line to each master.
func (s *sharded) run() {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		if err := s.relay(); err != nil && s.bus.ctx.Err() == nil {
			s.bus.log.Debug("layout of the Redis cluster", zap.Error(err))
			s.changed()
		}
		if !s.bus.pause(100*time.Millisecond + rand.N(200*time.Millisecond)) {
			return
		}
		select {
		case <-s.bus.ctx.Done():
			return
		case <-s.stale:
		case <-tick.C:
		}
	}
}

func (s *sharded) changed() {
	select {
	case s.stale <- struct{}{}:
	default:
	}
}

// relay brings the lines into step with the cluster's layout, and asks again for channels whose slots have moved.
func (s *sharded) relay() error {
	var mu sync.Mutex
	masters := make(map[string]*redis.Client)
	ctx, cancel := context.WithTimeout(s.bus.ctx, 5*time.Second)
	defer cancel()
	if err := s.cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters[c.Options().Addr] = c
		return nil
	}); err != nil {
		return err
	}
	s.bus.mu.Lock()
	var ready []*line
	for addr, l := range s.lines {
		if masters[addr] == nil {
			l.gone = true
			delete(s.lines, addr)
			if l.open != nil {
				l.open.Close()
			}
		} else if l.ps != nil {
			ready = append(ready, l)
		}
	}
	for addr, c := range masters {
		if s.lines[addr] == nil && s.bus.ctx.Err() == nil {
			l := &line{addr: addr, client: c, leaving: make(map[string]int)}
			s.lines[addr] = l
			s.bus.wg.Go(func() { s.serve(l) })
		}
	}
	s.bus.mu.Unlock()
	for _, l := range ready {
		s.bus.commands.Lock()
		s.bus.mu.Lock()
		ps := l.ps
		s.bus.mu.Unlock()
		if ps != nil {
			if _, err := s.ask(l, ps); err != nil {
				ps.Close()
			}
		}
		s.bus.commands.Unlock()
	}
	return nil
}

// connected says whether every master's line is up; mu is held.
func (s *sharded) connected() bool {
	for _, l := range s.lines {
		if l.ps == nil {
			return false
		}
	}
	return len(s.lines) > 0
}

// serve keeps a line's connection.
func (s *sharded) serve(l *line) {
	r := s.bus
	backoff := 20 * time.Millisecond
	for {
		ps := l.client.Subscribe(r.ctx)
		r.mu.Lock()
		gone := l.gone
		l.open = ps
		r.mu.Unlock()
		if gone || r.ctx.Err() != nil {
			ps.Close()
			return
		}
		begun := time.Now()
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			s.askAll(l, ps)
		}()
		stop := s.beat(ps)
		err := s.listen(l, ps)
		stop()
		ps.Close()
		<-asked
		if s.down(l, ps) && r.ctx.Err() == nil {
			r.counters.Gaps.Add(1)
			r.log.Warn("Redis subscription lost", zap.String("node", l.addr), zap.Error(err))
		}
		s.changed()
		if time.Since(begun) > 10*time.Second {
			backoff = 20 * time.Millisecond
		}
		if !r.pause(backoff/2 + rand.N(backoff)) {
			return
		}
		backoff = min(2*backoff, r.timing.backoffMax)
	}
}

// beat asks the node for a sign of life; without one, listen ends.
func (s *sharded) beat(ps *redis.PubSub) (stop func()) {
	ctx, cancel := context.WithCancel(s.bus.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(s.bus.timing.probe)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if err := ps.Ping(ctx); err != nil {
					ps.Close()
					return
				}
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// askAll asks on a new connection until there is nothing left to ask for.
func (s *sharded) askAll(l *line, ps *redis.PubSub) {
	r := s.bus
	if err := ps.Ping(r.ctx); err != nil {
		ps.Close()
		return
	}
	for {
		n, err := s.ask(l, ps)
		if err != nil {
			ps.Close()
			return
		}
		if n > 0 {
			continue
		}
		r.mu.Lock()
		if l.open == ps && !l.gone {
			l.ps = ps
		}
		r.mu.Unlock()
		s.changed() // what was wanted in between is asked for by relay
		return
	}
}

// ask asks on a line for what is wanted of its slots and was not asked for yet. It returns how many channels that was.
func (s *sharded) ask(l *line, ps *redis.PubSub) (int, error) {
	r := s.bus
	slots := make(map[int][]string)
	n := 0
	want := func(channel string, asked **redis.PubSub) {
		if *asked == ps || s.owner(channel) != l.addr {
			return
		}
		*asked = ps
		slots[slotOf(channel)] = append(slots[slotOf(channel)], channel)
		n++
	}
	r.mu.Lock()
	for v, w := range r.wanted {
		want(liveChannel+v, &w.asked[0])
		want(besideName(v), &w.asked[1])
	}
	if r.allOn {
		for i := range s.fleet {
			want(fleetName(i), &s.fleet[i].asked)
		}
	}
	r.mu.Unlock()
	return n, s.subscribe(ps, slots)
}

// owner is the master that has a channel's slot.
func (s *sharded) owner(channel string) string {
	c, err := s.cluster.MasterForKey(s.bus.ctx, channel)
	if err != nil {
		return ""
	}
	return c.Options().Addr
}

// subscribe asks for channels by slot: one command takes those of one slot only.
func (s *sharded) subscribe(ps *redis.PubSub, slots map[int][]string) error {
	for _, channels := range slots {
		for len(channels) > 0 {
			n := min(len(channels), maxSubscribe)
			if err := ps.SSubscribe(s.bus.ctx, channels[:n]...); err != nil {
				return err
			}
			channels = channels[n:]
		}
	}
	return nil
}

// fleetChannels are the fleet's channels, and where is noted on which connection each was asked for.
func (s *sharded) fleetChannels() map[string]**redis.PubSub {
	channels := make(map[string]**redis.PubSub, fleetChannels)
	for i := range s.fleet {
		channels[fleetName(i)] = &s.fleet[i].asked
	}
	return channels
}

// leaveFleet forgets them, and returns on which connections they were asked for.
func (s *sharded) leaveFleet() map[string]*redis.PubSub {
	channels := make(map[string]*redis.PubSub, fleetChannels)
	for i := range s.fleet {
		channels[fleetName(i)] = s.fleet[i].asked
		s.fleet[i] = fleetWanted{}
	}
	return channels
}

// follow asks for the channels given, wherever their slots are. With errDown some could not be asked for yet; their lines will do it. Both
// locks are held; mu is released meanwhile.
func (s *sharded) follow(channels map[string]**redis.PubSub) error {
	asks := make(map[*redis.PubSub]map[int][]string)
	var err error
	if len(s.lines) == 0 {
		return errDown // no layout yet, and looking for it would take its time
	}
	for channel, asked := range channels {
		l := s.lines[s.owner(channel)]
		if l == nil || l.ps == nil {
			err = errDown
			continue
		}
		*asked = l.ps
		if asks[l.ps] == nil {
			asks[l.ps] = make(map[int][]string)
		}
		slot := slotOf(channel)
		asks[l.ps][slot] = append(asks[l.ps][slot], channel)
	}
	s.bus.mu.Unlock()
	defer s.bus.mu.Lock()
	for ps, slots := range asks {
		if e := s.subscribe(ps, slots); e != nil {
			ps.Close() // the next connection asks for all of them
			err = e
		}
	}
	return err
}

// unfollow leaves channels. Both locks are held; mu is released meanwhile.
func (s *sharded) unfollow(channels map[string]*redis.PubSub) {
	type leave struct {
		ps      *redis.PubSub
		channel string
	}
	var leaves []leave
	for channel, asked := range channels {
		for _, l := range s.lines {
			if l.ps != nil && l.ps == asked {
				l.leaving[channel]++
				leaves = append(leaves, leave{asked, channel})
			}
		}
	}
	s.bus.mu.Unlock()
	defer s.bus.mu.Lock()
	for _, l := range leaves {
		if err := l.ps.SUnsubscribe(s.bus.ctx, l.channel); err != nil {
			l.ps.Close()
		}
	}
}

// down forgets what was confirmed on a connection, and says whether it had been up.
func (s *sharded) down(l *line, ps *redis.PubSub) bool {
	r := s.bus
	r.mu.Lock()
	defer r.mu.Unlock()
	was := l.ps != nil
	l.ps, l.open = nil, nil
	clear(l.leaving)
	for _, w := range r.wanted {
		for which := range w.asked {
			if w.asked[which] == ps {
				w.lose(which)
			}
		}
	}
	for i := range s.fleet {
		if s.fleet[i].asked == ps {
			s.loseFleet(i)
		}
	}
	return was
}

// lose forgets that a channel was asked for.
func (w *wanted) lose(which int) {
	w.asked[which] = nil
	both := w.confirmed
	w.forget()
	w.confirmed[1-which] = both[1-which]
}

func (s *sharded) loseFleet(n int) {
	s.fleet[n] = fleetWanted{}
	s.bus.all.forget()
	s.bus.scanned = false
}

// listen hands messages over until the connection fails.
func (s *sharded) listen(l *line, ps *redis.PubSub) error {
	r := s.bus
	for {
		v, err := ps.ReceiveTimeout(r.ctx, r.timing.silence)
		if err != nil {
			return err // a MOVED too: the layout is looked at before the next attempt
		}
		switch v := v.(type) {
		case *redis.Subscription:
			s.confirm(l, v)
		case *redis.Message:
			if _, ok := fleetNumber(v.Channel); ok {
				r.messages(v.Payload)
			} else {
				r.message(v)
			}
		}
	}
}

// confirm notes that a channel's messages arrive from now on, or that they do so no longer, because its slot has gone to another node.
func (s *sharded) confirm(l *line, v *redis.Subscription) {
	r := s.bus
	r.mu.Lock()
	defer r.mu.Unlock()
	vehicle, which, isVehicle := vehicleOfChannel(v.Channel)
	n, isFleet := fleetNumber(v.Channel)
	switch {
	case v.Kind == "ssubscribe" && isVehicle:
		r.confirmVehicle(vehicle, which)
	case v.Kind == "ssubscribe" && isFleet && r.allOn:
		s.fleet[n].confirmed = true
		for i := range s.fleet {
			if !s.fleet[i].confirmed {
				return
			}
		}
		r.all.confirmed = [2]bool{true, true}
		if r.all.before {
			r.scanned = false
			r.miss("")
		}
		r.all.settle()
	case v.Kind == "sunsubscribe" && l.leaving[v.Channel] > 0:
		if l.leaving[v.Channel]--; l.leaving[v.Channel] == 0 {
			delete(l.leaving, v.Channel)
		}
	case v.Kind == "sunsubscribe":
		if w := r.wanted[vehicle]; isVehicle && w != nil {
			w.lose(which)
		} else if isFleet && r.allOn {
			s.loseFleet(n)
		}
		s.changed()
	}
}

// messages takes what came by a fleet channel.
func (r *Redis) messages(payload string) {
	var batch [][2]json.RawMessage
	if err := json.Unmarshal([]byte(payload), &batch); err != nil {
		r.counters.ReceivedBad.Add(1)
		return
	}
	for _, m := range batch {
		r.take(text(m[0]), m[1])
	}
}

// publishSharded adds to a pipeline what publishes messages on a cluster.
func publishSharded(ctx context.Context, pipe redis.Pipeliner, messages []*Message) {
	var fleet [fleetChannels][]byte
	for _, m := range messages {
		channel := m.channel()
		pipe.SPublish(ctx, channel, m.body)
		if !m.Live {
			pipe.SPublish(ctx, besideName(m.Vehicle), m.body)
		}
		n := fleetOf(m.Vehicle)
		quoted, _ := json.Marshal(channel)
		start := byte(',')
		if fleet[n] == nil {
			start = '['
		}
		fleet[n] = append(append(append(append(append(append(fleet[n], start), '['), quoted...), ','), m.body...), ']')
	}
	for n, batch := range fleet {
		if batch != nil {
			pipe.SPublish(ctx, fleetName(n), append(batch, ']'))
		}
	}
}
