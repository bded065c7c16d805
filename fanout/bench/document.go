package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// Between these lines of a document stands what was measured last.
const (
	figuresBegin = "<!-- Written by `make bench-fanout ARGS=\"-write docs/performance-fanout.md\"`. -->\n"
	figuresEnd   = "<!-- The end of that. -->\n"
)

// document puts the figures into a document, in the place of those of the last time.
func document(path string, figures []byte) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fresh, err := replaced(old, figures)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, fresh, 0o644)
}

// replaced is the document with other figures.
func replaced(old, figures []byte) ([]byte, error) {
	before, rest, began := bytes.Cut(old, []byte(figuresBegin))
	_, after, ended := bytes.Cut(rest, []byte(figuresEnd))
	if !began || !ended {
		return nil, errors.New("it does not say where the figures belong")
	}
	return bytes.Join([][]byte{before, []byte(figuresBegin), []byte("\n"), bytes.TrimSpace(figures), []byte("\n\n"), []byte(figuresEnd), after}, nil), nil
}
