package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// windowKey stands before a vehicle in the name of the stream that is its window. An entry has one field, named for the channel that the
// event was published on; a hole has none of them.
const windowKey = "tracking:recent:"

const (
	windowLive  = "v"
	windowEvent = "e"
	windowHole  = "x"
)

// windowFor is how long a vehicle that says nothing keeps its window.
const windowFor = 24 * time.Hour

// windowTail is how many events are read first: most clients come again at once.
const windowTail = 8

// KeepWindow sets about how many events of each vehicle are kept for clients that come again; 0 is none. It is called before anything is published.
func (r *Redis) KeepWindow(events int) { r.window = min(events, MaxWindow) }

// record puts a message into its vehicle's window. A stream costs Redis less than a list that is trimmed, since it forgets a node of many
// entries at a time.
func (r *Redis) record(ctx context.Context, pipe redis.Pipeliner, m *Message) *redis.StringCmd {
	field, body := windowEvent, m.body
	if m.Live {
		field = windowLive
	}
	if len(body) > maxWindowEvent {
		field, body = windowHole, nil
	}
	return pipe.XAdd(ctx, &redis.XAddArgs{Stream: windowKey + m.Vehicle, MaxLen: int64(r.window), Approx: true, Values: []any{field, body}})
}

// forgetWindow takes a window away that an event could not be added to: what is missing in the middle would go unnoticed.
func (r *Redis) forgetWindow(ctx context.Context, pipe redis.Pipeliner, vehicle string) {
	r.counters.WindowFailed.Add(1)
	pipe.Unlink(ctx, windowKey+vehicle)
}

// Since implements Bus.
func (r *Redis) Since(ctx context.Context, seqs map[string]string) (map[string]tail, error) {
	if r.window <= 0 {
		return nil, nil // what may stand there was not continued
	}
	vehicles := make([]string, 0, len(seqs))
	for v := range seqs {
		vehicles = append(vehicles, v)
	}
	tails := make(map[string]tail, len(seqs))
	further, err := r.sinceWithin(ctx, vehicles, seqs, windowTail, tails)
	if err == nil && len(further) > 0 {
		_, err = r.sinceWithin(ctx, further, seqs, 2*MaxWindow, tails)
	}
	if err != nil {
		return tails, fmt.Errorf("fanout: window: %w", err)
	}
	return tails, nil
}

// sinceWithin looks no further back than so many events; further are the vehicles for which that was not enough, and that have more.
func (r *Redis) sinceWithin(ctx context.Context, vehicles []string, seqs map[string]string, events int64, tails map[string]tail) (further []string, err error) {
	pipe := r.client.Pipeline()
	got := make([]*redis.XMessageSliceCmd, len(vehicles))
	for i, v := range vehicles {
		got[i] = pipe.XRevRangeN(ctx, windowKey+v, "+", "-", events)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		var reply redis.Error
		if !errors.As(err, &reply) { // a single vehicle's key that is something else is that vehicle's matter
			return nil, err
		}
	}
	now := time.Now()
	for i, cmd := range got {
		entries, err := cmd.Result()
		if err != nil {
			continue
		}
		v := vehicles[i]
		window := make([]*Message, len(entries))
		for j, e := range entries {
			window[len(entries)-1-j] = windowMessage(v, e.Values, now)
		}
		if t, ok := tailOf(window, seqs[v]); ok {
			tails[v] = t
		} else if int64(len(entries)) == events && seqs[v] != "" {
			further = append(further, v)
		}
	}
	return further, nil
}

// windowMessage reads an entry; nil is a hole.
func windowMessage(vehicle string, fields map[string]any, now time.Time) *Message {
	for name, value := range fields {
		body, _ := value.(string)
		if name != windowLive && name != windowEvent || len(fields) != 1 {
			continue
		}
		if m, err := parseMessage(vehicle, name == windowLive, []byte(body), now); err == nil {
			return m
		}
	}
	return nil
}
