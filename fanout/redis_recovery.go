package fanout

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// recoveryKey stands before the pid of a Socket.IO session. The value is the name of the connection that stored it, a line feed, and the
// session.
const recoveryKey = "tracking:socketio:"

// keepOwn stores or forgets a session, unless another connection stored it: the client has come again there.
var keepOwn = redis.NewScript(`
local stored = redis.call('GET', KEYS[1])
if stored and string.sub(stored, 1, #ARGV[1] + 1) ~= ARGV[1] .. '\n' then
	return 0
end
if ARGV[2] == '' then
	return redis.call('DEL', KEYS[1])
end
redis.call('SET', KEYS[1], ARGV[1] .. '\n' .. ARGV[2], 'PX', ARGV[3])
return 1
`)

func (r *Redis) keep(ctx context.Context, pid, owner string, value []byte, ttl time.Duration) error {
	return keepOwn.Run(ctx, r.client, []string{recoveryKey + pid}, owner, value, ttl.Milliseconds()).Err()
}

func (r *Redis) look(ctx context.Context, pid string) (owner string, value []byte, err error) {
	stored, err := r.client.Get(ctx, recoveryKey+pid).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	owner, session, _ := strings.Cut(stored, "\n")
	return owner, []byte(session), nil
}

func (r *Redis) forget(ctx context.Context, pid string) error {
	return r.client.Del(ctx, recoveryKey+pid).Err()
}

func (r *Redis) extend(ctx context.Context, pids []string, ttl time.Duration) error {
	for len(pids) > 0 {
		n := min(len(pids), maxPipeline)
		pipe := r.client.Pipeline()
		for _, pid := range pids[:n] {
			pipe.PExpire(ctx, recoveryKey+pid, ttl)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		pids = pids[n:]
	}
	return nil
}
