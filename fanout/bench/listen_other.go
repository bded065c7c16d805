//go:build !linux

package main

import "time"

// listen has a goroutine read each connection of the crowd until it ends.
func (c *crowd) listen() error {
	for _, k := range c.clients {
		c.readers.Go(func() {
			k.conn.SetDeadline(time.Time{})
			err := k.read()
			k.err.Store(&err)
		})
	}
	return nil
}
