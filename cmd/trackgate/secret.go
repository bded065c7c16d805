package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// minSecret is the shortest secret for HS256 in bytes: the length of its hash.
const minSecret = 32

// secretFile is where the secret of a first start is kept.
func secretFile(data string) string { return filepath.Join(data, "secret") }

// ownSecret reads the secret of the data folder, or makes one: random, readable by its owner alone.
func ownSecret(data string) ([]byte, error) {
	secret, err := readSecret(data)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(secretFile(data), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text := hex.EncodeToString(random[:])
	if _, err := file.WriteString(text + "\n"); err != nil {
		return nil, err
	}
	return []byte(text), file.Sync()
}

// readSecret reads the secret of the data folder. One that others can read is refused.
func readSecret(data string) ([]byte, error) {
	path := secretFile(data)
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others; `chmod 600 %s`", path, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret := strings.TrimSpace(string(raw))
	if len(secret) < minSecret {
		return nil, fmt.Errorf("%s holds less than %d bytes; remove it, and a new one is made at the next start", path, minSecret)
	}
	return []byte(secret), nil
}
