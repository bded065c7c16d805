// Package persistence keeps events for good: in TimescaleDB (or plain PostgreSQL) over pgx, or in an embedded SQLite file.
// Both kinds of store keep the same promises, and one conformance suite holds them to it.
//
// The unit of writing is a protocols.Batch: whatever the journal holds between two offsets. Rows, dead letters, last known
// positions and the journal's offset move in one transaction, so that a batch is stored once, whatever crashes when. The
// unique key (device, time, fingerprint) catches what the offset can not: a record that the device itself sent twice.
package persistence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
	"go.uber.org/zap"
)

// Store is what the rest of the gateway sees of a database. All methods may be called by several goroutines at once. Errors of
// the database are worth a retry, unless they wrap ErrSchema or ErrRequest or are an ErrOffset.
type Store interface {
	// Write stores b in one transaction: rows, rows kept apart, dead letters, last positions, and the offset of b.Source moved
	// from b.From to b.UpTo. A source without an offset begins at b.From. Where the stored offset is another, nothing is stored
	// and the error is an ErrOffset; so a batch whose commit was answered by silence is simply written again. The store keeps
	// nothing of b after the call.
	Write(ctx context.Context, b protocols.Batch) (Result, error)
	// Offset tells up to which journal index the source is stored; found is false for a source never written.
	Offset(ctx context.Context, source string) (next uint64, found bool, err error)

	// History returns the events of one vehicle in ascending order of time, device and fingerprint, and the cursor of the next
	// page, empty at the end.
	History(ctx context.Context, q HistoryQuery) (events []protocols.Event, cursor string, err error)
	// Last returns the last known event of each of the vehicles that has one, in no particular order. Once a vehicle had a live
	// fix it is the newest of these; before, it is the newest event of any kind.
	Last(ctx context.Context, vehicles []string) ([]protocols.Event, error)
	// LastAll returns the last known events of up to limit vehicles behind after, in order of the vehicle.
	LastAll(ctx context.Context, after string, limit int) ([]protocols.Event, error)
	// Known says that something is stored of the vehicle, be it nothing but late records, which Last does not show.
	Known(ctx context.Context, vehicle string) (bool, error)
	// Contacts tells when something, of whatever kind, was last received of each of the vehicles.
	Contacts(ctx context.Context, vehicles []string) (map[string]protocols.Millis, error)
	// Hourly returns the hours of one vehicle that begin in [from, to), ascending.
	Hourly(ctx context.Context, vehicle string, from, to protocols.Millis) ([]Hour, error)
	// DeadLetters returns up to limit records that could not be stored, behind the number after, oldest first.
	DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error)

	// Device returns what the registry knows of a device.
	Device(ctx context.Context, id string) (d protocols.Device, found bool, err error)
	// Devices returns up to limit devices with ids behind after, in order of the id.
	Devices(ctx context.Context, after string, limit int) ([]protocols.Device, error)
	// PutDevices adds the devices to the registry or replaces what it said of them, all or none.
	PutDevices(ctx context.Context, devices []protocols.Device) error
	// DevicesChanged returns devices that were added or changed after the revision since, at most limit of them, and the revision
	// to ask with next; with next == since there was nothing. It is cheap: every node polls it.
	DevicesChanged(ctx context.Context, since uint64, limit int) (changed []protocols.Device, next uint64, err error)

	// Grants returns what a person may see: vehicles (or "*") and groups.
	Grants(ctx context.Context, sub string) (vehicles, groups []string, err error)
	PutGrant(ctx context.Context, g Grant) error
	RemoveGrant(ctx context.Context, g Grant) error
	// Revision is a number that goes up with each change of the registry or of a grant.
	Revision(ctx context.Context) (uint64, error)

	// Check says whether the schema is the one this version wants, and if not, what to do: the error wraps ErrSchema.
	Check(ctx context.Context) error
	// Retain deletes what is older than the configuration keeps, as of now, in small transactions. It returns the number of
	// deleted rows. Run it every few minutes; where the database does it by itself there is little left to do.
	Retain(ctx context.Context, now protocols.Millis) (int64, error)
	// Close may be called twice.
	Close() error
}

