package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Cursor is a durable position in a small file of its own, for a sink that cannot keep it in its own transactions.
// It is safe for concurrent use.
type Cursor struct {
	dir, path string
	ops       *fileOps

	mu      sync.Mutex
	value   uint64
	damaged bool
}

// OpenCursor reads the cursor called name (lower-case letters, digits, - and _) in the folder dir, which must exist. A cursor
// that was never saved stands at 0, and so does a damaged one: reading again is safe, skipping is not.
func OpenCursor(dir, name string) (*Cursor, error) {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return nil, fmt.Errorf("journal: cursor name %q: only lower-case letters, digits, - and _", name)
	}
	c := &Cursor{dir: dir, path: filepath.Join(dir, name+".cursor"), ops: diskOps()}
	content, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: cursor: %w", err)
	}
	c.value, c.damaged = parseCursor(content)
	return c, nil
}

// parseCursor reads a line of the index and its checksum.
func parseCursor(content []byte) (value uint64, damaged bool) {
	line, ok := strings.CutSuffix(string(content), "\n")
	if !ok || len(line) != 29 || line[20] != ' ' || line[21:] != cursorSum(line[:20]) {
		return 0, true
	}
	value, err := strconv.ParseUint(line[:20], 10, 64)
	return value, err != nil
}

func cursorSum(digits string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(digits), castagnoli))
}

// Load returns the position saved last.
func (c *Cursor) Load() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// Damaged tells whether the file was there at OpenCursor but could not be believed.
func (c *Cursor) Damaged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.damaged
}

// Save makes the position durable. It costs two syncs: call it once in a while, not per record. After an error the
// old position still counts.
func (c *Cursor) Save(value uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	digits := fmt.Sprintf("%020d", value)
	if err := replaceFile(c.ops, c.dir, c.path, []byte(digits+" "+cursorSum(digits)+"\n")); err != nil {
		return fmt.Errorf("journal: save cursor: %w", err)
	}
	c.value, c.damaged = value, false
	return nil
}
