package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Limits of what is read into memory.
const (
	MaxCapture       = 16 << 20  // bytes of one capture of ours
	MaxPayload       = 256 << 20 // bytes of payload of all conversations of one pcap
	MaxConversations = 100_000   // of one pcap
	MaxFiles         = 100_000   // found in folders
)

// Loader reads files into conversations.
type Loader struct {
	// ServerPort says that a gateway listens there; it tells the two sides of a pcap apart where no handshake was recorded. May be nil.
	ServerPort func(port uint16) bool
	// Skip leaves out the captures of a folder of that name. May be nil.
	Skip func(folder string) bool
	// Note is told, in one sentence, of what a file lacks. May be nil.
	Note func(string)
}

func (l *Loader) note(format string, args ...any) {
	if l.Note != nil {
		l.Note(fmt.Sprintf(format, args...))
	}
}

// Load reads files; of folders, all captures in them and below.
func (l *Loader) Load(paths ...string) ([]Conversation, error) {
	var out []Conversation
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		var found []Conversation
		if info.IsDir() {
			found, err = l.LoadFS(os.DirFS(p), filepath.Base(p))
			if err == nil && len(found) == 0 {
				err = fmt.Errorf("%s: no captures (*.tcp, *.udp, *.pcap, *.pcapng) in this folder", p)
			}
		} else {
			found, err = l.loadFile(os.DirFS(filepath.Dir(p)), filepath.Base(p), p)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// LoadFS reads every capture of fsys; prefix goes in front of their names.
func (l *Loader) LoadFS(fsys fs.FS, prefix string) ([]Conversation, error) {
	var out []Conversation
	files := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !IsCapture(name) {
			return err
		}
		shown := path.Join(prefix, name)
		if l.Skip != nil && l.Skip(path.Base(path.Dir(shown))) {
			return nil
		}
		if files++; files > MaxFiles {
			return fmt.Errorf("%s: more than %d captures", prefix, MaxFiles)
		}
		found, err := l.loadFile(fsys, name, shown)
		out = append(out, found...)
		return err
	})
	return out, err
}

// IsCapture tells by its name whether a file is one that Load understands.
func IsCapture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".tcp", ".udp", ".pcap", ".pcapng", ".cap":
		return true
	}
	return false
}

func (l *Loader) loadFile(fsys fs.FS, name, shown string) (_ []Conversation, err error) {
	defer func() {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %w", shown, err)
		}
	}()
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch strings.ToLower(path.Ext(name)) {
	case ".tcp", ".udp":
		c, err := protocols.ReadCapture(io.LimitReader(f, MaxCapture), strings.HasSuffix(strings.ToLower(name), ".udp"))
		if err != nil {
			return nil, err
		}
		one := FromCapture(shown, c)
		if len(one.Steps) == 0 {
			return nil, errors.New("the capture holds no segment")
		}
		return []Conversation{one}, nil
	}
	p, err := openPackets(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return nil, err
	}
	return l.conversations(shown, p)
}
