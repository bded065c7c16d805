package inspect

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/trackgate/trackgate/protocols"
)

// AnyPort is the port that takes every protocol.
const AnyPort = 5000

// Finding is a protocol that may own some bytes, in one of its forms, and what it makes of them.
type Finding struct {
	protocols.Candidate
	Result Result
}

// rank orders findings: by verdict, and within it by whether the bytes can be read.
func (f *Finding) rank() int { return int(f.Verdict)*4 + grade(&f.Result) }

// Identify lists every protocol that does not rule b out, best first; over TCP before UDP, then by name.
func (d *Decoder) Identify(b []byte) []Finding {
	var found []Finding
	for _, datagram := range []bool{false, true} {
		for _, c := range protocols.Candidates(d.Protocols, b, datagram) {
			if port(c.Protocol, datagram) == 0 {
				continue
			}
			r, _ := d.read(c.Protocol, protocols.Session{}, b, datagram)
			r.Reason = c.Reason
			found = append(found, Finding{c, r})
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		if a.rank() != b.rank() {
			return b.rank() - a.rank()
		}
		return strings.Compare(a.Protocol.Name, b.Protocol.Name)
	})
	return found
}

func port(p *protocols.Protocol, datagram bool) int {
	if datagram {
		return p.UDP
	}
	return p.TCP
}

// WriteFindings prints findings for people, with what to do next.
func WriteFindings(w io.Writer, b []byte, found []Finding) {
	fmt.Fprintf(w, "%s: %s\n\n", count(len(b), "byte"), preview(b))
	if len(found) == 0 {
		fmt.Fprint(w, `No protocol recognises these bytes. What to do:
  - Give the first bytes of the connection: most trackers say who they are only in the login.
  - Hex from a log must be complete. Text must keep its first and last character; quote it: identify '"*HQ,..."'
  - Know the model? Try its protocol: trackgate decode --protocol NAME HEX. "trackgate decode --help" lists the names.
  - Record the device's conversation (tcpdump -w device.pcap port 5000) and look at it: trackgate decode device.pcap
`)
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "VERDICT\tPROTOCOL\tOVER\tPORT\tWHY\tDECODES TO")
	for i := range found {
		f := &found[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", f.Verdict, f.Protocol.Name, transport(f.Result.Datagram),
			port(f.Protocol, f.Result.Datagram), f.Reason, f.Result.brief())
	}
	t.Flush()
	switch best := &found[0]; best.Verdict {
	case protocols.Sure, protocols.Likely:
		fmt.Fprintf(w, "\nPoint the device at %s port %d, or at port %d, which takes any protocol.\n",
			transport(best.Result.Datagram), port(best.Protocol, best.Result.Datagram), AnyPort)
	default:
		fmt.Fprintln(w, "\nMore bytes are needed to be certain: add the next ones of the same connection.")
	}
}

// brief says in a few words what the bytes decode to.
func (r *Result) brief() string {
	if fault := r.Fault(); fault != "" && fault != "checksum" {
		return "nothing: " + fault
	}
	var parts []string
	events := 0
	for i := range r.Frames {
		if t := r.Frames[i].Type; t != "" && !slices.Contains(parts, t) && len(parts) < 4 {
			parts = append(parts, t)
		}
		events += len(r.Frames[i].Events)
	}
	if r.Device != "" {
		parts = append(parts, "device "+r.Device)
	}
	if events > 0 {
		parts = append(parts, count(events, "event"))
	}
	if r.Fault() != "" {
		parts = append(parts, "bad checksum")
	}
	return strings.Join(parts, ", ")
}

func transport(datagram bool) string {
	if datagram {
		return "UDP"
	}
	return "TCP"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
