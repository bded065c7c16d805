package gateway

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"

	"go.uber.org/zap"
)

// refusedFrame is a frame that was not accepted, as kept for the operator. The line is what `trackgate decode --jsonl` reads, so that
// it can show what such a frame means.
type refusedFrame struct {
	At       string `json:"at"`
	Session  string `json:"session"`
	Protocol string `json:"protocol,omitempty"`
	Remote   string `json:"remote"`
	Device   string `json:"device,omitempty"`
	Fault    string `json:"fault"`
	Error    string `json:"error"`
	Bytes    int    `json:"bytes"` // of the whole frame; input holds the first of them
	Kind     string `json:"kind"`
	Input    string `json:"input"`
}

// refusedBytes is how much is kept of one frame.
const refusedBytes = 4 << 10

// refusals keeps refused frames in a file of bounded size, off the hot path: what can not be written fast enough is counted and lost.
type refusals struct {
	path  string
	limit int64
	queue chan refusedFrame
	m     *metrics
	log   *zap.Logger
}

func newRefusals(dir string, mib int, m *metrics, log *zap.Logger) *refusals {
	return &refusals{path: filepath.Join(dir, "refused.jsonl"), limit: int64(mib) << 20 / 2, queue: make(chan refusedFrame, 1024), m: m, log: log}
}

// keep takes a frame; raw is copied.
func (r *refusals) keep(s *session, raw []byte, fault string, err error) {
	f := refusedFrame{Session: strconv.FormatUint(s.number, 10), Remote: s.remote.String(), Device: s.state.Device, Fault: fault, Error: err.Error(),
		Bytes: len(raw), Kind: "hex", Input: hex.EncodeToString(raw[:min(len(raw), refusedBytes)]), At: clock().String()}
	if s.protocol != nil {
		f.Protocol = s.protocol.Name
	}
	select {
	case r.queue <- f:
	default:
		r.m.refusedLost.Inc()
	}
}

// run writes until ctx ends and the queue is empty. The file is renamed to .1 when it holds half of what is allowed.
func (r *refusals) run(ctx context.Context) {
	var file *os.File
	var w *bufio.Writer
	var size int64
	defer func() {
		if file != nil {
			w.Flush()
			file.Close()
		}
	}()
	write := func(f refusedFrame) {
		if file != nil && size > r.limit {
			w.Flush()
			file.Close()
			file = nil
			if err := os.Rename(r.path, r.path+".1"); err != nil {
				r.log.Error("refused frames not rotated", zap.Error(err))
			}
		}
		if file == nil {
			var err error
			if file, err = os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
				r.m.refusedLost.Inc()
				return
			}
			if st, err := file.Stat(); err == nil {
				size = st.Size()
			}
			w = bufio.NewWriter(file)
		}
		line, err := json.Marshal(f)
		if err != nil {
			return
		}
		n, _ := w.Write(append(line, '\n'))
		size += int64(n)
		if len(r.queue) == 0 {
			w.Flush()
		}
	}
	for {
		select {
		case f := <-r.queue:
			write(f)
		case <-ctx.Done():
			for {
				select {
				case f := <-r.queue:
					write(f)
				default:
					return
				}
			}
		}
	}
}
