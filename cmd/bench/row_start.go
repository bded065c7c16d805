//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// start measures how soon a node with a full journal answers a device, and how soon its store has everything.
func (b *bench) start() error {
	dir, err := os.MkdirTemp("", "trackgate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	records, err := fillJournal(dir, b.journal)
	if err != nil {
		return fmt.Errorf("fill the journal: %w", err)
	}
	read, size, err := readFolder(filepath.Join(dir, "journal"))
	if err != nil {
		return err
	}
	begun := time.Now()
	n, err := b.startNode(dir, "TRACKGATE_JOURNAL_MAX_MIB="+fmt.Sprint(2*b.journal>>20+256))
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.until(patience, "answering", func() (bool, error) { return firstAnswer(n.devices) == nil, nil }); err != nil {
		return err
	}
	answered := time.Since(begun)
	if err := n.ready(); err != nil {
		return err
	}
	if err := n.drained(float64(records)); err != nil {
		return err
	}
	caught := time.Since(begun)
	wanted, gib := "< 1 s", float64(size)/(1<<30)
	b.results.add(row{Group: "h", What: fmt.Sprintf("start with %d MiB of journal: first answer", size>>20), Limit: short(read), Ours: short(answered),
		Ratio: answered.Seconds() / read.Seconds(), Wanted: wanted, Met: answered < time.Second, Note: fmt.Sprintf("%.2f s a GiB; the limit is reading the files once, from the page cache", answered.Seconds()/gib)})
	b.results.add(row{Group: "h", What: "the same: store has caught up", Limit: short(read), Ours: short(caught), Ratio: caught.Seconds() / read.Seconds(),
		Note: fmt.Sprintf("%.1f s a GiB; %s records, %s", caught.Seconds()/gib, count(float64(records)), perSecond(float64(records)/caught.Seconds()))})
	return nil
}

// fillJournal lets a gateway whose store takes nothing fill the journal in dir, a frame a record, as devices do that are online.
func fillJournal(dir string, bytes int64) (records uint64, err error) {
	p := new(pair)
	defer func() {
		if p.fleet != nil {
			p.fleet.stop()
		}
		if p.server != nil {
			p.server.stop()
		}
	}()
	if p.server, err = startPart("server"); err != nil {
		return 0, err
	}
	s, err := p.state(&serverOrder{Do: "start", Kind: "gateway", Protocol: "gt06", Dir: dir, Stuck: true})
	if err != nil {
		return 0, err
	}
	if p.fleet, err = startPart("fleet"); err != nil {
		return 0, err
	}
	if _, err := command(p.fleet, &order{Do: "connect", To: s.Addr, Protocol: "gt06", Connections: 1000}); err != nil {
		return 0, err
	}
	for s.Bytes < uint64(bytes) {
		out, err := command(p.fleet, &order{Do: "closed", Flight: 1, Fresh: true, Seconds: 0.1})
		if err != nil {
			return 0, err
		}
		records += uint64(out.Records)
		if s, err = p.state(&serverOrder{Do: "stats"}); err != nil {
			return 0, err
		}
	}
	return records, nil
}

// readFolder reads all files once.
func readFolder(dir string) (took time.Duration, size int64, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		return 0, 0, err
	}
	buf := make([]byte, 1<<20)
	begun := time.Now()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return 0, 0, err
		}
		n, err := io.CopyBuffer(onlyWriter{io.Discard}, f, buf)
		f.Close()
		if err != nil {
			return 0, 0, err
		}
		size += n
	}
	return time.Since(begun), size, nil
}

// onlyWriter keeps io.Copy from asking for more than Write.
type onlyWriter struct{ io.Writer }

// firstAnswer logs a device in and waits for the answer to one location.
func firstAnswer(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	w, err := wireOf("gt06", 1)
	if err != nil {
		return err
	}
	b := w.frame(w.login(nil, 999_999), 1, time.Now().UTC())
	if _, err := c.Write(b); err != nil {
		return err
	}
	answers := make([]byte, w.welcome+w.answer)
	if _, err := io.ReadFull(c, answers); err != nil {
		return errors.Join(errPatience, err)
	}
	return nil
}
