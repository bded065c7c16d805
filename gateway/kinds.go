package gateway

import "sync"

// kinds bounds the label type of the metrics, whatever decoders name their messages: a name off the wire must not make series without end.
type kinds struct {
	mu    sync.Mutex
	names map[string]map[string]bool // by protocol
}

// Limits of kinds.
const (
	kindsOfProtocol = 256  // beyond it a message is "other"
	mostKinds       = 4096 // that a worker remembers at once
)

// kind is the label of a message: its name, or "other" where the protocol has too many.
func (k *kinds) kind(protocol, name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.names[protocol]
	switch {
	case known[name]:
		return name
	case len(known) >= kindsOfProtocol:
		return "other"
	case known == nil:
		if k.names == nil {
			k.names = make(map[string]map[string]bool)
		}
		known = make(map[string]bool)
		k.names[protocol] = known
	}
	known[name] = true
	return name
}
