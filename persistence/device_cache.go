package persistence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/trackgate/trackgate/protocols"
)

// known is what the store remembers of a device between batches.
type known struct {
	id      int64
	policy  protocols.Policy
	vehicle string // that is entered in vehicle_devices for it
}

// deviceCache remembers the devices of recent batches, at most twice its size: when the young generation is full it becomes the old
// one, and what is asked for again comes back from there.
type deviceCache struct {
	mu         sync.Mutex
	size       int
	young, old map[string]known
	revision   uint64 // of the registry, up to which the policies are right
}

func newDeviceCache(size int) *deviceCache {
	return &deviceCache{size: max(size, 1), young: map[string]known{}}
}

func (c *deviceCache) get(device string) (known, bool) {
	k, found := c.young[device]
	if !found {
		if k, found = c.old[device]; found {
			c.put(device, k)
		}
	}
	return k, found
}

func (c *deviceCache) put(device string, k known) {
	if len(c.young) >= c.size {
		c.young, c.old = make(map[string]known, c.size), c.young
	}
	c.young[device] = k
}

// follow takes over policies that changed.
func (c *deviceCache) follow(changed []protocols.Device, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range changed {
		if k, found := c.get(d.ID); found {
			k.policy = d.Policy
			c.put(d.ID, k)
		}
	}
	c.revision = max(c.revision, revision)
}

// forget drops everything: too much changed.
func (c *deviceCache) forget(revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = map[string]known{}, nil
	c.revision = revision
}

// at is the registry's revision that the cache has followed.
func (c *deviceCache) at() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revision
}

// resolve gives the rows their device numbers and keeps apart those of devices in quarantine. What the cache lacks may be in fresh. It
// returns the devices that are in neither, and the pairs of vehicle and device that may be new to the database; both without
// repetition.
func (c *deviceCache) resolve(rows []row, fresh map[string]known) (missing []string, pairs []pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var asked map[string]bool
	var seen map[pair]bool
	for i := range rows {
		r := &rows[i]
		k, found := c.get(r.device)
		if !found {
			k, found = fresh[r.device]
		}
		if !found {
			if asked == nil {
				asked = map[string]bool{}
			}
			if !asked[r.device] {
				asked[r.device] = true
				missing = append(missing, r.device)
			}
			continue
		}
		r.id = k.id
		r.apart = r.event.Wild() || k.policy == protocols.Quarantine
		if k.vehicle != r.vehicle {
			if seen == nil {
				seen = map[pair]bool{}
			}
			if p := (pair{r.vehicle, r.device, k.id}); !seen[p] {
				seen[p] = true
				pairs = append(pairs, p)
			}
		}
	}
	slices.Sort(missing)
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.vehicle, b.vehicle), compare(a.id, b.id))
	})
	return missing, pairs
}

// learn takes in what the database said of devices.
func (c *deviceCache) learn(fresh map[string]known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for device, k := range fresh {
		c.put(device, k)
	}
}

// paired notes that vehicle_devices has the pairs.
func (c *deviceCache) paired(pairs []pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range pairs {
		if k, found := c.get(p.device); found {
			k.vehicle = p.vehicle
			c.put(p.device, k)
		}
	}
}

// pair says that a vehicle carried a device.
type pair struct {
	vehicle, device string
	id              int64
}

// registry is the part of a database that Write consults about devices.
type registry interface {
	Revision(ctx context.Context) (uint64, error)
	DevicesChanged(ctx context.Context, since uint64, limit int) ([]protocols.Device, uint64, error)
	// intern returns what is known of the devices (sorted), having entered those that are new.
	intern(ctx context.Context, devices []string) (map[string]known, error)
	// pair enters that vehicles carried devices.
	pair(ctx context.Context, pairs []pair) error
}

// identify resolves all rows, entering new devices into the registry. It works outside the transaction of the batch: a device without
// events is harmless, should the batch fail.
func (c *deviceCache) identify(ctx context.Context, db registry, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	now, err := db.Revision(ctx)
	if err != nil {
		return err
	}
	switch since := c.at(); {
	case since == now:
	case since == 0 || now < since: // the first batch; a database that was restored from a backup
		c.forget(now)
	default:
		changed, next, err := db.DevicesChanged(ctx, since, MaxLimit)
		if err != nil {
			return err
		}
		if len(changed) >= MaxLimit {
			c.forget(now)
		} else {
			c.follow(changed, max(next, now))
		}
	}
	fresh := map[string]known{}
	missing, pairs := c.resolve(rows, fresh)
	for len(missing) > 0 { // a second time only where a batch has more devices than the cache holds
		some, err := db.intern(ctx, missing)
		if err != nil {
			return err
		}
		if len(some) < len(missing) {
			return fmt.Errorf("%d devices vanished from the registry", len(missing)-len(some))
		}
		maps.Copy(fresh, some)
		c.learn(some)
		missing, pairs = c.resolve(rows, fresh)
	}
	if len(pairs) > 0 {
		if err := db.pair(ctx, pairs); err != nil {
			return err
		}
		c.paired(pairs)
	}
	return nil
}
