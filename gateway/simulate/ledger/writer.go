package ledger

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// flushEvery is how long a line may wait in memory: what a killed process loses.
const flushEvery = 100 * time.Millisecond

// flushAt is how many bytes may wait.
const flushAt = 32 << 10

// Writer appends entries to a file. Several processes may append to the same one: only whole lines are written, each write at the file's end.
type Writer struct {
	mu     sync.Mutex
	file   *os.File
	buf    []byte
	err    error
	closed bool
	stop   chan struct{}
	done   chan struct{}
}

// Prepare makes the file with its head, or makes one that exists fit to be continued: the start of a line at its end, left by a killed process,
// is cut off.
func Prepare(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size == 0 {
		_, err = f.WriteString(Head)
		return err
	}
	tail := make([]byte, min(size, 4096))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	end := bytes.LastIndexByte(tail, '\n')
	if end < 0 {
		return fmt.Errorf("%s: not a file of acknowledged records", name)
	}
	return f.Truncate(size - int64(len(tail)-end-1))
}

// Append opens a prepared file for more entries.
func Append(name string) (*Writer, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f, stop: make(chan struct{}), done: make(chan struct{})}
	go w.tick()
	return w, nil
}

func (w *Writer) tick() {
	defer close(w.done)
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			w.mu.Lock()
			w.flush()
			w.mu.Unlock()
		case <-w.stop:
			return
		}
	}
}

// Add appends an entry. The first failed write is told by Err and Close.
func (w *Writer) Add(e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = e.Append(w.buf)
	if len(w.buf) >= flushAt {
		w.flush()
	}
}

func (w *Writer) flush() {
	if len(w.buf) == 0 || w.err != nil {
		w.buf = w.buf[:0]
		return
	}
	_, w.err = w.file.Write(w.buf)
	w.buf = w.buf[:0]
}

// Err is the first failure.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close writes what waits. It may be called twice.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		defer w.mu.Unlock()
		return w.err
	}
	w.closed = true
	w.flush()
	if err := w.file.Close(); w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	close(w.stop)
	<-w.done
	return w.Err()
}
