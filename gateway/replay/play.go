package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Player plays conversations to a gateway.
type Player struct {
	To       string        // host:port, for TCP and UDP alike
	Speed    float64       // 1 is the rhythm of the capture, 2 twice as fast; 0 waits for answers only
	Timeout  time.Duration // the longest wait for one answer; 0: 10 s
	Parallel int           // conversations at once; 0: 16
	Loop     bool          // begin again until the context ends
	Report   func(Outcome) // told of each conversation that ended, one call at a time; may be nil
}

// Outcome is what became of one conversation.
type Outcome struct {
	Name                    string
	Unsure                  string // of the conversation
	Segments, Sent          int    // sent by the device, and their bytes
	Equal, Differs, Missing int    // answers
	Unjudged                int    // answers not as captured, which may be right: see Conversation.Unsure
	Extra                   int    // bytes that the capture does not show
	Differences             []Difference
	HungUp                  bool // the server ended the connection before the device did
	Err                     error
	Took                    time.Duration
}

// Difference is an answer that is not the captured one.
type Difference struct {
	Got, Want []byte // Got is empty for an answer that did not come
}

// maxDifferences is how many differences an Outcome shows; all are counted.
const maxDifferences = 8

// Total sums outcomes.
type Total struct {
	Conversations, Failed   int
	Segments, Sent          int
	Equal, Differs, Missing int
	Unjudged                int
	Extra                   int
	Took                    time.Duration
}

func (t *Total) add(o Outcome) {
	t.Conversations++
	if o.Err != nil {
		t.Failed++
	}
	t.Segments += o.Segments
	t.Sent += o.Sent
	t.Equal += o.Equal
	t.Differs += o.Differs
	t.Missing += o.Missing
	t.Unjudged += o.Unjudged
	t.Extra += o.Extra
}

// ErrRefused says that nothing listens at Player.To.
var ErrRefused = errors.New("connection refused")

// Play plays all conversations and sums up. Those of one lane follow each other. It returns an error only when no conversation could reach
// the gateway; a failure of one is in its Outcome. When ctx ends, what is under way is cut off and not counted.
func (p *Player) Play(ctx context.Context, list []Conversation) (Total, error) {
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var total Total
	var mu sync.Mutex
	reached := false
	report := func(o Outcome) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil && (errors.Is(o.Err, context.Canceled) || errors.Is(o.Err, context.DeadlineExceeded)) {
			return
		}
		total.add(o)
		if p.Report != nil {
			p.Report(o)
		}
		if o.Segments > 0 && o.Err == nil {
			reached = true
		} else if errors.Is(o.Err, syscall.ECONNREFUSED) && !reached {
			cancel(ErrRefused)
		}
	}
	byLane := lanes(list)
	for again := true; again && ctx.Err() == nil && len(list) > 0; again = p.Loop {
		next := make(chan []Conversation)
		var wait sync.WaitGroup
		parallel := p.Parallel
		if parallel <= 0 {
			parallel = 16
		}
		for range min(parallel, len(byLane)) {
			wait.Go(func() {
				for lane := range next {
					for i := range lane {
						if ctx.Err() == nil {
							report(p.one(ctx, &lane[i]))
						}
					}
				}
			})
		}
		for _, lane := range byLane {
			select {
			case next <- lane:
			case <-ctx.Done():
			}
		}
		close(next)
		wait.Wait()
	}
	total.Took = time.Since(start)
	if errors.Is(context.Cause(ctx), ErrRefused) {
		return total, fmt.Errorf("%s: %w", p.To, ErrRefused)
	}
	return total, nil
}

// lanes groups conversations by lane, in the order in which the lanes appear.
func lanes(list []Conversation) [][]Conversation {
	var out [][]Conversation
	index := make(map[string]int)
	for _, c := range list {
		i, known := index[c.Lane]
		if !known {
			i = len(out)
			index[c.Lane] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}

// one plays one conversation on a connection of its own.
func (p *Player) one(ctx context.Context, c *Conversation) (o Outcome) {
	start := time.Now()
	o.Name, o.Unsure = c.Name, c.Unsure
	defer func() { o.Took = time.Since(start) }()
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	network := "tcp"
	if c.Datagram {
		network = "udp"
	}
	d := net.Dialer{Timeout: timeout}
	conn, err := d.DialContext(ctx, network, p.To)
	if err != nil {
		o.Err = err
		return o
	}
	heard := listen(conn)
	defer func() {
		conn.Close()
		<-heard.done
		heard.flush()
		o.Extra = heard.extra
		if ctx.Err() != nil {
			o.Err = ctx.Err() // whatever failed, failed because of that
		}
	}()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	var lastAt time.Duration
	lastSent := start
	asked := false // something was sent since the last answer that was due
	for i := range c.Steps {
		step := &c.Steps[i]
		if step.Server {
			if asked || !c.Datagram {
				o.judge(heard, ctx.Done(), step.Data, timeout, c.Unsure != "")
			}
			continue
		}
		if i == 0 || c.Steps[i-1].Server {
			heard.flush() // what came beside the answers must not be taken for the next one
		}
		if p.Speed > 0 && !sleepUntil(ctx, lastSent.Add(time.Duration(float64(step.At-lastAt)/p.Speed))) {
			return o
		}
		lastAt, lastSent = step.At, time.Now()
		if o.HungUp {
			continue
		}
		conn.SetWriteDeadline(time.Now().Add(timeout))
		if _, err := conn.Write(step.Data); err != nil {
			switch {
			case errors.Is(err, syscall.ECONNREFUSED):
				o.Err = err
				return o
			case heard.ended() != nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET):
				o.HungUp = true
				continue
			}
			o.Err = err
			return o
		}
		asked = true
		o.Segments++
		o.Sent += len(step.Data)
	}
	p.finish(ctx, conn, heard, &o)
	return o
}

// unjudgedTimeout is the longest wait for an answer that may rightly not come.
const unjudgedTimeout = time.Second

// judge waits for one answer.
func (o *Outcome) judge(heard *answers, done <-chan struct{}, want []byte, timeout time.Duration, unsure bool) {
	if unsure {
		timeout = min(timeout, unjudgedTimeout)
	}
	verdict, got := heard.expect(done, want, timeout)
	if verdict == Missing {
		if err := heard.ended(); errors.Is(err, syscall.ECONNREFUSED) {
			o.Err = err
		} else if err != nil {
			o.HungUp = true
		}
	}
	switch {
	case verdict == Equal:
		o.Equal++
		return
	case unsure:
		o.Unjudged++
		return
	case verdict == Differs:
		o.Differs++
	default:
		o.Missing++
	}
	if len(o.Differences) < maxDifferences {
		o.Differences = append(o.Differences, Difference{Got: got, Want: want})
	}
}

// How long the end of a conversation waits: for a server to hang up once the device has, and for word that nobody takes datagrams.
const (
	lingerTCP = time.Second
	lingerUDP = 50 * time.Millisecond
)

// finish ends the device's side and lets the server end its own, so that nothing sent is lost to a reset.
func (p *Player) finish(ctx context.Context, conn net.Conn, heard *answers, o *Outcome) {
	linger := lingerUDP
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.CloseWrite()
		linger = lingerTCP
	}
	t := time.NewTimer(linger)
	defer t.Stop()
	select {
	case <-heard.done:
	case <-t.C:
	case <-ctx.Done():
	}
	switch err := heard.ended(); {
	case errors.Is(err, syscall.ECONNREFUSED):
		o.Err = err
	case err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed):
		o.HungUp = true
	}
}

// sleepUntil returns false when ctx ended first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
