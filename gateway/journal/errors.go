package journal

import (
	"errors"
	"fmt"
)

var (
	// ErrFull says that nothing was written because there is no room for another segment: the size limit is used up by records
	// that the store has not taken yet, or the file system is full. Append works again once there is room.
	ErrFull = errors.New("journal: full")
	// ErrFailed says that the disk refused a write or a sync, also in a fresh segment. The batch is not committed. The next
	// Append tries yet another segment.
	ErrFailed = errors.New("journal: write failed")
	// ErrLocked says that another process, or another Log of this one, has the folder open.
	ErrLocked = errors.New("journal: folder in use")
	// ErrClosed is what everything returns after Close.
	ErrClosed = errors.New("journal: closed")
	// ErrRecordTooLarge says that a record is longer than MaxRecord or can never fit a batch.
	ErrRecordTooLarge = errors.New("journal: record too large")
	// ErrBatchFull says that the record was not added because the batch has no room for it: append the batch, reset it, add again.
	ErrBatchFull = errors.New("journal: batch full")
	// ErrBatchTooLarge says that the batch does not fit one segment. Batches from [Log.NewBatch] never grow that large.
	ErrBatchTooLarge = errors.New("journal: batch larger than a segment")
	// ErrBeyondEnd says that a reader was wanted behind the end of the journal: the offset belongs to another journal, or
	// this folder was copied or restored.
	ErrBeyondEnd = errors.New("journal: index beyond the end")
)

// GapError says that the records From up to, but not including, To cannot be read: they were released, or the disk damaged them.
type GapError struct {
	From, To uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("journal: records %d to %d are missing", e.From, e.To-1)
}
