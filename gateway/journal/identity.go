package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	lockName     = "lock"
	identityName = "identity"
	identityTag  = "trackgate-journal-1"
)

func isErrno(err error, no syscall.Errno) bool { return errors.Is(err, no) }

// lockDir takes the folder for this Log. The kernel frees the lock when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		var b [20]byte
		n, _ := f.ReadAt(b[:], 0)
		holder := strings.TrimSpace(string(b[:n]))
		if holder == "" {
			holder = "unknown"
		}
		return nil, fmt.Errorf("%w: %s is held by process %s; stop it, or give each process a folder of its own", ErrLocked, dir, holder)
	}
	// The process number only serves the message above: no harm if it cannot be written on a full disk.
	if err := f.Truncate(0); err == nil {
		f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	return f, nil
}

// loadIdentity reads the folder's id, or makes one.
func loadIdentity(ops *fileOps, dir string) (string, error) {
	path := filepath.Join(dir, identityName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeIdentity(ops, dir)
	}
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(content))
	if len(fields) == 3 && fields[0] == identityTag && len(fields[1]) == 32 && fields[2] == identitySum(fields[1]) {
		return fields[1], nil
	}
	return "", fmt.Errorf("%s is damaged; delete it to give this folder a new identity: the store then takes everything in it once more", path)
}

func makeIdentity(ops *fileOps, dir string) (string, error) {
	var b [16]byte
	rand.Read(b[:])
	id := hex.EncodeToString(b[:])
	line := identityTag + " " + id + " " + identitySum(id) + "\n"
	if err := replaceFile(ops, dir, filepath.Join(dir, identityName), []byte(line)); err != nil {
		return "", fmt.Errorf("write identity: %w", err)
	}
	return id, nil
}

func identitySum(id string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(id), castagnoli))
}
