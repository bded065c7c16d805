package fanout

import (
	"context"
	"sync"
	"time"
)

// interest counts the node's clients per vehicle and keeps the bus in step: it follows a vehicle when the first client comes, and
// leaves some time after the last has gone, since people reload pages.
type interest struct {
	bus   Bus
	leave time.Duration

	mu       sync.Mutex
	vehicles map[string]*followedVehicle
	all      int
	allIdle  time.Time
	allOn    bool
}

type followedVehicle struct {
	clients int
	idle    time.Time // since when nobody follows it
}

// acquire counts one more client for each of the vehicles and returns once their messages arrive; with an error they will do so later.
func (i *interest) acquire(ctx context.Context, vehicles []string) error {
	if len(vehicles) == 0 {
		return nil
	}
	i.mu.Lock()
	for _, v := range vehicles {
		f := i.vehicles[v]
		if f == nil {
			f = new(followedVehicle)
			i.vehicles[v] = f
		}
		f.clients++
	}
	i.mu.Unlock()
	return i.bus.Follow(ctx, vehicles)
}

// release undoes one acquire of each of the vehicles.
func (i *interest) release(vehicles []string) {
	now := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, v := range vehicles {
		if f := i.vehicles[v]; f != nil {
			if f.clients--; f.clients == 0 {
				f.idle = now
			}
		}
	}
}

func (i *interest) acquireAll(ctx context.Context) error {
	i.mu.Lock()
	i.all++
	i.allOn = true
	i.mu.Unlock()
	return i.bus.FollowAll(ctx)
}

func (i *interest) releaseAll() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.all--; i.all == 0 {
		i.allIdle = time.Now()
	}
}

func (i *interest) run(ctx context.Context) {
	t := time.NewTicker(max(i.leave/4, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			i.sweep(now)
		}
	}
}

// sweep leaves what nobody has followed for long enough. It holds the lock while it tells the bus, so that no client's Follow can come
// between the decision and its effect.
func (i *interest) sweep(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var gone []string
	for v, f := range i.vehicles {
		if f.clients == 0 && now.Sub(f.idle) >= i.leave {
			gone = append(gone, v)
			delete(i.vehicles, v)
		}
	}
	if len(gone) > 0 {
		i.bus.Unfollow(gone)
	}
	if i.allOn && i.all == 0 && now.Sub(i.allIdle) >= i.leave {
		i.allOn = false
		i.bus.UnfollowAll()
	}
}
