package gateway

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Config is the `gateway` section of the configuration; configs/trackgate.yaml says what each key means.
type Config struct {
	Any     string            `mapstructure:"any"`     // address of the any-protocol port, TCP and UDP
	Replay  string            `mapstructure:"replay"`  // address of the replay listener; empty: none
	Host    string            `mapstructure:"host"`    // address on which the protocols' own ports open
	Ports   bool              `mapstructure:"ports"`   // open the protocols' own ports
	Listen  map[string]string `mapstructure:"listen"`  // protocol -> address, beside or instead of its own port; "off" closes it
	Ack     string            `mapstructure:"ack"`     // durable, decoded or stored
	Unknown string            `mapstructure:"unknown"` // accept, quarantine or reject
	Loops   int               `mapstructure:"loops"`   // event loops; 0: one less than the cores, at least one

	CommitWindow time.Duration `mapstructure:"commit_window"` // how long a commit waits for company while groups are large

	FirstByte time.Duration `mapstructure:"first_byte"` // deadlines
	Login     time.Duration `mapstructure:"login"`
	Frame     time.Duration `mapstructure:"frame"`
	Idle      time.Duration `mapstructure:"idle"`

	Connections           int       `mapstructure:"connections"`             // in all; 0: nine tenths of the open files allowed
	ConnectionsPerAddress int       `mapstructure:"connections_per_address"` // none on loopback
	AcceptRate            int       `mapstructure:"accept_rate"`             // new connections per second, in all
	LoginsPerAddress      int       `mapstructure:"logins_per_address"`      // per second; none on loopback
	RefusalsPerAddress    int       `mapstructure:"refusals_per_address"`    // refused logins per minute after which an address is hung up on; none on loopback
	FramesPerSecond       int       `mapstructure:"frames_per_second"`       // of one connection; beyond it is read later
	BytesPerSecond        int       `mapstructure:"bytes_per_second"`        // likewise
	MemoryMiB             int       `mapstructure:"memory_mib"`              // of all devices' bytes that are not decoded or not on disk yet
	ProxyFrom             []string  `mapstructure:"proxy_from"`              // networks of balancers, whose connections begin with a PROXY header
	TLS                   TLSConfig `mapstructure:"tls"`

	Takeover             string        `mapstructure:"takeover"`               // of a device that logs in twice: newest, keep or both
	TakeoverSilence      time.Duration `mapstructure:"takeover_silence"`       // with keep and both: a connection silent for so long gives way
	ConnectionsPerDevice int           `mapstructure:"connections_per_device"` // with both
	UDPPeers             int           `mapstructure:"udp_peers"`
	Outbound             int           `mapstructure:"outbound"`    // bytes that a peer may leave unread
	Faults               int           `mapstructure:"faults"`      // refused frames in a row after which a connection is closed
	Garbage              int           `mapstructure:"garbage"`     // bytes outside frames in a row, likewise
	RefusedFile          int           `mapstructure:"refused_mib"` // size of the file of refused frames

	StoreBatch int           `mapstructure:"store_batch"` // rows
	StoreDelay time.Duration `mapstructure:"store_delay"` // the longest that a row waits for its batch

	RegistryRefresh time.Duration `mapstructure:"registry_refresh"`
	Drain           time.Duration `mapstructure:"drain"` // the longest that a stop may take
}

// cores are those that the program began with: it may have more threads run later, see MakeRoom.
var cores = runtime.GOMAXPROCS(0)

// EventLoops is how many event loops serve the devices.
func (c *Config) EventLoops() int {
	if c.Loops > 0 {
		return min(c.Loops, maxLoops)
	}
	return min(max(1, cores-1), maxLoops) // the committer and the sinks want a core as well
}

// MakeRoom lets one more thread run for each event loop; it is for the whole program, to be called once, unless its environment sets GOMAXPROCS. An event loop
// waits for its devices inside a system call. To Go's scheduler that goroutine is at work until somebody has looked twice, up to 10 ms apart: on few cores the
// committer, the sinks and whoever else could run would wait as long at every step of a record's way.
func (c *Config) MakeRoom() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores + c.EventLoops())
	}
}

// Validate says what is wrong with c.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch c.Ack {
	case "durable", "decoded", "stored":
	default:
		bad("gateway.ack: %q is none of durable, decoded, stored", c.Ack)
	}
	switch c.Takeover {
	case takeoverNewest, takeoverKeep, takeoverBoth:
	default:
		bad("gateway.takeover: %q is none of newest, keep, both", c.Takeover)
	}
	switch protocols.Policy(c.Unknown) {
	case protocols.Accept, protocols.Quarantine, protocols.Reject:
	default:
		bad("gateway.unknown: %q is none of accept, quarantine, reject", c.Unknown)
	}
	for key, d := range map[string]time.Duration{"first_byte": c.FirstByte, "login": c.Login, "frame": c.Frame, "idle": c.Idle,
		"takeover_silence": c.TakeoverSilence, "store_delay": c.StoreDelay, "registry_refresh": c.RegistryRefresh, "drain": c.Drain} {
		if d <= 0 {
			bad("gateway.%s: must be more than 0", key)
		}
	}
	for key, n := range map[string]int{"outbound": c.Outbound, "faults": c.Faults, "garbage": c.Garbage, "store_batch": c.StoreBatch,
		"memory_mib": c.MemoryMiB, "connections_per_device": c.ConnectionsPerDevice, "connections_per_address": c.ConnectionsPerAddress, "udp_peers": c.UDPPeers, "accept_rate": c.AcceptRate,
		"logins_per_address": c.LoginsPerAddress, "refusals_per_address": c.RefusalsPerAddress, "frames_per_second": c.FramesPerSecond, "bytes_per_second": c.BytesPerSecond, "refused_mib": c.RefusedFile} {
		if n <= 0 {
			bad("gateway.%s: must be more than 0", key)
		}
	}
	if c.CommitWindow < 0 || c.CommitWindow > time.Second {
		bad("gateway.commit_window: must be 0 to 1s")
	}
	if _, err := protocols.ParseNetworks(c.ProxyFrom); err != nil {
		bad("gateway.proxy_from: %w", err)
	}
	if c.TLS.Addr != "" && (c.TLS.Cert == "" || c.TLS.Key == "") {
		bad("gateway.tls: addr needs cert and key")
	}
	if c.TLS.Identity != "" && (c.TLS.Identity != "cn" || c.TLS.ClientCA == "") {
		bad("gateway.tls.identity: is empty, or cn together with client_ca")
	}
	return errors.Join(errs...)
}
