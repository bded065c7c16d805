package fanout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// The names that the contract with third parties fixes.
const (
	liveChannel  = "tracking:vehicle:"
	eventChannel = "tracking:events:"
	lastKnownKey = "location:current:vehicle:"
	probeChannel = "tracking:probe:"
)

// Redis is the Bus of several nodes.
type Redis struct {
	client   redis.UniversalClient
	sharded  *sharded // nil: not a cluster
	counters *Counters
	log      *zap.Logger
	seen     *latest // what this node published or received: what is left to answer with when Redis is down
	probe    string  // this node's own channel
	timing   redisTiming
	window   int // events of each vehicle, about

	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	delivery sync.Mutex // one Deliver at a time, as Receiver asks for
	receiver Receiver

	commands sync.Mutex // keeps (UN)SUBSCRIBE on the wire in the order of the decisions; taken before mu
	mu       sync.Mutex
	pubsub   *redis.PubSub // nil: not connected, or still asking for what is wanted
	wanted   map[string]*wanted
	all      wanted // both patterns
	allOn    bool
	scanned  bool // since the patterns are confirmed, seen holds every vehicle
	missed   map[string]struct{}
	missedOf chan struct{}
	probed   time.Time
	up       bool

	scan sync.Mutex
}

// wanted is a vehicle's pair of channels, or the pair of patterns.
type wanted struct {
	asked     [2]*redis.PubSub // the connections that they were asked for on
	confirmed [2]bool          // live, events
	before    bool             // both were confirmed once
	last      string           // seq of what came last
	gap       *gap             // since they were lost, until what was missed has been read
	ready     chan struct{}
}

func (w *wanted) done() bool { return w.confirmed[0] && w.confirmed[1] }

type redisTiming struct {
	follow     time.Duration // most that Follow waits for its confirmation
	probe      time.Duration // between two probes
	silence    time.Duration // without a probe coming back: the connection is dead
	backstop   time.Duration // between two readings of everything followed
	backoffMax time.Duration
}

// OpenRedis makes a bus on the Redis of a URL: redis:// or rediss://. Several nodes, redis://a:6379,b:6379, are a cluster. It connects when it
// is used.
func OpenRedis(rawURL string, c *Counters, log *zap.Logger) (*Redis, error) {
	return openRedisBus(rawURL, false, c, log)
}

// OpenRedisCluster is OpenRedis for a cluster, though the URL may name only one of its nodes.
func OpenRedisCluster(rawURL string, c *Counters, log *zap.Logger) (*Redis, error) {
	return openRedisBus(rawURL, true, c, log)
}