// Result counts what became of the events of a batch.
type Result struct {
	Stored      int // rows added to the history
	Quarantined int // rows added apart from it: wild times, devices in quarantine
	Duplicates  int // records stored before
	Differing   int // of the rows added, those whose key was taken by another record and that took the next fingerprint
	Dead        int // dead letters added: those of the batch, and events that no row can hold
}

// HistoryQuery asks for a page of one vehicle's events.
type HistoryQuery struct {
	Vehicle     string
	From, To    protocols.Millis // From inclusive, To exclusive; 0 means no beginning, no end
	Limit       int              // 0 means DefaultLimit; more than MaxLimit is MaxLimit
	Cursor      string           // of the page before; empty for the first
	Quarantined bool             // ask for the events kept apart instead
}

// Limits of one page.
const (
	DefaultLimit = 1000
	MaxLimit     = 10_000
)

// DeadLetter is a record that could not be stored as an event.
type DeadLetter struct {
	Number int64 // ascending; ask for more with it
	Source string
	At     protocols.Millis
	protocols.DeadLetter
}

// Grant lets a person see one vehicle, all of them (Vehicle "*"), or those of a group. Exactly one of Vehicle and Group is set.
type Grant struct{ Sub, Vehicle, Group string }

func (g Grant) check() error {
	if g.Sub == "" || (g.Vehicle == "") == (g.Group == "") {
		return fmt.Errorf("%w: a grant has a sub, and either a vehicle or a group", ErrRequest)
	}
	if unclean(g.Sub) || unclean(g.Vehicle) || unclean(g.Group) {
		return fmt.Errorf("%w: a grant is of UTF-8 text without NUL", ErrRequest)
	}
	return nil
}

// ErrOffset says that the stored offset of a batch's source is not the batch's From: another writer, or an earlier life of this
// one, has committed. Continue from Have.
type ErrOffset struct {
	Source string
	From   uint64 // what the batch assumed
	Have   uint64 // what is stored
}

func (e *ErrOffset) Error() string {
	return fmt.Sprintf("store: source %s is stored up to %d, not %d", e.Source, e.Have, e.From)
}

// Offset returns Have, for callers that do not import this package.
func (e *ErrOffset) Offset() uint64 { return e.Have }

var (
	// ErrSchema is wrapped by errors that an operator has to mend: a missing extension, a database of another version.
	ErrSchema = errors.New("database schema")
	// ErrRequest is wrapped by errors that are the caller's: a cursor not of this store, a grant of nothing.
	ErrRequest = errors.New("bad request")
)

// Open connects to the store that cfg names. Errors in cfg and in the schema are returned; a server that can not be reached is not
// an error: it is logged, and the schema is brought up to date by the first call that reaches it.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (Store, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if cfg.server() {
		return openPostgres(ctx, cfg, log)
	}
	return openSQLite(ctx, cfg, log)
}

// Migrate brings the schema of the store that cfg names up to date, and returns the names of the steps taken.
func Migrate(ctx context.Context, cfg Config, log *zap.Logger) ([]string, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if cfg.server() {
		return migratePostgresURL(ctx, cfg, log)
	}
	return migrateSQLiteFile(ctx, cfg)
}

// Check says whether the schema of the store that cfg names is the one this version wants. It changes nothing.
func Check(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if cfg.server() {
		return checkPostgresURL(ctx, cfg)
	}
	return checkSQLiteFile(ctx, cfg)
}

func checkBatch(b *protocols.Batch) error {
	switch {
	case b.Source == "" || unclean(b.Source):
		return fmt.Errorf("%w: a batch names its source", ErrRequest)
	case b.UpTo < b.From || b.UpTo > 1<<63-1:
		return fmt.Errorf("%w: a batch from %d up to %d", ErrRequest, b.From, b.UpTo)
	}
	return nil
}

// unclean says that a text is not what both databases store unchanged.
func unclean(s string) bool { return clean(s) != s }

// clean replaces what a database refuses in a text: NUL, and bytes that are not UTF-8.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 || s[i] >= 0x80 {
			s = strings.ToValidUTF8(s, "\ufffd")
			return strings.ReplaceAll(s, "\x00", "\ufffd")
		}
	}
	return s
}

func pageSize(limit, standard int) int {
	if limit <= 0 {
		return standard
	}
	return min(limit, MaxLimit)
}
