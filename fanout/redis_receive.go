package fanout

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

var errDown = errors.New("fanout: Redis is not connected")

// maxSubscribe is the most channels in one command.
const maxSubscribe = 1000

// Start implements Bus.
func (r *Redis) Start(receiver Receiver) error {
	if r.ctx.Err() != nil {
		return errClosed
	}
	if r.receiver != nil {
		return errors.New("fanout: bus started twice")
	}
	r.receiver = receiver
	r.wg.Go(r.receive)
	if r.sharded != nil {
		r.wg.Go(r.sharded.run)
	}
	r.wg.Go(r.catchUp)
	r.wg.Go(r.sendProbes)
	return nil
}

// receive keeps a connection of its own for as long as the bus is open. It uses Receive and not Channel, which holds a hundred messages and
// drops what is beyond without a word.
func (r *Redis) receive() {
	backoff := 20 * time.Millisecond
	for r.ctx.Err() == nil {
		ps := r.client.Subscribe(r.ctx)
		begun := time.Now()
		asked := make(chan struct{})
		go func() { // beside the receiving: Redis answers while it is asked
			defer close(asked)
			r.subscribeAll(ps)
		}()
		err := r.listen(ps)
		ps.Close()
		<-asked
		was := r.disconnected()
		if r.ctx.Err() != nil {
			return
		}
		if was {
			r.counters.Gaps.Add(1)
			r.log.Warn("Redis subscription lost", zap.Error(err))
		}
		if time.Since(begun) > 10*time.Second {
			backoff = 20 * time.Millisecond
		}
		r.pause(backoff/2 + rand.N(backoff))
		backoff = min(2*backoff, r.timing.backoffMax)
	}
}

// pause waits; false if the bus was closed meanwhile.
func (r *Redis) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// disconnected forgets what was confirmed, and says whether anything was.
func (r *Redis) disconnected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.up
	r.up, r.pubsub = false, nil
	if r.sharded != nil {
		return was // what is followed is on other connections
	}
	r.scanned = false
	for _, w := range r.wanted {
		w.forget()
	}
	r.all.forget()
	return was
}

// subscribeAll asks on a new connection for everything that is followed. Only when there is nothing left to ask for may others use the
// connection; until then they add to what is wanted, and go on without.
func (r *Redis) subscribeAll(ps *redis.PubSub) {
	channels := []string{r.probe}
	patterns := false
	for {
		r.mu.Lock()
		var all bool
		if r.sharded != nil {
			all, patterns = !patterns, true // for what third parties publish
		} else {
			for v, w := range r.wanted {
				if w.asked[0] != ps {
					w.asked = [2]*redis.PubSub{ps, ps}
					channels = append(channels, liveChannel+v, eventChannel+v)
				}
			}
			if all = r.allOn && r.all.asked[0] != ps; all {
				r.all.asked[0] = ps
			}
		}
		if len(channels) == 0 && !all {
			r.pubsub = ps
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		if err := r.subscribe(ps, channels); err != nil {
			ps.Close()
			return
		}
		channels = channels[:0]
		if all {
			if err := ps.PSubscribe(r.ctx, liveChannel+"*", eventChannel+"*"); err != nil {
				ps.Close()
				return
			}
		}
	}
}

// forget makes a confirmation a thing of the past.
func (w *wanted) forget() {
	w.confirmed = [2]bool{}
	if w.before && w.gap == nil {
		w.gap = &gap{from: w.last}
	}
	select {
	case <-w.ready:
		w.ready = make(chan struct{})
	default:
	}
}

func (r *Redis) subscribe(ps *redis.PubSub, channels []string) error {
	for len(channels) > 0 {
		n := min(len(channels), maxSubscribe)
		if err := ps.Subscribe(r.ctx, channels[:n]...); err != nil {
			return err
		}
		channels = channels[n:]
	}
	return nil
}

// listen hands messages over until the connection fails.
func (r *Redis) listen(ps *redis.PubSub) error {
	for {
		v, err := ps.Receive(r.ctx)
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case *redis.Subscription:
			r.confirm(v)
		case *redis.Message:
			r.message(v)
		}
	}
}

// confirm notes that a channel's messages arrive from now on. One that was confirmed before has had a gap.
func (r *Redis) confirm(s *redis.Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s.Kind {
	case "subscribe":
		if s.Channel == r.probe {
			r.up, r.probed = true, time.Now()
			return
		}
		if vehicle, which, ok := vehicleOfChannel(s.Channel); ok {
			r.confirmVehicle(vehicle, which)
		}
	case "psubscribe":
		_, which, ok := vehicleOfChannel(s.Channel)
		if !ok || !r.allOn || r.sharded != nil {
			return
		}
		again := r.all.confirmed[which]
		r.all.confirmed[which] = true
		if again || r.all.done() {
			if r.all.before {
				r.scanned = false
				r.miss("")
			}
			r.all.settle()
		}
	case "punsubscribe":
		if _, which, ok := vehicleOfChannel(s.Channel); ok {
			r.all.confirmed[which] = false
			r.scanned = false
		}
	}
}