func openRedisBus(rawURL string, cluster bool, c *Counters, log *zap.Logger) (*Redis, error) {
	silence()
	client, err := redisClient(rawURL, cluster)
	if err != nil {
		return nil, fmt.Errorf("fanout: REDIS_URL: %w", err)
	}
	if log == nil {
		log = zap.NewNop()
	}
	r := &Redis{client: client, counters: c, log: log, seen: newLatest(maxVehicles, func() { c.LastKnownDropped.Add(1) }),
		probe: probeChannel + rand.Text(), wanted: make(map[string]*wanted), missed: make(map[string]struct{}), missedOf: make(chan struct{}, 1), window: DefaultWindow,
		timing: redisTiming{2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute, time.Second}}
	r.all.ready = make(chan struct{})
	if c, ok := client.(*redis.ClusterClient); ok {
		r.sharded = newSharded(r, c)
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// silence keeps the library from writing to standard error what its callers are told as errors.
var silence = sync.OnceFunc(func() { redis.SetLogger(unlogged{}) })

type unlogged struct{}

func (unlogged) Printf(context.Context, string, ...any) {}

// setNewer stores a position only over one of an older device time. The stored value is the event's JSON, whose time has a fixed form that
// compares as text; a value that somebody else wrote in another form is overwritten.
var setNewer = redis.NewScript(`
local stored = redis.call('GET', KEYS[1])
if stored then
	local t = string.match(stored, '"time":"(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ)"')
	if t and t >= ARGV[1] then
		return 0
	end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`)

// maxPipeline is the most messages in one round trip.
const maxPipeline = 256

// Publish implements Bus.
func (r *Redis) Publish(ctx context.Context, messages []*Message) error {
	newest := make(map[string]*Message)
	for _, m := range messages {
		if m.Live {
			r.seen.put(m)
			if newer(m, newest[m.Vehicle]) {
				newest[m.Vehicle] = m
			}
		}
	}
	for len(messages) > 0 {
		n := min(len(messages), maxPipeline)
		if err := r.publish(ctx, messages[:n], newest); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

func (r *Redis) publish(ctx context.Context, messages []*Message, newest map[string]*Message) error {
	now := protocols.At(time.Now())
	pipe := r.client.Pipeline()
	var stored []*Message
	var stores []*redis.Cmd
	store := func(p redis.Scripter, m *Message, eval func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) *redis.Cmd {
		ttl := protocols.Millis(LastKnownFor.Milliseconds()) - max(0, now-m.Time)
		return eval(ctx, p, []string{lastKnownKey + m.Vehicle}, m.Time.String(), m.body, int64(ttl))
	}
	var records []*redis.StringCmd
	expires := make(map[string]struct{}, len(messages))
	for i, m := range messages {
		// Stored first, then published: who subscribes and then reads finds it by one of the two.
		if r.window > 0 {
			records = append(records, r.record(ctx, pipe, messages[i]))
			expires[m.Vehicle] = struct{}{}
		}
		if m.Live && newest[m.Vehicle] == m && now-m.Time < protocols.Millis(LastKnownFor.Milliseconds()) {
			stored = append(stored, m)
			stores = append(stores, store(pipe, m, setNewer.EvalSha))
		}
		if r.sharded == nil {
			pipe.Publish(ctx, m.channel(), m.body)
		}
	}
	for v := range expires {
		pipe.PExpire(ctx, windowKey+v, windowFor)
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		if err := lost(cmds, stores, records); err != nil {
			return err
		}
	}
	if r.sharded != nil { // the channel's node may be another one than the key's, and would be ahead of it
		sharded := r.client.Pipeline()
		publishSharded(ctx, sharded, messages)
		if _, err := sharded.Exec(ctx); err != nil {
			return err
		}
	}
	if err == nil {
		return nil
	}
	// A Redis that was restarted: the messages went out, the positions are stored again with the script's text, which teaches it.
	pipe = r.client.Pipeline()
	for i, m := range stored {
		if stores[i].Err() != nil {
			store(pipe, m, setNewer.Eval)
		}
	}
	for i, m := range messages {
		if i < len(records) && records[i].Err() != nil {
			r.forgetWindow(ctx, pipe, m.Vehicle)
		}
	}
	_, err = pipe.Exec(ctx)
	return err
}

// lost is the first error that nothing can be done about: all but a script that Redis has forgotten and a window that takes nothing.
func lost(cmds []redis.Cmder, stores []*redis.Cmd, records []*redis.StringCmd) error {
	for _, c := range cmds {
		err := c.Err()
		if err == nil {
			continue
		}
		var reply redis.Error
		switch c := c.(type) {
		case *redis.Cmd:
			if slices.Contains(stores, c) && redis.HasErrorPrefix(err, "NOSCRIPT") {
				continue
			}
		case *redis.StringCmd:
			if slices.Contains(records, c) && errors.As(err, &reply) {
				continue
			}
		}
		return err
	}
	return nil
}

// Connected implements Bus.
func (r *Redis) Connected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up && time.Since(r.probed) < r.timing.silence && (r.sharded == nil || r.sharded.connected())
}

// Close implements Bus.
func (r *Redis) Close() error {
	r.cancel()
	r.mu.Lock()
	if r.pubsub != nil {
		r.pubsub.Close()
	}
	if r.sharded != nil {
		for _, l := range r.sharded.lines {
			if l.open != nil {
				l.open.Close()
			}
		}
	}
	r.mu.Unlock()
	err := r.client.Close() // before the wait: who waits for an answer of a server that gives none waits no longer
	r.wg.Wait()
	if err != nil && !errors.Is(err, redis.ErrClosed) {
		return err
	}
	return nil
}

// channel is what the message is published on.
func (m *Message) channel() string {
	if m.Live {
		return liveChannel + m.Vehicle
	}
	return eventChannel + m.Vehicle
}

// vehicleOfChannel takes a channel's name apart; which is 0 for live positions, 1 for other events.
func vehicleOfChannel(channel string) (vehicle string, which int, ok bool) {
	if v, ok := strings.CutPrefix(channel, liveChannel); ok {
		return v, 0, true
	}
	if v, ok := strings.CutPrefix(channel, besideChannel); ok {
		return strings.TrimSuffix(v, "}"), 1, true
	}
	v, ok := strings.CutPrefix(channel, eventChannel)
	return v, 1, ok
}
