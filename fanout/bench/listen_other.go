//go:build !linux

package main

import (
	"sync/atomic"
	"time"
)

// ear is nothing here: each connection of a crowd has a goroutine that reads it.
type ear struct{ over atomic.Bool }

// listen reads the connection of client i until it ends.
func (c *crowd) listen(i int) error {
	k := c.clients[i]
	c.readers.Go(func() {
		k.conn.SetDeadline(time.Time{})
		err := k.read()
		k.err.Store(&err)
	})
	return nil
}
