package fanout

import (
	"context"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// Store is what the fanout tier reads of the past. Events handed to a visit function are the store's; what is kept has to be copied. A visit
// that returns an error ends the reading with it.
type Store interface {
	// Known says whether anything was ever stored of a vehicle.
	Known(ctx context.Context, vehicle string) (bool, error)
	// Last visits the last known position of each of the vehicles that have one, of any age; of one that never had a live fix it may be
	// another event.
	Last(ctx context.Context, vehicles []string, visit func(*protocols.Event) error) error
	// LastAll does so for all vehicles.
	LastAll(ctx context.Context, visit func(*protocols.Event) error) error
	// History visits a vehicle's events with from <= time < to, ascending by time, at most limit of them, behind the cursor if it is not
	// empty. It returns the cursor of the next page, or none where there is no more. ErrCursor is returned for a cursor that is none.
	History(ctx context.Context, q HistoryQuery, visit func(*protocols.Event) error) (cursor string, err error)
	// Hourly visits a vehicle's hours that begin in from <= hour < to, ascending, each as a JSON object.
	Hourly(ctx context.Context, vehicle string, from, to protocols.Millis, visit func(hour []byte) error) error
}

// HistoryQuery is one page of one vehicle's history.
type HistoryQuery struct {
	Vehicle     string
	From, To    protocols.Millis // inclusive, exclusive
	Limit       int
	Cursor      string
	Quarantined bool // those with wild times instead
}

// lastKnown is the newest known position of each of the vehicles that have one: of any age from the store, of now from the bus. It does
// what it can; who asks gets less rather than nothing.
func (s *Server) lastKnown(ctx context.Context, vehicles []string) map[string]*Message {
	known := make(map[string]*Message, len(vehicles))
	keep := func(m *Message) {
		if better(m, known[m.Vehicle]) {
			known[m.Vehicle] = m
		}
	}
	if err := s.store.Last(ctx, vehicles, func(e *protocols.Event) error {
		keep(NewMessage(e))
		return nil
	}); err != nil {
		s.log.Warn("reading last known positions from the store", zap.Error(err))
	}
	live, err := s.bus.LastKnown(ctx, vehicles)
	if err != nil {
		s.log.Debug("reading last known positions from the bus", zap.Error(err))
	}
	for _, m := range live {
		keep(m)
	}
	return known
}

// eachLastKnown visits the newest known position of every vehicle until visit returns false.
func (s *Server) eachLastKnown(ctx context.Context, visit func(*Message) bool) {
	messages, err := s.bus.LastKnown(ctx, nil)
	if err != nil {
		s.log.Debug("reading last known positions from the bus", zap.Error(err))
	}
	// In order, to be searched: a map of them all, for each of hundreds of clients that come together, would be the most that the node holds.
	slices.SortFunc(messages, func(a, b *Message) int {
		switch order := strings.Compare(a.Vehicle, b.Vehicle); {
		case order != 0:
			return order
		case better(a, b):
			return -1
		case better(b, a):
			return 1
		}
		return 0
	})
	messages = slices.CompactFunc(messages, func(a, b *Message) bool { return a.Vehicle == b.Vehicle })
	told := make([]bool, len(messages))
	goOn := true
	if err := s.store.LastAll(ctx, func(e *protocols.Event) error {
		m := NewMessage(e)
		if i, ok := slices.BinarySearchFunc(messages, m.Vehicle, func(l *Message, v string) int { return strings.Compare(l.Vehicle, v) }); ok {
			told[i] = true
			if better(messages[i], m) {
				m = messages[i]
			}
		}
		if goOn = visit(m); !goOn {
			return context.Canceled
		}
		return nil
	}); err != nil && goOn {
		s.log.Warn("reading last known positions from the store", zap.Error(err))
	}
	for i, m := range messages {
		if !goOn {
			return
		}
		if !told[i] {
			goOn = visit(m)
		}
	}
}
