package fanout

import "sync/atomic"

// Counters are what moves in the fanout tier. One set is shared by the bus, the publisher and the server of a process; Register exposes
// it. None has a label that a device or a user could choose.
type Counters struct {
	Published, PublishFailed, PublishSkipped atomic.Uint64 // events
	WindowFailed                             atomic.Uint64 // windows given up because an event could not be added
	LastKnownDropped                         atomic.Uint64 // vehicles beyond the limit of kept positions
	Received, ReceivedBad                    atomic.Uint64 // messages from Redis
	ReceivedDropped                          atomic.Uint64 // messages that no shard had room for
	Gaps, Probes                             atomic.Uint64
	GapsFilled, GapsTold                     atomic.Uint64 // vehicles that messages may have been lost of: read again, or their clients told
	ProbeAt                                  atomic.Int64  // Unix ms of the last probe that came back; 0: none

	Clients, Subscriptions atomic.Int64
	Sent                   atomic.Uint64 // events to clients
	Flushes                atomic.Uint64 // writes to clients
	Conflated              atomic.Uint64 // positions replaced by a newer one before they were sent
	Skipped                atomic.Uint64 // of those and of events, what a slow client was told it misses
	SlowDisconnects        atomic.Uint64
	ResumeComplete         atomic.Uint64
	ResumeResync           atomic.Uint64
	ResumeRefused          atomic.Uint64
	Recovered              atomic.Uint64 // Socket.IO connections that found their tracks again
	RecoveryUnknown        atomic.Uint64 // and those that named a pid that nothing is kept of
	RecoveryDropped        atomic.Uint64 // lost connections that nothing was kept of, for want of room or of Redis
	Refused                [refusals]atomic.Uint64
}

// refusal is why a connection or a request was not accepted.
type refusal int

const (
	refusedConnections refusal = iota // too many in all
	refusedUser                       // too many of one user
	refusedAddress                    // too many of one address
	refusedOrigin
	refusedToken
	refusedVehicle
	refusedSubscriptions // too many of one client
	refusedFrame         // malformed, too large, too many
	refusals
)

var refusalNames = [refusals]string{"connections", "user", "address", "origin", "token", "vehicle", "subscriptions", "frame"}

func (c *Counters) refuse(r refusal) { c.Refused[r].Add(1) }
