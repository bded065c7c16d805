package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"time"
)

// deflate measures what permessage-deflate (RFC 7692) would cost and save, each message by itself as a server without a window per client has to: frames of
// one and of many events, at the fastest level. It is the processor time of one frame for one client.
func (b *bench) deflate(*contender, *process) (figures []figure, err error) {
	for _, events := range []int{1, 10, 100} {
		var frame bytes.Buffer
		p := &publisher{began: b.began, newest: make([]int64, 1000)}
		for i := range events {
			if i > 0 {
				frame.WriteByte(',')
			}
			p.event(i*7%1000, b.began.Add(time.Duration(i)*13*time.Millisecond))
			frame.WriteString(`{"type":"location:update",`)
			frame.Write(p.body[1:])
		}
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, flate.BestSpeed)
		if err != nil {
			return nil, err
		}
		rounds, began := 0, time.Now()
		for time.Since(began) < b.step/4 {
			out.Reset()
			w.Reset(&out)
			w.Write(frame.Bytes())
			w.Flush()
			rounds++
		}
		each := time.Since(began).Seconds() / float64(rounds) * 1e6
		saved := frame.Len() - (out.Len() - 4) // the last four bytes are not sent
		r := flate.NewReader(&out)
		if back, _ := io.ReadAll(io.LimitReader(r, int64(frame.Len()))); !bytes.Equal(back, frame.Bytes()) {
			return nil, fmt.Errorf("a frame of %d events does not come back", events)
		}
		name := fmt.Sprintf("permessage-deflate, %d events (%d bytes)", events, frame.Len())
		figures = append(figures, figure{what: name + ": bytes saved", value: 100 * float64(saved) / float64(frame.Len()), unit: "%"},
			figure{what: name + ": CPU for a million events", value: each / float64(events), unit: "s"})
	}
	return figures, nil
}
