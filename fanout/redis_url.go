package fanout

import (
	"errors"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Many clients that come together open as many connections as the pool allows, and there they stay, each with two buffers. Redis answers one request at a
// time anyway.
const (
	redisBuffer       = 16 << 10 // bytes
	redisPerProcessor = 4        // connections, where the URL does not say how many
)

func redisClient(rawURL string, cluster bool) (redis.UniversalClient, error) {
	rawURL = severalNodes(rawURL)
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("not a URL") // the parser's own words would show the password
	}
	if cluster || u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, err
		}
		o.Protocol, o.DisableIdentity, o.MaintNotificationsConfig = 2, true, quiet
		if o.DialTimeout == 0 {
			o.DialTimeout = 2 * time.Second
		}
		o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	o.Protocol, o.DisableIdentity, o.MaintNotificationsConfig = 2, true, quiet
	o.MaxRetries, o.DialerRetries = -1, 1 // the journal's cursor and our own loop try again
	if o.DialTimeout == 0 {
		o.DialTimeout = 2 * time.Second
	}
	o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
	if o.PoolSize == 0 {
		o.PoolSize = max(8, redisPerProcessor*runtime.GOMAXPROCS(0))
	}
	if o.TLSConfig == nil {
		o.Dialer = quickDial(o.DialTimeout)
	}
	return redis.NewClient(o), nil
}

// severalNodes rewrites redis://user:password@a:1,b:2/ as redis://user:password@a:1/?addr=b:2.
func severalNodes(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return rawURL
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	hosts := strings.LastIndexByte(rest[:end], '@') + 1
	nodes := strings.Split(rest[hosts:end], ",")
	out := scheme + "://" + rest[:hosts] + nodes[0] + rest[end:]
	for _, n := range nodes[1:] {
		join := "&"
		if !strings.Contains(out, "?") {
			join = "?"
		}
		out += join + "addr=" + url.QueryEscape(n)
	}
	return out
}
