//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// marked is a table in a page that is otherwise written by hand, between marks that name its group of rows.
var marked = regexp.MustCompile(`(?s)(<!-- bench ([a-z]) -->\n).*?(<!-- /bench -->)`)

// writeReliability renews the tables of reliability.md, which has the figures of full runs only. A folder without that page is left as it is, and so is a table whose rows were not measured.
func (r *results) writeReliability(docs string) error {
	path := filepath.Join(docs, "reliability.md")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, marked.ReplaceAllFunc(raw, func(old []byte) []byte {
		m := marked.FindSubmatch(old)
		group := string(m[2])
		if !r.has(group) {
			return old
		}
		return []byte(string(m[1]) + r.table(group) + "\n" + r.Machine.sentence() + "\n" + string(m[3]))
	}), 0o644)
}

// sentence says where a table is from.
func (m *machine) sentence() string {
	return fmt.Sprintf("Revision %s, %d cores, load average %s before.", m.Revision, m.Cores, m.Load)
}

// has says whether a group was measured.
func (r *results) has(group string) bool {
	for _, w := range r.Rows {
		if w.Group == group {
			return true
		}
	}
	return false
}
