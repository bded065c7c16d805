package fanout

import (
	"context"
	"errors"
	"sync"
)

// Local is the Bus of a single process.
type Local struct {
	counters *Counters
	latest   *latest
	windows  *localWindows
	mu       sync.Mutex // serialises delivery, as Receiver asks for
	receiver Receiver
	closed   bool
}

// NewLocal makes a bus within this process. Its health counts as connected: nothing can come between.
func NewLocal(c *Counters) *Local {
	return &Local{counters: c, latest: newLatest(maxVehicles, func() { c.LastKnownDropped.Add(1) }),
		windows: newLocalWindows(DefaultWindow)}
}

// KeepWindow sets how many events of each vehicle are kept for clients that come again; 0 is none. It is called before anything is published.
func (l *Local) KeepWindow(events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows = newLocalWindows(min(events, MaxWindow))
}

// errClosed is returned by a bus after Close.
var errClosed = errors.New("fanout: bus closed")

// Publish implements Bus.
func (l *Local) Publish(_ context.Context, messages []*Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	for _, m := range messages {
		if m.Live {
			l.latest.put(m) // before the delivery: who subscribes after it reads it here
		}
		l.windows.add(m)
		if l.receiver != nil {
			l.receiver.Deliver(m)
		}
	}
	return nil
}

// LastKnown implements Bus.
func (l *Local) LastKnown(_ context.Context, vehicles []string) ([]*Message, error) {
	return l.latest.get(vehicles), nil
}

// Start implements Bus.
func (l *Local) Start(r Receiver) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.receiver != nil || l.closed {
		return errors.New("fanout: bus started twice or closed")
	}
	l.receiver = r
	return nil
}

// Follow implements Bus: everything arrives anyway.
func (l *Local) Follow(context.Context, []string) error { return nil }

// Unfollow implements Bus.
func (l *Local) Unfollow([]string) {}

// FollowAll implements Bus.
func (l *Local) FollowAll(context.Context) error { return nil }

// UnfollowAll implements Bus.
func (l *Local) UnfollowAll() {}

// Connected implements Bus.
func (l *Local) Connected() bool { return true }

// Close implements Bus.
func (l *Local) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.receiver = true, nil
	return nil
}
