package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// crowd is the clients of one scenario on one server.
type crowd struct {
	clients []*client
	heard   *heard
	joined  time.Duration // from the first dial to the last confirmation
	readers sync.WaitGroup
}

// dialers is how many connections are opened at a time.
const dialers = 64

// gather opens n connections, each authorised by a token of its own, and has client i follow what follow(i) says. With check set, every client
// remembers the newest event of each vehicle.
func (b *bench) gather(p *process, speaks dialect, n int, check bool, follow func(i int) (first, vehicles int)) (*crowd, error) {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = newToken(i)
	}
	buffer := 4 << 10
	if n <= 2000 {
		buffer = 64 << 10
	}
	c := &crowd{clients: make([]*client, n), heard: &heard{began: b.began}}
	errs := make(chan error, dialers)
	next := make(chan int)
	began := time.Now()
	for range dialers {
		go func() {
			var err error
			for i := range next {
				if err != nil {
					continue
				}
				var k *client
				if k, err = dial(p.addr, speaks, tokens[i], buffer, c.heard); err != nil {
					continue
				}
				first, vehicles := follow(i)
				if err = k.track(first, vehicles); err != nil {
					k.conn.Close()
					continue
				}
				if check {
					k.newest = make([]int64, vehicles)
				}
				c.clients[i] = k
			}
			errs <- err
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	var failed error
	for range dialers {
		if err := <-errs; err != nil && failed == nil {
			failed = err
		}
	}
	c.joined = time.Since(began)
	for _, k := range c.clients {
		if k != nil {
			c.readers.Go(k.run)
		}
	}
	if failed != nil {
		c.leave()
		return nil, fmt.Errorf("%s: %w", p.name, failed)
	}
	return c, nil
}

// leave closes all connections.
func (c *crowd) leave() {
	for _, k := range c.clients {
		if k != nil {
			k.conn.Close()
		}
	}
	c.readers.Wait()
}

// lost is the number of clients whose connection has ended.
func (c *crowd) lost() int {
	n := 0
	for _, k := range c.clients {
		if k.err.Load() != nil {
			n++
		}
	}
	return n
}

// why is the end of the first of them.
func (c *crowd) why() error {
	for _, k := range c.clients {
		if err := k.err.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// outdated counts the pairs of client and vehicle that did not end on the vehicle's newest event. Call it when nothing is on its way any more.
func (c *crowd) outdated(newest []int64) int {
	n := 0
	for _, k := range c.clients {
		for slot := range k.newest {
			if atomic.LoadInt64(&k.newest[slot]) != newest[k.first+slot] {
				n++
			}
		}
	}
	return n
}

func newToken(i int) string {
	t, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": fmt.Sprint("user-", i), "exp": time.Now().Add(24 * time.Hour).Unix(), "scope": "read", "vehicles": []string{"*"},
	}).SignedString([]byte(secret))
	if err != nil {
		panic(err) // neither key nor claims are of a kind that can not be signed
	}
	return t
}
