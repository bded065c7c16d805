package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults and limits of Config.
const (
	DefaultSegmentBytes = 64 << 20
	DefaultMaxBytes     = 4 << 30
	MinSegmentBytes     = 16 << 10
	MaxSegmentBytes     = 1 << 30
)

// Config says where a journal lives and how large it may grow.
type Config struct {
	Dir          string // made if it is not there
	SegmentBytes int64  // size of new segments; 0 means DefaultSegmentBytes
	MaxBytes     int64  // limit of the whole journal with its spare segment; 0 means DefaultMaxBytes
	Keep         int64  // bytes of released segments kept for decoding again, as long as the room is not needed

	// MinFree is how many bytes new segments leave free on the file system, 0 if none: a store on the same disk must be able to
	// write, or a full journal never empties. Falling below it is ErrFull.
	MinFree int64

	// Sync replaces fdatasync, of segments, of the spare and of the identity. It is for tests of what a slow or failing disk does
	// to the code above; nil means the real one.
	Sync func(f *os.File) error

	ops        *fileOps      // nil means the disk
	retryEvery time.Duration // between attempts to prepare a spare segment on a full disk; 0 means a second
}

// Log is an open journal. Append has one caller at a time; everything else may be called from any goroutine.
type Log struct {
	cfg  Config
	ops  *fileOps
	lock *os.File
	next atomic.Uint64

	appendMu sync.Mutex // one Append
	active   *segment   // written to; nil if the next Append must begin a segment
	file     *os.File   // of active

	prepareMu sync.Mutex // one preparation of a spare, one removal

	mu       sync.Mutex // never held during input or output, but for opening a file to read
	id       string
	segs     []*segment // oldest first
	bytes    int64      // of segs and spare
	spare    *os.File   // nil if there is none
	rolling  bool       // the file named spare is being made the active segment
	released uint64
	readers  []*Reader
	count    counters
	rec      recovered
	holes    map[uint64]struct{} // by the index behind each

	closing sync.Once
	closed  chan struct{}
	kick    chan struct{} // wakes the caretaker
	wait    sync.WaitGroup
	err     error // of Close
}

// Open locks and recovers the journal in cfg.Dir, making it if need be. A full disk is no error: what is there can be read.
// Close it after the readers are done with it.
func Open(cfg Config) (*Log, error) {
	l, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", cfg.Dir, err)
	}
	return l, nil
}

func open(cfg Config) (_ *Log, err error) {
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.retryEvery == 0 {
		cfg.retryEvery = time.Second
	}
	switch {
	case cfg.Dir == "":
		return nil, errors.New("no folder given")
	case cfg.SegmentBytes < MinSegmentBytes || cfg.SegmentBytes > MaxSegmentBytes || cfg.SegmentBytes%8 != 0:
		return nil, fmt.Errorf("segment size %d: must be a multiple of 8 from %d to %d bytes", cfg.SegmentBytes, MinSegmentBytes, MaxSegmentBytes)
	case cfg.MaxBytes < 2*cfg.SegmentBytes:
		return nil, fmt.Errorf("size limit %d: must hold two segments of %d bytes at least", cfg.MaxBytes, cfg.SegmentBytes)
	case cfg.Keep < 0 || cfg.MinFree < 0:
		return nil, fmt.Errorf("keep %d, least free space %d: must not be negative", cfg.Keep, cfg.MinFree)
	}
	l := &Log{cfg: cfg, ops: cfg.ops, closed: make(chan struct{}), kick: make(chan struct{}, 1)}
	if l.ops == nil {
		l.ops = diskOps()
	}
	if cfg.Sync != nil {
		ops := *l.ops
		ops.sync = cfg.Sync
		l.ops = &ops
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, err
	}
	if err := l.ops.syncDir(filepath.Dir(filepath.Clean(cfg.Dir))); err != nil {
		return nil, err
	}
	if l.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.lock.Close()
		}
	}()
	if l.id, err = loadIdentity(l.ops, cfg.Dir); err != nil {
		return nil, err
	}
	if err = l.recover(); err != nil {
		return nil, err
	}
	l.adoptSpare()
	l.wait.Add(1)
	go l.caretaker()
	return l, nil
}

// Close waits for a running Append, wakes waiting readers with ErrClosed and frees the folder. It may be called twice.
func (l *Log) Close() error {
	l.closing.Do(func() {
		close(l.closed)
		l.wait.Wait()
		l.appendMu.Lock()
		defer l.appendMu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.file != nil {
			l.err = l.file.Close()
		}
		if l.spare != nil {
			l.spare.Close()
		}
		l.active, l.file, l.spare = nil, nil, nil
		if err := l.lock.Close(); l.err == nil {
			l.err = err
		}
	})
	return l.err
}

func (l *Log) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// ID is the random identity of the folder, 32 hex digits, the same over restarts.
func (l *Log) ID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// NewIdentity gives the folder a new id, durably: for a folder that was copied or restored, so that nobody takes its
// indices for those of the original.
func (l *Log) NewIdentity() error {
	l.prepareMu.Lock()
	defer l.prepareMu.Unlock()
	if l.isClosed() {
		return ErrClosed
	}
	id, err := makeIdentity(l.ops, l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	l.mu.Lock()
	l.id = id
	l.mu.Unlock()
	return nil
}

// Next is the index behind the last committed record.
func (l *Log) Next() uint64 { return l.next.Load() }

// First is the oldest index still held; Next if there is none.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first()
}

func (l *Log) first() uint64 {
	if len(l.segs) == 0 {
		return l.next.Load()
	}
	return l.segs[0].base
}

// NewBatch returns a batch that never outgrows a segment.
func (l *Log) NewBatch() *Batch {
	return &Batch{limit: int(min(MaxBatch, l.cfg.SegmentBytes-segmentHeader))}
}
