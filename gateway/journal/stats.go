package journal

import "time"

// counters are guarded by Log.mu.
type counters struct {
	appends, records, appendedBytes uint64
	syncs                           uint64
	syncTime, slowestSync           time.Duration
	rolls, recycled, removed        uint64
	readGaps, readGapRecords        uint64
	writeFailures                   uint64
	refusedFull, refusedFailed      uint64
	fullSince, failedSince          time.Time
	noSpareSince                    time.Time
}

// Stats is a snapshot of a journal. Counters count from Open; a time is in Unix seconds and 0 while the condition does not hold.
type Stats struct {
	Bytes    int64 // of all segments with the spare, as allocated
	MaxBytes int64
	Segments int    // without the spare
	First    uint64 // oldest index held
	Next     uint64 // index behind the last committed record
	Released uint64 // the store has everything below

	Appends            uint64 // commits
	Records            uint64
	AppendedBytes      uint64
	Syncs              uint64 // fdatasync of segments
	SyncSeconds        float64
	SlowestSyncSeconds float64
	Rolls              uint64 // segments begun
	Recycled           uint64 // segments used again
	Removed            uint64 // segments removed

	Gaps            uint64 // holes found at Open, in the last segment; those before it are found by readers
	GapRecords      uint64
	TornBytes       int64 // of an unfinished commit, wiped at Open
	DamagedSegments int   // files set aside at Open
	Holes           int   // damaged places found at Open and by readers, each once
	ReadGaps        uint64
	ReadGapRecords  uint64

	SpareReady    bool
	NoSpareSince  float64 // no room for the next segment: commits still work, but not for long
	FullSince     float64 // first refusal with ErrFull since the last commit
	FailedSince   float64 // first refusal with ErrFailed since the last commit
	RefusedFull   uint64  // Appends that returned ErrFull
	RefusedFailed uint64  // Appends that returned ErrFailed
	WriteFailures uint64  // segments given up
}

// Stats returns the numbers of this moment.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.count
	return Stats{
		Bytes: l.bytes, MaxBytes: l.cfg.MaxBytes, Segments: len(l.segs),
		First: l.first(), Next: l.next.Load(), Released: l.released,
		Appends: c.appends, Records: c.records, AppendedBytes: c.appendedBytes,
		Syncs: c.syncs, SyncSeconds: c.syncTime.Seconds(), SlowestSyncSeconds: c.slowestSync.Seconds(),
		Rolls: c.rolls, Recycled: c.recycled, Removed: c.removed,
		Gaps: l.rec.gaps, GapRecords: l.rec.gapRecords, TornBytes: l.rec.tornBytes, DamagedSegments: l.rec.damaged, Holes: len(l.holes),
		ReadGaps: c.readGaps, ReadGapRecords: c.readGapRecords,
		SpareReady: l.spare != nil, NoSpareSince: unixSeconds(c.noSpareSince),
		FullSince: unixSeconds(c.fullSince), FailedSince: unixSeconds(c.failedSince),
		RefusedFull: c.refusedFull, RefusedFailed: c.refusedFailed, WriteFailures: c.writeFailures,
	}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
