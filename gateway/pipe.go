package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// Sink takes what the journal holds: the store, and the live publisher.
type Sink interface {
	// Write takes a batch; it may keep nothing of it. An error means that nothing of it was taken, and the batch comes again.
	// An OffsetError means that the sink stands elsewhere.
	Write(ctx context.Context, b protocols.Batch) error
}

// OffsetError says where a sink stands, when that is not where a batch begins: another writer, or an earlier life, has written already.
type OffsetError struct{ Have uint64 }

func (e *OffsetError) Error() string { return fmt.Sprintf("sink stands at record %d", e.Have) }

// pipe reads the journal from a position of its own and gives the events to a sink. A slow or dead sink delays nothing but itself.
type pipe struct {
	name    string
	sink    Sink
	journal *journal.Log
	rows    int           // most events in a batch
	most    int           // likewise, while the sink is too slow for so many; 0: it is not
	delay   time.Duration // the longest that an event waits for its batch
	timeout time.Duration // of one write
	taken   func(upTo uint64)
	shared  *tape // with the other pipes
	m       *metrics
	log     *zap.Logger

	own   *tape // for what is not on the shared one any more
	tape  *tape // that of the batch
	reel  *reel // that the batch lies in
	batch protocols.Batch
}

// errSlow says that the sink did not take a batch in the time for it.
var errSlow = errors.New("sink is too slow for its batch")

// fewest is how small batches become for a sink that is too slow.
const fewest = 16

// run moves events from record `from` on until ctx ends. It never gives up: an error of the sink is tried again, a little later each time. A batch that
// takes the sink too long is halved, since the whole would take too long the next time as well; batches grow again as they are taken.
func (p *pipe) run(ctx context.Context, from uint64) error {
	for {
		next, err := p.follow(ctx, from)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errSlow) {
			p.most = max(fewest, len(p.batch.Events)/2)
			p.log.Warn("batches are made smaller", zap.String("sink", p.name), zap.Int("events", p.most))
			from = next
			continue
		}
		var moved *OffsetError
		if !errors.As(err, &moved) {
			return err
		}
		p.log.Warn("sink stands elsewhere; following it", zap.String("sink", p.name), zap.Uint64("from", next), zap.Uint64("have", moved.Have))
		from = moved.Have
	}
}

func (p *pipe) follow(ctx context.Context, from uint64) (uint64, error) {
	wake, err := p.journal.NewReader(from) // reads nothing: it tells when there is more
	if err != nil {
		return from, fmt.Errorf("%s: %w", p.name, err)
	}
	defer wake.Close()
	if p.own == nil {
		p.own = newTape(p.journal, p.rows, 0, p.shared.byName)
	}
	p.own.forget()
	defer p.own.close()
	p.reset(from)
	defer p.release()
	for {
		if err := p.fill(ctx, wake); err != nil {
			return p.batch.From, err
		}
		if err := p.write(ctx); err != nil {
			return p.batch.From, err
		}
		p.m.sinkEvents.WithLabelValues(p.name).Add(float64(len(p.batch.Events)))
		p.m.sinkDead.WithLabelValues(p.name).Add(float64(len(p.batch.Dead)))
		if p.most *= 2; p.most >= p.rows {
			p.most = 0
		}
		p.taken(p.batch.UpTo)
		p.release()
		p.reset(p.batch.UpTo)
	}
}

// reset begins a batch on the shared tape, or where that is ahead of it, on the pipe's own.
func (p *pipe) reset(from uint64) {
	p.batch = protocols.Batch{Source: p.journal.ID(), From: from, UpTo: from}
	p.tape = p.shared
	if p.reel = p.tape.hold(from); p.reel == nil {
		p.tape = p.own
		p.reel = p.tape.hold(from)
	}
}

// release ends a batch.
func (p *pipe) release() { p.tape.release(p.reel) }

// fill gathers a batch: it waits for the first record, then takes what comes until the batch is full or its delay is over.
func (p *pipe) fill(ctx context.Context, wake *journal.Reader) error {
	var due time.Time
	rows := p.rows
	if p.most > 0 {
		rows = p.most
	}
	for len(p.batch.Events) < rows {
		more, ended, err := p.tape.grow(&p.batch, p.reel, rows)
		if err != nil {
			return p.gap(err)
		}
		if ended && p.batch.UpTo == p.batch.From { // nothing of this batch is in it, and the other pipe went on without it
			p.release()
			p.reset(p.batch.From)
			continue
		}
		if ended {
			return nil
		}
		if due.IsZero() && p.batch.UpTo > p.batch.From {
			due = time.Now().Add(p.delay)
		}
		if more {
			continue
		}
		if p.batch.UpTo == p.batch.From {
			err = wake.Wait(ctx, p.batch.UpTo)
		} else if left := time.Until(due); left <= 0 {
			return nil
		} else {
			wait, cancel := context.WithTimeout(ctx, left)
			err = wake.Wait(wait, p.batch.UpTo+uint64(min(stride, rows-len(p.batch.Events)))-1) // less is not worth waking for
			cancel()
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxBatchRaw bounds the frames of one batch.
const maxBatchRaw = 32 << 20

// gap passes over records that the journal lost; any other error comes back.
func (p *pipe) gap(err error) error {
	var g *journal.GapError
	if !errors.As(err, &g) {
		return err
	}
	p.log.Error("journal records are missing", zap.String("sink", p.name), zap.Uint64("from", g.From), zap.Uint64("to", g.To))
	p.m.sinkSkipped.WithLabelValues(p.name).Add(float64(g.To - g.From))
	p.batch.UpTo = g.To
	return nil
}

// write gives the batch to the sink until it takes it.
func (p *pipe) write(ctx context.Context) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, p.timeout)
		start := time.Now()
		err := p.sink.Write(attempt, p.batch)
		late := attempt.Err() != nil
		cancel()
		if err == nil {
			p.m.sinkSeconds.WithLabelValues(p.name).Observe(time.Since(start).Seconds())
			return nil
		}
		var moved *OffsetError
		if ctx.Err() != nil || errors.As(err, &moved) {
			return err
		}
		p.m.sinkErrors.WithLabelValues(p.name).Inc()
		if late && len(p.batch.Events) > fewest {
			return fmt.Errorf("%w: %w", errSlow, err)
		}
		p.log.Warn("sink does not take its batch; trying again", zap.String("sink", p.name), zap.Duration("in", wait), zap.Error(err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
