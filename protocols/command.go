package protocols

// Command is a request to a device in the gateway's words; a protocol's Encode puts it into the device's.
type Command struct {
	Name string            // "custom", "engine_stop", "engine_resume", "position", "reboot", "status", ...
	Text string            // the vendor's own words, for "custom"
	Args map[string]string // typed by the command: "password", "output", "seconds", ...
	ID   uint32            // non-zero; protocols that echo a number in the answer carry it
}
