//go:build linux

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// page is docs/performance.md without its numbers.
//
//go:embed performance.md.tmpl
var page string

// write writes performance.md and its plots into a folder.
func (r *results) write(docs string) error {
	t, err := template.New("performance.md").Funcs(template.FuncMap{
		"table":  r.table,
		"missed": r.missed,
		"cell":   r.cell,
		"short":  short,
	}).Parse(page)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, r); err != nil {
		return err
	}
	folder := filepath.Join(docs, "performance")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range r.Plots {
		if err := os.WriteFile(filepath.Join(folder, p.Name+".svg"), []byte(p.svg()), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, "performance.md"), []byte(b.String()), 0o644)
}

// table is the rows of a group in Markdown.
func (r *results) table(group string) string {
	var b strings.Builder
	b.WriteString("| | limit | Trackgate | ratio | wanted | |\n| --- | ---: | ---: | ---: | --- | --- |\n")
	for _, w := range r.Rows {
		if w.Group != group {
			continue
		}
		verdict := strings.Replace(w.verdict(), "MISSED", "**missed**", 1)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", w.What, w.Limit, w.Ours, w.ratioText(), verdict, w.Note)
	}
	return b.String()
}

// missed says whether a group has a row that is not what is wanted.
func (r *results) missed(group string) bool {
	for _, w := range r.Rows {
		if w.Group == group && w.Wanted != "" && !w.Met {
			return true
		}
	}
	return false
}

// cell is a figure of the first row of a group whose text begins so: limit, ours or ratio.
func (r *results) cell(group, begins, which string) string {
	for _, w := range r.Rows {
		if w.Group != group || !strings.HasPrefix(w.What, begins) {
			continue
		}
		switch which {
		case "limit":
			return w.Limit
		case "ours":
			return w.Ours
		}
		return w.ratioText()
	}
	return "-"
}

// save keeps the results, so that the document can be written again without measuring.
func (r *results) save(path string) error {
	raw, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

func (r *results) load(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, r)
}
