package fanout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trackgate/trackgate/fanout/auth"
)

// maxRead is the most keys read in one round trip.
const maxRead = 500

// LastKnown implements Bus.
func (r *Redis) LastKnown(ctx context.Context, vehicles []string) ([]*Message, error) {
	if vehicles == nil {
		return r.lastKnownOfAll(ctx)
	}
	var err error
	for rest := vehicles; len(rest) > 0 && err == nil; {
		n := min(len(rest), maxRead)
		err = r.readInto(ctx, rest[:n])
		rest = rest[n:]
	}
	return r.seen.get(vehicles), err
}

// readInto reads the last known of vehicles into what this node has seen, which keeps the newer of the two.
func (r *Redis) readInto(ctx context.Context, vehicles []string) error {
	pipe := r.client.Pipeline() // and not MGET, which a cluster refuses for keys of several slots
	got := make([]*redis.StringCmd, len(vehicles))
	for i, v := range vehicles {
		got[i] = pipe.Get(ctx, lastKnownKey+v)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("fanout: last known: %w", err)
	}
	now := time.Now()
	for i, cmd := range got {
		raw, err := cmd.Bytes()
		if err != nil {
			continue // none
		}
		m, err := parseMessage(vehicles[i], true, raw, now)
		if err != nil {
			r.counters.ReceivedBad.Add(1)
			continue
		}
		if m.Live {
			r.seen.put(m)
		}
	}
	return nil
}

// lastKnownOfAll searches Redis for every vehicle's last known. While this node receives everything it has to do so once only: from then
// on it has seen what there is.
func (r *Redis) lastKnownOfAll(ctx context.Context) ([]*Message, error) {
	r.scan.Lock()
	defer r.scan.Unlock()
	r.mu.Lock()
	scanned := r.scanned && r.up
	r.mu.Unlock()
	if scanned {
		return r.seen.get(nil), nil
	}
	r.mu.Lock()
	confirmed := r.all.done() && r.up
	ready := r.all.ready
	r.mu.Unlock()
	err := r.eachMaster(ctx, func(ctx context.Context, c redis.Cmdable) error {
		var cursor uint64
		for {
			keys, next, err := c.Scan(ctx, cursor, lastKnownKey+"*", 1000).Result()
			if err != nil {
				return fmt.Errorf("fanout: last known: %w", err)
			}
			vehicles := make([]string, len(keys))
			for i, k := range keys {
				vehicles[i] = strings.TrimPrefix(k, lastKnownKey)
			}
			for len(vehicles) > 0 {
				n := min(len(vehicles), maxRead)
				if err := r.readInto(ctx, vehicles[:n]); err != nil {
					return err
				}
				vehicles = vehicles[n:]
			}
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	})
	r.mu.Lock()
	r.scanned = err == nil && confirmed && r.up && ready == r.all.ready && r.all.done()
	r.mu.Unlock()
	return r.seen.get(nil), err
}

func (r *Redis) eachMaster(ctx context.Context, f func(context.Context, redis.Cmdable) error) error {
	if c, ok := r.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error { return f(ctx, m) })
	}
	return f(ctx, r.client)
}

// Tickets keeps tickets in Redis, so that any node can redeem what another made.
func (r *Redis) Tickets() auth.TicketStore { return redisTickets{r.client} }

type redisTickets struct{ client redis.UniversalClient }

const ticketKey = "trackgate:ticket:"

func (t redisTickets) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return t.client.Set(ctx, ticketKey+key, value, ttl).Err()
}

func (t redisTickets) Take(ctx context.Context, key string) ([]byte, error) {
	raw, err := t.client.GetDel(ctx, ticketKey+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, auth.ErrTicket
	}
	return raw, err
}
