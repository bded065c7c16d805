package main

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trackgate/trackgate/fanout"
	"github.com/trackgate/trackgate/gateway"
	"github.com/trackgate/trackgate/persistence"
	"github.com/trackgate/trackgate/protocols"
)

// unknownPolicy is what becomes of devices that the registry does not have.
func unknownPolicy(s *settings) protocols.Policy { return protocols.Policy(s.Gateway.Unknown) }

// storeSink is the store as the gateway writes to it.
type storeSink struct {
	store      persistence.Store
	rows       *prometheus.CounterVec
	duplicates prometheus.Counter
}

func newStoreSink(store persistence.Store, reg prometheus.Registerer) *storeSink {
	s := &storeSink{store: store,
		rows:       prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "trackgate", Name: "db_rows_total", Help: "Rows added to the store, by kind."}, []string{"kind"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "trackgate", Name: "duplicates_total", Help: "Records that the store had already."})}
	reg.MustRegister(s.rows, s.duplicates)
	return s
}

// Write implements gateway.Sink.
func (s *storeSink) Write(ctx context.Context, b protocols.Batch) error {
	r, err := s.store.Write(ctx, b)
	var moved *persistence.ErrOffset
	if errors.As(err, &moved) {
		return &gateway.OffsetError{Have: moved.Have}
	}
	if err != nil {
		return err
	}
	s.rows.WithLabelValues("stored").Add(float64(r.Stored))
	s.rows.WithLabelValues("quarantined").Add(float64(r.Quarantined))
	s.rows.WithLabelValues("differing").Add(float64(r.Differing))
	s.rows.WithLabelValues("dead").Add(float64(r.Dead))
	s.duplicates.Add(float64(r.Duplicates))
	return nil
}

// history is the store as the fanout tier reads it.
type history struct{ store persistence.Store }

func (h history) Known(ctx context.Context, vehicle string) (bool, error) {
	return h.store.Known(ctx, vehicle)
}

func (h history) Last(ctx context.Context, vehicles []string, visit func(*protocols.Event) error) error {
	events, err := h.store.Last(ctx, vehicles)
	return each(events, err, visit)
}

func (h history) LastAll(ctx context.Context, visit func(*protocols.Event) error) error {
	const page = 5000
	for after := ""; ; {
		events, err := h.store.LastAll(ctx, after, page)
		if err := each(events, err, visit); err != nil || len(events) < page {
			return err
		}
		after = events[len(events)-1].Vehicle
	}
}

func (h history) History(ctx context.Context, q fanout.HistoryQuery, visit func(*protocols.Event) error) (string, error) {
	events, cursor, err := h.store.History(ctx, persistence.HistoryQuery{Vehicle: q.Vehicle, From: q.From, To: q.To, Limit: q.Limit, Cursor: q.Cursor, Quarantined: q.Quarantined})
	if errors.Is(err, persistence.ErrRequest) {
		return "", fanout.ErrCursor
	}
	return cursor, each(events, err, visit)
}

func (h history) Hourly(ctx context.Context, vehicle string, from, to protocols.Millis, visit func(hour []byte) error) error {
	hours, err := h.store.Hourly(ctx, vehicle, from, to)
	if err != nil {
		return err
	}
	var b []byte
	for i := range hours {
		b = hours[i].AppendJSON(b[:0])
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

func each(events []protocols.Event, err error, visit func(*protocols.Event) error) error {
	if err != nil {
		return err
	}
	for i := range events {
		if err := visit(&events[i]); err != nil {
			return err
		}
	}
	return nil
}