// confirmVehicle does so for one of a vehicle's channels.
func (r *Redis) confirmVehicle(vehicle string, which int) {
	w := r.wanted[vehicle]
	if w == nil {
		return // left in the meantime
	}
	again := w.confirmed[which]
	w.confirmed[which] = true
	if again || w.done() {
		if w.before {
			r.miss(vehicle)
		}
		w.settle()
	}
}

func (w *wanted) settle() {
	w.before = true
	select {
	case <-w.ready:
	default:
		close(w.ready)
	}
}

// miss has the newest of a vehicle read, and the clients told; "" is all vehicles.
func (r *Redis) miss(vehicle string) {
	r.missed[vehicle] = struct{}{}
	select {
	case r.missedOf <- struct{}{}:
	default:
	}
}

func (r *Redis) message(m *redis.Message) {
	if m.Channel == r.probe {
		now := time.Now()
		r.counters.ProbeAt.Store(now.UnixMilli())
		r.mu.Lock()
		r.probed = now
		r.mu.Unlock()
		return
	}
	_, which, ok := vehicleOfChannel(m.Channel)
	if !ok {
		return
	}
	// On a cluster the two ways are not in step; there the shards know a repetition by its seq, and drop it.
	if m.Pattern == "" && r.sharded == nil {
		r.mu.Lock()
		twice := r.all.confirmed[which] // it comes by the pattern too
		r.mu.Unlock()
		if twice {
			return
		}
	}
	r.take(m.Channel, []byte(m.Payload))
}

// take delivers what was published on a channel.
func (r *Redis) take(channel string, payload []byte) {
	vehicle, which, ok := vehicleOfChannel(channel)
	if !ok {
		return
	}
	msg, err := parseMessage(vehicle, which == 0, payload, time.Now())
	if err != nil {
		r.counters.ReceivedBad.Add(1)
		return
	}
	r.counters.Received.Add(1)
	if !r.hold(msg) {
		r.deliver(msg)
	}
}

func (r *Redis) deliver(m *Message) {
	if m.Live {
		r.seen.put(m)
	}
	r.delivery.Lock()
	defer r.delivery.Unlock()
	r.receiver.Deliver(m)
}

// catchUp reads the newest of what may have been missed: first the subscription, then the reading. It also reads everything that is
// followed from time to time, whatever happened.
func (r *Redis) catchUp() {
	backstop := time.NewTicker(r.timing.backstop)
	defer backstop.Stop()
	for {
		tell := true
		select {
		case <-r.ctx.Done():
			return
		case <-r.missedOf:
		case <-backstop.C:
			tell = false
		}
		r.mu.Lock()
		var vehicles []string
		_, all := r.missed[""]
		if tell {
			for v := range r.missed {
				if v != "" {
					vehicles = append(vehicles, v)
				}
			}
			clear(r.missed)
		} else {
			all = false
			for v, w := range r.wanted {
				if w.gap == nil {
					vehicles = append(vehicles, v)
				}
			}
		}
		r.mu.Unlock()
		filled := 0
		if tell {
			before := len(vehicles)
			vehicles = r.fill(vehicles)
			filled = before - len(vehicles)
		}
		if all || tell && len(vehicles) > 0 {
			r.delivery.Lock()
			if all {
				r.receiver.Gap(nil)
			} else {
				r.receiver.Gap(vehicles)
			}
			r.delivery.Unlock()
			r.counters.GapsTold.Add(uint64(len(vehicles)))
		}
		r.counters.GapsFilled.Add(uint64(filled))
		var messages []*Message
		var err error
		if len(vehicles) > 0 {
			messages, err = r.LastKnown(r.ctx, vehicles)
		}
		if all && err == nil {
			messages, err = r.LastKnown(r.ctx, nil)
		}
		if !tell && len(messages) > 0 && !r.pause(time.Second) {
			return // what was read may be on its way here; by now it has come, and is not taken for news
		}
		for _, m := range messages {
			r.deliver(m)
		}
		if tell && err == nil {
			for _, v := range vehicles {
				r.release(v, nil)
			}
		}
		if err != nil && tell && r.ctx.Err() == nil {
			r.again(vehicles, all)
		}
	}
}

// again puts vehicles that could not be read back, for a little later.
func (r *Redis) again(vehicles []string, all bool) {
	r.wg.Go(func() {
		if !r.pause(r.timing.backoffMax) {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, v := range vehicles {
			r.miss(v)
		}
		if all {
			r.miss("")
		}
	})
}

// sendProbes sends messages to this node through Redis. A subscription can be alive as a connection and deliver nothing, after a fail-over
// for one; then it is closed, which ends listen.
func (r *Redis) sendProbes() {
	t := time.NewTicker(r.timing.probe)
	defer t.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(r.ctx, r.timing.probe)
		err := r.client.Publish(ctx, r.probe, "").Err()
		cancel()
		r.mu.Lock()
		if r.up && time.Since(r.probed) >= r.timing.silence && r.pubsub != nil {
			r.log.Warn("Redis delivers nothing", zap.Error(err))
			r.pubsub.Close()
		}
		r.mu.Unlock()
	}
}
