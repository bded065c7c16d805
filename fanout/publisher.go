package fanout

import (
	"context"
	"fmt"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// LiveFor is the age, by receipt, up to which every event is published. Of what is older only each vehicle's newest live fix is: after an
// outage the map wants the present, and the past is in the store.
const LiveFor = 60 * time.Second

// Publisher is the live sink's body: it says what of a batch is published.
type Publisher struct {
	bus      Bus
	counters *Counters
	timeout  time.Duration
}

// NewPublisher makes a publisher on a bus.
func NewPublisher(bus Bus, c *Counters) *Publisher {
	return &Publisher{bus: bus, counters: c, timeout: 5 * time.Second}
}

// Write publishes the batch. It keeps nothing of it. After an error the batch may be written again, or given up: what counts is the last
// known of each vehicle, and the next batch brings that. It returns within a bounded time, whatever state the bus is in.
func (p *Publisher) Write(ctx context.Context, b protocols.Batch) error {
	messages := p.choose(b.Events, time.Now())
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if err := p.bus.Publish(ctx, messages); err != nil {
		p.counters.PublishFailed.Add(uint64(len(messages)))
		return fmt.Errorf("fanout: publish: %w", err)
	}
	p.counters.Published.Add(uint64(len(messages)))
	return nil
}

// choose applies "live means now", keeping the order.
func (p *Publisher) choose(events []protocols.Event, now time.Time) []*Message {
	since := protocols.At(now.Add(-LiveFor))
	var newest map[string]int // the vehicle's newest live fix in the batch, where one of the batch is old
	for i := range events {
		if events[i].Received <= since {
			newest = make(map[string]int)
			break
		}
	}
	if newest != nil {
		for i := range events {
			e := &events[i]
			if !e.Live() {
				continue
			}
			if j, ok := newest[vehicleOf(e)]; !ok || e.Time >= events[j].Time {
				newest[vehicleOf(e)] = i
			}
		}
	}
	messages := make([]*Message, 0, len(events))
	for i := range events {
		e := &events[i]
		if e.Received <= since {
			if j, ok := newest[vehicleOf(e)]; !ok || i != j {
				p.counters.PublishSkipped.Add(1)
				continue
			}
		}
		if vehicleOf(e) == "" || e.Quarantined {
			p.counters.PublishSkipped.Add(1)
			continue // nobody could follow it, nor be allowed to; or nobody should
		}
		messages = append(messages, NewMessage(e))
	}
	return messages
}

func vehicleOf(e *protocols.Event) string {
	if e.Vehicle != "" {
		return e.Vehicle
	}
	return e.Device
}
