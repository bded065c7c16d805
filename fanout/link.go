package fanout

// link is a client's connection as its shard sees it. The shard calls it from one goroutine; none of the calls may block.
type link interface {
	// encode appends the items in the form that the connection speaks.
	encode(dst []byte, items []item) []byte
	// write takes b, which remains the caller's. False means that some of it is still on its way: the link then keeps its own copy, and
	// calls client.writable when it has gone. There is no other write before that.
	write(b []byte) bool
	// progress is when the connection last took a byte, in the hub's time.
	progress() int64
	// close ends the connection with a code and a reason, behind what is on its way if that goes soon. Whoever reads the connection
	// notices and detaches the client.
	close(code int, reason string)
}

// Codes that a connection is closed with, beside those of RFC 6455.
const (
	CodeUnauthorized = 4401 // no token in time, a bad one, or an expired one
	CodeSlow         = 4408 // the client did not read for too long, or alarms piled up for it
	CodeTooMany      = 4429 // connections of that user
)

// Codes of RFC 6455 in use here.
const (
	codeGoingAway   = 1001
	codeProtocol    = 1002
	codeUnsupported = 1003
	codeInvalid     = 1007
	codeTooBig      = 1009
)

// item is one thing queued for a client: a message, a JSON object of the server's own, or a frame of the connection's own. Queues of busy clients are what
// a node's memory goes into, so it is 32 bytes.
type item struct {
	edge  *edge    // by which the message came; nil for the others
	msg   *Message // nil for the others
	note  *note    // nil for messages
	event bool     // the message goes as an event, and does not move the vehicle
	frame bool     // the note is a frame of the connection, not JSON
	again bool     // the message was missed and is sent late: nothing replaces it, and the client's reader waits for it
}

// note is what the server itself says: raw bytes; an error if there is a text; else a snapshot. Each link puts the last two in its own way.
type note struct {
	raw     []byte
	events  []*Message
	more    bool // another part follows
	text    string
	vehicle string
}

func (n *note) snapshot() bool { return n.raw == nil && n.text == "" }

func (n *note) json() []byte {
	if n.raw != nil {
		return n.raw
	}
	if n.text != "" {
		return errorMessage(n.text, n.vehicle)
	}
	return snapshotMessage(n.events, n.more)
}

func (n *note) size() int {
	if n.raw != nil {
		return len(n.raw)
	}
	size := 64 + len(n.text) + len(n.vehicle)
	for _, m := range n.events {
		size += len(m.body) + 1
	}
	return size
}

// position says that a newer one of the vehicle may replace it.
func (i *item) position() bool { return i.msg != nil && !i.event && !i.msg.Alarm && !i.again }

// rawItem is an item of bytes that are ready.
func rawItem(raw []byte) item { return item{note: &note{raw: raw}} }

// frameItem is an item that is a frame of the connection.
func frameItem(raw []byte) item { return item{note: &note{raw: raw}, frame: true} }

func (i *item) size() int {
	if i.msg != nil {
		return len(i.msg.body) + len(prefixUpdate)
	}
	return i.note.size()
}

// What stands before an event's members on the way to a client.
const (
	prefixUpdate = `{"type":"location:update",`
	prefixEvent  = `{"type":"event",`
)

// appendItem appends the item's JSON object.
func appendItem(b []byte, i *item) []byte {
	if i.msg == nil {
		return append(b, i.note.json()...)
	}
	if i.event {
		b = append(b, prefixEvent...)
	} else {
		b = append(b, prefixUpdate...)
	}
	return append(b, i.msg.body[1:]...)
}
