package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Options say what a fleet does.
type Options struct {
	To        []string // gateways, host:port; each device dials them in turn
	Protocol  string   // gt06, teltonika or mixed
	Devices   int
	Interval  time.Duration // between records
	Jitter    time.Duration // up to which an interval is longer or shorter
	Backlog   int           // records that wait in a device when it starts
	Misbehave float64       // share of the devices
	Misdeed   string        // the one that they do; empty: any, at random
	Duration  time.Duration // 0: until stopped
	Grace     time.Duration // then, to deliver what waits
	Patience  time.Duration // the wait for an answer
	Backoff   time.Duration // the first wait before connecting again
	Ramp      float64       // first connects per second
	Sources   []netip.Addr  // addresses to dial from; none: the system's choice
	FirstIMEI uint64        // of device 0; the last digit is made to fit
	Seed      uint64
	Part      int // of Parts: this process has the devices whose number leaves this rest
	Parts     int
}

// Validate says what is wrong.
func (o *Options) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(len(o.To) > 0, "--to: no gateway")
	for _, to := range o.To {
		bad(strings.Contains(to, ":"), "--to %s: host:port", to)
	}
	bad(o.Protocol == "gt06" || o.Protocol == "teltonika" || o.Protocol == "mixed", "--protocol %s: gt06, teltonika or mixed", o.Protocol)
	bad(o.Devices > 0 && o.Devices <= mostDevices, "--devices: 1 to %d", mostDevices)
	bad(o.Interval >= time.Millisecond, "--interval: at least 1ms")
	bad(o.Jitter >= 0 && o.Jitter <= o.Interval, "--jitter: 0 to the interval")
	bad(o.Backlog >= 0 && o.Backlog <= 100_000, "--backlog: 0 to 100000")
	bad(o.Misbehave >= 0 && o.Misbehave <= 1, "--misbehave: 0 to 1")
	bad(o.Misdeed == "" || misdeedNamed(o.Misdeed) != nil, "--misdeed %q: is none of %s", o.Misdeed, strings.Join(Misdeeds(), "; "))
	bad(o.Duration >= 0 && o.Grace >= 0, "--duration, --grace: not negative")
	bad(o.Patience > 0 && o.Backoff > 0, "--patience, --backoff: more than 0")
	bad(o.Ramp > 0 && o.Ramp <= math.MaxInt32, "--ramp: more than 0")
	bad(o.Duration == 0 || float64(o.Devices)/o.Ramp < o.Duration.Seconds(), "--duration %v is over before all devices have connected at --ramp %v a second", o.Duration, o.Ramp)
	bad(o.FirstIMEI/10+uint64(max(0, o.Devices)) <= 99_999_999_999_999, "--first-imei: 15 digits, and room for --devices")
	bad(o.Parts > 0 && o.Part >= 0 && o.Part < o.Parts, "part %d of %d", o.Part, o.Parts)
	return errors.Join(errs...)
}

const mostDevices = 1_000_000

// memory is how many records a device keeps.
func (o *Options) memory() int { return o.Backlog + 4096 }

// misbehaves draws whether device i is one of those that do.
func (o *Options) misbehaves(i int) bool {
	return rand.New(rand.NewPCG(o.Seed, ^uint64(i))).Float64() < o.Misbehave
}

// imei is the number of device i: the first 14 digits count up, the last one is Luhn's.
func (o *Options) imei(i int) uint64 {
	body := o.FirstIMEI/10 + uint64(i)
	sum, double := uint64(0), true
	for v := body; v > 0; v /= 10 {
		d := v % 10
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return body*10 + (10-sum%10)%10
}

// ParseSources reads a list of addresses and ranges: 127.0.0.2-127.0.0.9,10.0.0.1.
func ParseSources(s string) ([]netip.Addr, error) {
	var out []netip.Addr
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		low, high, isRange := strings.Cut(part, "-")
		a, err := netip.ParseAddr(low)
		if err != nil {
			return nil, err
		}
		b := a
		if isRange {
			if b, err = netip.ParseAddr(high); err != nil {
				return nil, err
			}
		}
		if b.Less(a) || a.BitLen() != b.BitLen() {
			return nil, fmt.Errorf("%s: not a range", part)
		}
		for ; !b.Less(a); a = a.Next() {
			if out = append(out, a); len(out) > mostSources {
				return nil, fmt.Errorf("%s: more than %d addresses", s, mostSources)
			}
		}
	}
	return out, nil
}

const mostSources = 1024

// Processes is how many processes so many devices need, by the number of files that one may open.
func Processes(devices int) int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil || r.Cur <= spareFiles {
		return 1
	}
	each := min(int(min(r.Cur, 1<<20))-spareFiles, mostInProcess)
	return (devices + each - 1) / max(1, each)
}

const (
	spareFiles    = 100    // that a process opens for other things than devices
	mostInProcess = 20_000 // devices, whose memory is to be collected
)
