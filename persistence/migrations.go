package persistence

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed migrations
var migrationFiles embed.FS

// migration is one numbered step of a schema, as embedded. A step is never edited once it was released: a change is a new step.
type migration struct {
	name     string // file name without .sql; its first four digits are the number
	sql      string
	checksum string
}

// applied is a step as the database recorded it.
type applied struct{ name, checksum string }

// migrations returns the steps in a folder of migrations/, in order. Of steps that come in variants, "0002_x.timescale.sql" and
// "0002_x.plain.sql", it takes the wanted one.
func migrations(folder, variant string) ([]migration, error) {
	dir := path.Join("migrations", folder)
	entries, err := migrationFiles.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []migration
	for _, entry := range entries { // sorted by name
		name := strings.TrimSuffix(entry.Name(), ".sql")
		if _, v, found := strings.Cut(name, "."); found && v != variant {
			continue
		}
		sql, err := migrationFiles.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(sql)
		list = append(list, migration{name, string(sql), hex.EncodeToString(sum[:])})
	}
	return list, nil
}

// pending returns the steps that a database still lacks. A database that has others than this version knows is refused.
func pending(want []migration, have []applied) ([]migration, error) {
	slices.SortFunc(have, func(a, b applied) int { return strings.Compare(a.name, b.name) })
	for i, h := range have {
		switch {
		case i >= len(want):
			return nil, fmt.Errorf("%w: it has step %s, which this version does not know: start the newer version that made it", ErrSchema, h.name)
		case h.name != want[i].name:
			return nil, fmt.Errorf("%w: it has step %s where this version has %s: set store.timescale as it was when the database was made, or use another database",
				ErrSchema, h.name, want[i].name)
		case h.checksum != want[i].checksum:
			return nil, fmt.Errorf("%w: step %s is not the one that was applied (checksum): start a released version, or restore the database", ErrSchema, h.name)
		}
	}
	return want[len(have):], nil
}

// current is the error of a schema that lacks steps.
func current(want []migration, have []applied) error {
	missing, err := pending(want, have)
	if err != nil || len(missing) == 0 {
		return err
	}
	return fmt.Errorf("%w: %d steps are missing, from %s on: run `trackgate migrate`", ErrSchema, len(missing), missing[0].name)
}
