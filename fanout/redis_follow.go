package fanout

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Follow implements Bus.
func (r *Redis) Follow(ctx context.Context, vehicles []string) error {
	ctx, cancel := context.WithTimeout(ctx, r.timing.follow)
	defer cancel()
	r.commands.Lock()
	r.mu.Lock()
	var channels []string
	asked := make(map[string]**redis.PubSub)
	waits := make([]chan struct{}, 0, len(vehicles))
	for _, v := range vehicles {
		w := r.wanted[v]
		if w == nil {
			w = &wanted{ready: make(chan struct{})}
			r.wanted[v] = w
			if r.sharded != nil {
				asked[liveChannel+v], asked[besideName(v)] = &w.asked[0], &w.asked[1]
			} else {
				w.asked = [2]*redis.PubSub{r.pubsub, r.pubsub}
				channels = append(channels, liveChannel+v, eventChannel+v)
			}
		}
		if !w.done() {
			waits = append(waits, w.ready)
		}
	}
	ps := r.pubsub
	var err error
	if r.sharded != nil {
		err = r.sharded.follow(asked)
	} else if ps == nil {
		err = errDown
	}
	r.mu.Unlock()
	if err == nil && len(channels) > 0 {
		if err = r.subscribe(ps, channels); err != nil {
			ps.Close() // the next connection asks for all of them
		}
	}
	r.commands.Unlock()
	if err != nil {
		for _, v := range vehicles { // they are read when they are confirmed, since their clients will not have been
			r.late(v)
		}
		return err
	}
	for _, ready := range waits {
		select {
		case <-ready:
		case <-ctx.Done():
			for _, v := range vehicles {
				r.late(v)
			}
			return ctx.Err()
		}
	}
	return nil
}

// late marks a vehicle whose confirmation was not waited for.
func (r *Redis) late(vehicle string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.wanted[vehicle]; w != nil {
		if w.done() {
			r.miss(vehicle)
		}
		w.before = true
	}
}

// Unfollow implements Bus.
func (r *Redis) Unfollow(vehicles []string) {
	r.commands.Lock()
	defer r.commands.Unlock()
	r.mu.Lock()
	var channels []string
	if r.sharded != nil {
		asked := make(map[string]*redis.PubSub)
		for _, v := range vehicles {
			if w := r.wanted[v]; w != nil {
				delete(r.wanted, v)
				asked[liveChannel+v], asked[besideName(v)] = w.asked[0], w.asked[1]
			}
		}
		r.sharded.unfollow(asked)
		r.mu.Unlock()
		return
	}
	for _, v := range vehicles {
		if _, ok := r.wanted[v]; ok {
			delete(r.wanted, v)
			channels = append(channels, liveChannel+v, eventChannel+v)
		}
	}
	ps := r.pubsub
	r.mu.Unlock()
	for ps != nil && len(channels) > 0 {
		n := min(len(channels), maxSubscribe)
		if err := ps.Unsubscribe(r.ctx, channels[:n]...); err != nil {
			ps.Close()
			return
		}
		channels = channels[n:]
	}
}

// FollowAll implements Bus.
func (r *Redis) FollowAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.timing.follow)
	defer cancel()
	r.commands.Lock()
	r.mu.Lock()
	begin := !r.allOn
	if begin {
		r.allOn = true
		r.all = wanted{ready: make(chan struct{}), asked: [2]*redis.PubSub{r.pubsub, r.pubsub}}
	}
	ready, done, ps := r.all.ready, r.all.done(), r.pubsub
	var err error
	switch {
	case r.sharded != nil && begin:
		err = r.sharded.follow(r.sharded.fleetChannels())
	case r.sharded == nil && ps == nil:
		err = errDown
	}
	r.mu.Unlock()
	if err == nil && begin && r.sharded == nil {
		if err = ps.PSubscribe(r.ctx, liveChannel+"*", eventChannel+"*"); err != nil {
			ps.Close()
		}
	}
	r.commands.Unlock()
	if err == nil && !done {
		select {
		case <-ready:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		r.mu.Lock()
		if r.all.done() {
			r.miss("")
		}
		r.all.before = true
		r.mu.Unlock()
	}
	return err
}

// UnfollowAll implements Bus.
func (r *Redis) UnfollowAll() {
	r.commands.Lock()
	defer r.commands.Unlock()
	r.mu.Lock()
	r.allOn, r.scanned = false, false
	if r.sharded != nil {
		r.all.confirmed = [2]bool{}
		r.sharded.unfollow(r.sharded.leaveFleet())
		r.mu.Unlock()
		return
	}
	ps := r.pubsub
	r.mu.Unlock()
	if ps != nil {
		if err := ps.PUnsubscribe(r.ctx, liveChannel+"*", eventChannel+"*"); err != nil {
			ps.Close()
		}
	}
}
