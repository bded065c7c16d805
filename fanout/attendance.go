package fanout

import "sync"

// attendance counts the connections that are served. A server that ends waits for them, and lets nobody in any more: a handshake may take longer than that.
type attendance struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when nobody is left; nil before the end
}

// enter counts a connection; false once the end has begun.
func (a *attendance) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.none != nil {
		return false
	}
	a.n++
	return true
}

func (a *attendance) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n--; a.n == 0 && a.none != nil {
		close(a.none)
	}
}

// end lets nobody in any more. The channel is closed when all have left. It is called once.
func (a *attendance) end() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.none = make(chan struct{})
	if a.n == 0 {
		close(a.none)
	}
	return a.none
}
