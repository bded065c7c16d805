package replay

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Write prints the outcome in a line, and a line for each difference.
func (o *Outcome) Write(w io.Writer) {
	state := "ok"
	switch {
	case o.Err != nil:
		state = "failed"
	case o.Missing > 0:
		state = "missing"
	case o.Differs > 0:
		state = "differs"
	}
	fmt.Fprintf(w, "%-8s %s: %d segments, %d bytes; answers %d equal, %d different, %d missing", state, o.Name,
		o.Segments, o.Sent, o.Equal, o.Differs, o.Missing)
	if o.Unjudged > 0 {
		fmt.Fprintf(w, ", %d unjudged (%s)", o.Unjudged, o.Unsure)
	}
	if o.Extra > 0 {
		fmt.Fprintf(w, "; %d bytes not in the capture", o.Extra)
	}
	if o.HungUp {
		fmt.Fprint(w, "; the server hung up")
	}
	if o.Err != nil {
		fmt.Fprintf(w, "; %v", o.Err)
	}
	fmt.Fprintln(w)
	for _, d := range o.Differences {
		got := "nothing"
		if len(d.Got) > 0 {
			got = fmt.Sprintf("%x", d.Got)
		}
		fmt.Fprintf(w, "         want %x\n         got  %s\n", d.Want, got)
	}
}

// Write prints the sum as a table.
func (t *Total) Write(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(name string, v any) { fmt.Fprintf(tab, "%s\t%v\n", name, v) }
	row("conversations", t.Conversations)
	row("failed", t.Failed)
	row("segments sent", t.Segments)
	row("bytes sent", t.Sent)
	row("answers equal", t.Equal)
	row("answers different", t.Differs)
	row("answers missing", t.Missing)
	row("answers unjudged", t.Unjudged)
	row("bytes not in captures", t.Extra)
	row("time", t.Took.Round(time.Millisecond))
	tab.Flush()
}

// Err says why the replay did not go as captured: a conversation that could not be played, an answer that did not come, and, if strict, one that was another.
func (t *Total) Err(strict bool) error {
	switch {
	case t.Failed > 0:
		return fmt.Errorf("%d of %d conversations failed", t.Failed, t.Conversations)
	case t.Missing > 0:
		return fmt.Errorf("%d answers are missing", t.Missing)
	case strict && t.Differs > 0:
		return fmt.Errorf("%d answers differ", t.Differs)
	}
	return nil
}
