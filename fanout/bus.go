package fanout

import "context"

// Bus carries messages from the nodes that read devices to the nodes that clients are connected to.
type Bus interface {
	// Publish hands the messages over in their order; of the live ones, the newest of each vehicle becomes its last known. It returns
	// an error, within a bounded time, when it cannot; some may have gone out then, and publishing all of them again does no harm.
	Publish(ctx context.Context, messages []*Message) error
	// LastKnown returns the newest live message of each of the vehicles that have one, from any node, no older than LastKnownFor. Nil
	// asks for all vehicles. With an error it returns what this node has seen itself.
	LastKnown(ctx context.Context, vehicles []string) ([]*Message, error)
	// Since returns, for each of the vehicles, what was published behind the event with the seq given. A vehicle whose window does not
	// reach back so far is left out. What is published from now on by who was told of an earlier Follow arrives by that; some of it
	// may be here too.
	Since(ctx context.Context, seqs map[string]string) (map[string]tail, error)
	// Start begins to hand messages to r, which must not block. It returns at once; a bus that is down is tried again for ever.
	Start(r Receiver) error
	// Follow asks for the messages of the vehicles and returns once whatever is published from now on will arrive. With an error they
	// will arrive later, after a Gap.
	Follow(ctx context.Context, vehicles []string) error
	// Unfollow ends it.
	Unfollow(vehicles []string)
	// FollowAll and UnfollowAll are the same for all vehicles.
	FollowAll(ctx context.Context) error
	UnfollowAll()
	// Connected says whether messages are arriving, as far as is known.
	Connected() bool
	// Close stops everything; it may be called twice.
	Close() error
}

// Receiver takes messages from a Bus. Its methods never block, and may be called from one goroutine at a time only.
type Receiver interface {
	// Deliver takes one message, possibly a repetition and possibly older than the last.
	Deliver(m *Message)
	// Gap says that messages of these vehicles may have been lost; nil is all vehicles. The newest follow by Deliver.
	Gap(vehicles []string)
}
