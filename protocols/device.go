package protocols

// Device is what the registry knows of a tracker.
type Device struct {
	ID      string // IMEI or the protocol's own identity
	Vehicle string // what it is mounted on; its own id when the operator said nothing
	Groups  []string
	Options Options
	Policy  Policy
}

// Policy says what the gateway does with a device.
type Policy string

const (
	Accept     Policy = "accept"     // acknowledged, stored, published
	Quarantine Policy = "quarantine" // acknowledged and journaled, stored apart, never published
	Reject     Policy = "reject"     // refused at login
)

// Batch is what a sink takes from the journal in one step: all events and dead letters of the records [From, UpTo).
type Batch struct {
	Source     string // identity of the journal
	From, UpTo uint64
	Events     []Event
	Dead       []DeadLetter
}

// DeadLetter is a record that can not be stored as an event: its frame no longer decodes, or the store refuses its row.
type DeadLetter struct {
	Index uint64 // of the journal record
	Raw   []byte
	Error string
}
