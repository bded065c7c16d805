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
	shook   time.Duration // from the first dial to the last handshake
	shaking time.Duration // of the server's processor, in that time
	ear     ear
	readers sync.WaitGroup
}

// dialers is how many connections are opened at a time.
const dialers = 64

// gather opens n connections, each authorised by a token of its own, and has client i follow what follow(i) says. With check set, every client
// remembers the newest event of each vehicle.
func (b *bench) gather(p *process, speaks dialect, n int, check bool, follow func(i int) (first, vehicles int)) (*crowd, error) {
	buffer := 4 << 10
	if n <= 2000 {
		buffer = 64 << 10
	}
	c, err := b.gatherFrom(p, speaks, 0, n, buffer, follow)
	if err == nil && check {
		for i, k := range c.clients {
			_, vehicles := follow(i)
			k.newest = make([]int64, vehicles)
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range c.clients {
		if err := c.listen(i); err != nil {
			c.leave()
			return nil, err
		}
	}
	return c, nil
}

// gatherFrom opens the connections of users from first on, and has them follow; nobody reads yet.
func (b *bench) gatherFrom(p *process, speaks dialect, first, n, buffer int, follow func(i int) (first, vehicles int)) (*crowd, error) {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = newToken(first + i)
	}
	c := &crowd{clients: make([]*client, n), heard: &heard{began: b.began}}
	began, cpu := time.Now(), p.cpu()
	err := together(n, func(i int) (err error) {
		c.clients[i], err = dial(p.addr, speaks, tokens[i], buffer, c.heard)
		return err
	})
	c.shook, c.shaking = time.Since(began), p.cpu()-cpu
	if err == nil {
		err = together(n, func(i int) error { return c.clients[i].track(follow(i)) })
	}
	if err != nil {
		c.leave()
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return c, nil
}

// together does something for every client, some at a time, up to the first error of each of the dialers.
func together(n int, do func(i int) error) error {
	errs := make(chan error, dialers)
	next := make(chan int)
	for range dialers {
		go func() {
			var err error
			for i := range next {
				if err == nil {
					err = do(i)
				}
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
	return failed
}

// leave closes all connections.
func (c *crowd) leave() {
	for _, k := range c.clients {
		if k != nil {
			k.conn.Close()
		}
	}
	c.ear.over.Store(true)
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
