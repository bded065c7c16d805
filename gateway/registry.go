package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// DeviceStore keeps the registry for good. It enters unknown devices by itself when their first record is stored.
type DeviceStore interface {
	// DevicesChanged returns devices that were added or changed after the revision since, and the revision to ask with next; next == since means that
	// there was nothing.
	DevicesChanged(ctx context.Context, since uint64, limit int) (changed []protocols.Device, next uint64, err error)
	// PutDevices adds devices and replaces those of the same id.
	PutDevices(ctx context.Context, devices []protocols.Device) error
}

// Registry answers logins from memory: no query stands between a device and its acknowledgement. It follows the store's changes, so that
// what an operator does on one node is soon known on all.
type Registry struct {
	store   DeviceStore
	unknown protocols.Policy // for ids that the registry does not have
	log     *zap.Logger

	stranger protocols.Device // what all of them are: no id, no vehicle but the device's own

	revision uint64 // of the store, as far as followed; touched by Follow alone

	mu      sync.RWMutex
	entries map[string]*entry
	groups  map[string][]string // by vehicle, of those in any
}

// entry is what the gateway holds of a device in memory.
type entry struct {
	device  atomic.Pointer[protocols.Device]
	open    tenants      // the device's connections
	started atomic.Int64 // of its last session, ms: no two sessions of a device share one, since seq tells them apart by it
	newest  atomic.Int64 // newest live time of its vehicle known to this node, ms
}

// maxEntries bounds the ids held in memory. Unknown ones beyond it are served all the same, each connection by itself.
const maxEntries = 5_000_000

// NewRegistry makes a registry; unknown says what becomes of ids that it does not have.
func NewRegistry(store DeviceStore, unknown protocols.Policy, log *zap.Logger) *Registry {
	return &Registry{store: store, unknown: unknown, stranger: protocols.Device{Policy: unknown}, log: log, entries: make(map[string]*entry), groups: make(map[string][]string)}
}

// lookup returns the device's entry. An unknown id gets the policy for unknown ids. Nil means that the device is refused, for the reason given.
func (r *Registry) lookup(id string) (e *entry, reason string) {
	r.mu.RLock()
	e = r.entries[id]
	r.mu.RUnlock()
	if e != nil {
		if e.device.Load().Policy == protocols.Reject {
			return nil, "rejected"
		}
		return e, ""
	}
	if r.unknown == protocols.Reject {
		return nil, "unknown"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e = r.entries[id]; e != nil {
		return e, ""
	}
	e = new(entry)
	e.device.Store(&r.stranger)
	if len(r.entries) < maxEntries {
		r.entries[id] = e
	}
	return e, ""
}

// Device returns what is known of a device.
func (r *Registry) Device(id string) (protocols.Device, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.entries[id]; e != nil {
		d := *e.device.Load()
		if d.ID == "" {
			d.ID, d.Vehicle = id, id
		}
		return d, true
	}
	return protocols.Device{}, false
}

// Put stores devices and makes them known here at once.
func (r *Registry) Put(ctx context.Context, devices []protocols.Device) error {
	if err := r.store.PutDevices(ctx, devices); err != nil {
		return err
	}
	r.adopt(devices)
	return nil
}

func (r *Registry) adopt(devices []protocols.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range devices {
		d := devices[i]
		if d.Vehicle == "" {
			d.Vehicle = d.ID
		}
		if d.Policy == "" {
			d.Policy = protocols.Accept
		}
		e := r.entries[d.ID]
		if e == nil {
			e = new(entry)
			r.entries[d.ID] = e
		}
		if old := e.device.Swap(&d); old != nil && old.Vehicle != d.Vehicle {
			delete(r.groups, old.Vehicle)
		}
		if len(d.Groups) > 0 {
			r.groups[d.Vehicle] = d.Groups
		} else {
			delete(r.groups, d.Vehicle)
		}
	}
}

// Follow takes over what changed in the store since the last call; the first one reads all of it.
func (r *Registry) Follow(ctx context.Context) error {
	for {
		changed, next, err := r.store.DevicesChanged(ctx, r.revision, 5000)
		if err != nil {
			return err
		}
		r.adopt(changed)
		if next == r.revision {
			return nil
		}
		r.revision = next
	}
}

// Run follows the store until ctx ends.
func (r *Registry) Run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := r.Follow(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("registry not refreshed", zap.Error(err))
			}
		}
	}
}

// GroupsOf returns the groups that a vehicle is in, as far as the store has been followed. It answers from memory.
func (r *Registry) GroupsOf(vehicle string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.groups[vehicle]
}

// begin returns the start of a session of the device: now, or as little later as it takes to be unlike that of the one before.
func (e *entry) begin(now protocols.Millis) protocols.Millis {
	for {
		last := e.started.Load()
		start := max(int64(now), last+1)
		if e.started.CompareAndSwap(last, start) {
			return protocols.Millis(start)
		}
	}
}
