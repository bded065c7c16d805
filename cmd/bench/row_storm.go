//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate/ledger"
)

// stormBacklog is how many stored records each device of the storm comes back with.
const stormBacklog = 100

// storm has a fleet come back all at once after an outage of the network, to two nodes that share a PostgreSQL: SQLite belongs to one process, and one
// process may not open enough files for everybody.
func (b *bench) storm() error {
	url, name, stop, err := database()
	if err != nil {
		return err
	}
	defer stop()
	env := []string{"DATABASE_URL=" + url, "TRACKGATE_STORE_TIMESCALE=" + timescale(url)}
	s, err := b.startSite(2, env...)
	if err != nil {
		return err
	}
	defer s.stop()
	acked := filepath.Join(s.pairs[0].dir, "acked.csv")
	w := &stormWatch{site: s, acked: acked, records: b.stormDevices * stormBacklog}
	if w.idle, err = s.resident(); err != nil {
		return err
	}
	devices := exec.Command(b.trackgate, "simulate", "--to", s.nodes[0].devices+","+s.nodes[1].devices, "--devices", fmt.Sprint(b.stormDevices), "--backlog", fmt.Sprint(stormBacklog),
		"--interval", "10m", "--ramp", "1000000", "--duration", "0", "--grace", "10m", "--patience", "30s", "--sources", "127.0.0.2-127.0.0.9", "--acked", acked)
	devices.Env = cleanEnvironment()
	var said bytes.Buffer
	devices.Stdout, devices.Stderr = &said, io.Discard
	begun := time.Now()
	if err := devices.Start(); err != nil {
		return err
	}
	left := make(chan error, 1)
	go func() { left <- devices.Wait() }()
	err = w.follow(begun, left)
	devices.Process.Signal(os.Interrupt) // they deliver what they have made meanwhile
	if err != nil {
		devices.Process.Kill()
		return fmt.Errorf("%w\n%s", err, s.said())
	}
	if err := <-left; err != nil {
		return fmt.Errorf("simulate: %w: %s", err, said.String())
	}
	r, err := b.verified(acked, env)
	if err != nil {
		return err
	}
	b.stormRows(name, w, r, said.String())
	return nil
}

// stormWatch is what was seen of a storm.
type stormWatch struct {
	*site
	acked   string // file of the acknowledged records
	records int    // that the devices came with

	read          int64         // bytes of the file
	counted       int           // acknowledged when all were
	answered      time.Duration // until then
	behind        float64       // frames that the stores had yet to take then
	stored        time.Duration // until they had
	idle, at, top int64         // bytes of the nodes: before, when all was acknowledged, at most
}

// follow waits until everything is acknowledged, and stored.
func (w *stormWatch) follow(begun time.Time, left <-chan error) error {
	if err := w.wait(left, w.allAnswered); err != nil {
		return err
	}
	w.answered, w.at = time.Since(begun), w.top
	var err error
	if w.at, err = w.resident(); err != nil {
		return err
	}
	var due []float64 // how far each store has to come
	for _, n := range w.nodes {
		m, err := n.metrics()
		if err != nil {
			return err
		}
		due = append(due, m.sum("wal_next"))
		w.behind += m.sum("sink_lag_records", `sink="store"`)
	}
	if err := w.wait(left, func() (bool, error) { return w.allStored(due) }); err != nil {
		return err
	}
	w.stored = time.Since(begun)
	return nil
}

// wait asks again and again, and looks at the memory meanwhile.
func (w *stormWatch) wait(left <-chan error, ok func() (bool, error)) error {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	limit := time.After(time.Hour)
	for {
		now, err := w.resident()
		if err != nil {
			return err
		}
		w.top = max(w.top, now)
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-every.C:
		case err := <-left:
			return fmt.Errorf("the devices left: %v", err)
		case <-limit:
			return errors.New("the storm does not end")
		}
	}
}

// allAnswered counts the lines that the file has got since it was called last. The first one, which names the columns, is no matter.
func (w *stormWatch) allAnswered() (bool, error) {
	f, err := os.Open(w.acked)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // yet
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.ReadAt(buf, w.read)
		w.read += int64(n)
		w.counted += bytes.Count(buf[:n], []byte("\n"))
		if err == io.EOF {
			return w.counted > w.records, nil
		}
		if err != nil {
			return false, err
		}
	}
}

func (w *stormWatch) allStored(due []float64) (bool, error) {
	for i, n := range w.nodes {
		m, err := n.metrics()
		if err != nil {
			return false, err
		}
		if m.sum("wal_next")-m.sum("sink_lag_records", `sink="store"`) < due[i] {
			return false, nil
		}
	}
	return true, nil
}

// verified compares what devices were acknowledged with what is stored.
func (b *bench) verified(acked string, env []string) (r ledger.Report, err error) {
	cmd := exec.Command(b.trackgate, "verify", "--json", "--acked", acked, "--wait", "5m")
	cmd.Env = append(cleanEnvironment(), env...)
	out, failed := cmd.Output()
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("trackgate verify: %w, %w", failed, err)
	}
	if failed != nil || r.Matching != r.Acked {
		return r, fmt.Errorf("trackgate verify: %v: %s", failed, out)
	}
	return r, nil
}

var sentAgain = regexp.MustCompile(`(\d+) sent again`)

func (b *bench) stormRows(store string, w *stormWatch, r ledger.Report, said string) {
	again := 0
	if m := sentAgain.FindStringSubmatch(said); m != nil {
		again, _ = strconv.Atoi(m[1])
	}
	what := fmt.Sprintf("%s devices come back with %d records each, into %s: ", connectionsText(b.stormDevices), stormBacklog, store)
	b.results.add(row{Group: "l", What: what + "acknowledged", Ours: perSecond(float64(w.counted) / w.answered.Seconds()),
		Note: fmt.Sprintf("all %s after %s; %s sent again", count(float64(w.counted)), short(w.answered), count(float64(again)))})
	b.results.add(row{Group: "l", What: "store has caught up after", Ours: short(w.stored),
		Note: fmt.Sprintf("%s; %s frames waited when all was acknowledged", perSecond(float64(w.counted)/w.stored.Seconds()), count(w.behind))})
	b.results.add(row{Group: "l", What: "memory of both nodes when all was acknowledged", Ours: mib(w.at), Note: fmt.Sprintf("%s idle, %s at most", mib(w.idle), mib(w.top))})
	b.results.add(row{Group: "l", What: "acknowledged and not stored as sent, or twice", Ours: count(float64(r.Acked - r.Matching + r.Duplicates)), Wanted: "0", Met: r.OK(),
		Note: fmt.Sprintf("of %s records, by trackgate verify", count(float64(r.Acked)))})
}
