package fanout

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/internal/rawio"
)

// poller watches the descriptors of many connections with one epoll instance and one goroutine, so that a silent client has neither goroutine nor
// buffer, nor the state that Go's own poller keeps of every connection.
//
//	client sends ─▶ epoll ─▶ run ─▶ descriptor.event ─▶ socket.received ─▶ a goroutine for the request, only while it is at work
//	shard writes ─▶ descriptor.try ─▶ the socket is full ─▶ push: EPOLLOUT ─▶ descriptor.event ─▶ socket.pushed ─▶ the shard goes on
//
// Descriptors are registered once shot (EPOLLONESHOT): whoever has dealt with an event says what is wanted next.
type poller struct {
	epoll int
	file  *os.File // of the same descriptor, by which Go's poller watches ours: no thread waits in the kernel
	raw   syscall.RawConn
	buf   [16 << 10]byte

	mu      sync.Mutex
	watched []*descriptor // by number
}

// newPollers makes n pollers; none where the system has none to give.
func newPollers(n int) (all []*poller) {
	for range n {
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return all
		}
		p := &poller{epoll: epoll}
		if unix.SetNonblock(epoll, true) == nil {
			p.file = os.NewFile(uintptr(epoll), "epoll")
			p.raw, err = p.file.SyscallConn()
		}
		if p.raw == nil || err != nil {
			unix.Close(epoll)
			return all
		}
		all = append(all, p)
	}
	return all
}

// run deals with events until close.
func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		n := 0
		err := p.raw.Read(func(uintptr) bool {
			var err error
			n, err = rawio.EpollWait(p.epoll, events)
			return n > 0 || err != nil && err != unix.EINTR && err != unix.EAGAIN
		})
		if err != nil {
			return
		}
		for i := range max(n, 0) {
			if d := p.at(int(events[i].Fd)); d != nil {
				d.event(events[i].Events)
			}
		}
	}
}

func (p *poller) close() { p.file.Close() }

func (p *poller) at(fd int) *descriptor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fd < len(p.watched) {
		return p.watched[fd]
	}
	return nil
}

func (p *poller) put(fd int, d *descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.watched) <= fd {
		p.watched = append(p.watched, nil)
	}
	p.watched[fd] = d
}

// descriptor is a connected socket that Go's poller no longer knows. Its number is used only under mu and only until closed: afterwards it may be that
// of another connection. An event that was meant for the number's last owner does no harm, since every read and write tells the truth.
type descriptor struct {
	poller *poller
	s      *socket

	mu      sync.Mutex
	rest    []byte // to write when there is room
	fd      int32
	reading bool // events are wanted for what comes
	closed  bool
	gone    func() // tells the listener of its end; nil: there is none to tell
}

// takeOver duplicates the connection's descriptor and registers the copy. The connection remains the caller's, to close.
func (p *poller) takeOver(conn syscall.Conn, s *socket) (*descriptor, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if outer := raw.Control(func(original uintptr) {
		fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) // not blocking, as the original
	}); outer != nil {
		return nil, outer
	}
	if err != nil {
		return nil, err
	}
	d := &descriptor{poller: p, s: s, fd: int32(fd)}
	p.put(fd, d)
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLONESHOT, Fd: int32(fd)}); err != nil {
		p.put(fd, nil)
		unix.Close(fd)
		return nil, err
	}
	return d, nil
}

// want tells epoll what is waited for; mu is held.
func (d *descriptor) want() {
	var events uint32
	if d.reading {
		events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if len(d.rest) > 0 {
		events |= unix.EPOLLOUT
	}
	if events != 0 && !d.closed {
		unix.EpollCtl(d.poller.epoll, unix.EPOLL_CTL_MOD, int(d.fd), &unix.EpollEvent{Events: events | unix.EPOLLONESHOT, Fd: d.fd})
	}
}

// event deals with what epoll reported. Only the poller's goroutine calls it.
func (d *descriptor) event(events uint32) {
	if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 && !d.flush() {
		return
	}
	if events&^unix.EPOLLOUT == 0 {
		d.mu.Lock()
		d.want()
		d.mu.Unlock()
		return
	}
	d.mu.Lock()
	if d.closed || !d.reading {
		d.want()
		d.mu.Unlock()
		return
	}
	n, err := unix.Read(int(d.fd), d.poller.buf[:])
	d.reading = err == unix.EAGAIN || err == unix.EINTR
	if d.reading {
		d.want()
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	if err != nil || n == 0 {
		d.s.drop()
		return
	}
	if d.s.received(d.poller.buf[:n]) {
		d.resume()
	} else {
		d.mu.Lock()
		d.want() // what was to be written still is
		d.mu.Unlock()
	}
}

// flush writes what waits; false if that ended the connection.
func (d *descriptor) flush() bool {
	d.mu.Lock()
	if d.closed || len(d.rest) == 0 {
		d.mu.Unlock()
		return true
	}
	n, err := writeSome(int(d.fd), d.rest)
	d.rest = d.rest[n:]
	gone := len(d.rest) == 0
	if gone {
		d.rest = nil
	}
	d.mu.Unlock()
	if err != nil {
		d.s.drop()
		return false
	}
	if n > 0 {
		d.s.progressed()
	}
	if gone {
		d.s.pushed()
	}
	return true
}

func (d *descriptor) try(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, net.ErrClosed
	}
	return writeSome(int(d.fd), b)
}

func (d *descriptor) push(rest []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rest = rest
	d.want()
}

func (d *descriptor) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading = true
	d.want()
}

func (d *descriptor) half() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		unix.Shutdown(int(d.fd), unix.SHUT_WR)
	}
}

func (d *descriptor) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed, d.rest = true, nil
	d.poller.put(int(d.fd), nil)
	unix.Close(int(d.fd)) // which takes it out of epoll too: there is no other copy
	if d.gone != nil {
		d.gone()
	}
}

// counted has gone called when the descriptor is closed.
func (d *descriptor) counted(gone func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = gone
}
