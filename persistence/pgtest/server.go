package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Server is a plain PostgreSQL server of a test's own, which may stop it.
type Server struct {
	folder string
	port   int
	bin    string
	stdin  func() // closes the pipe that keeps the server alive
	ended  chan struct{}
}

// NewPostgres starts a server for one test.
func NewPostgres(tb testing.TB) *Server {
	tb.Helper()
	return NewPostgresIn(tb, "")
}

// NewPostgresIn is NewPostgres with the server's files in a folder of the caller's, which other users must be able to enter; "" is the one for
// temporary files.
func NewPostgresIn(tb testing.TB, parent string) *Server {
	tb.Helper()
	if _, err := programs(); err != nil {
		missing(tb, "PostgreSQL for tests: "+err.Error())
	}
	s, err := startServer(parent)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Stop()
		os.RemoveAll(s.folder)
	})
	return s
}

// Run starts a server for a program that is no test; stop ends it and removes its data.
func Run() (s *Server, stop func(), err error) {
	if s, err = startServer(""); err != nil {
		return nil, nil, err
	}
	return s, func() {
		s.Stop()
		os.RemoveAll(s.folder)
	}, nil
}

// programs is the folder of initdb and postgres: Debian keeps it out of PATH.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("initdb is not installed")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func startServer(parent string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(parent, "pgtest")
	if err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // the server refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(folder, uid, gid); err != nil {
			return nil, err
		}
	}
	s := &Server{folder: folder, bin: bin}
	init := s.command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("PostgreSQL for tests: initdb: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	return s, s.Start()
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// command runs a program as a user that may own a server.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	if os.Getuid() == 0 {
		cmd = exec.Command("runuser", append([]string{"-u", "postgres", "--", name}, args...)...)
	}
	cmd.Dir = s.folder
	return cmd
}

// watch starts the server, and stops it, without waiting for its clients, when standard input ends. The folder of a server whose
// test binary died goes with it.
const watch = `"$@" & server=$!
cat > /dev/null
kill -INT $server
wait $server
if [ ! -e keep ]; then cd / && rm -rf "$FOLDER"; fi`

// Start starts the server again after Stop.
func (s *Server) Start() error {
	cmd := s.command("sh", "-c", watch, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.folder, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB", "-c", "max_connections=50")
	cmd.Env = append(os.Environ(), "FOLDER="+s.folder)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.stdin = func() { in.Close() }
	s.ended = make(chan struct{})
	if _, err := startWith(cmd, "ready to accept connections"); err != nil {
		return fmt.Errorf("PostgreSQL for tests: %w", err)
	}
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// Stop stops the server at once: open transactions are lost, connections are cut. Its data stay until the test ends.
func (s *Server) Stop() {
	keep := filepath.Join(s.folder, "keep")
	os.WriteFile(keep, nil, 0o644)
	s.stdin()
	<-s.ended
	os.Remove(keep)
}

// Pause stops all of the server's processes where they are: it still takes connections, and answers nothing. Resume lets them go on.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	raw, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	server, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	if err := syscall.Kill(server, sig); err != nil { // first: it starts no more processes
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", server, server))
	if err != nil {
		return err
	}
	for _, f := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(f); err == nil {
			_ = syscall.Kill(pid, sig) // it may be gone
		}
	}
	return nil
}

// Running says that the server did not end by itself.
func (s *Server) Running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// URL is that of a database of the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Database makes a new, empty database.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", databases.Add(1))
	if err := run(s.URL("postgres"), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("new database: %v", err)
	}
	return s.URL(name)
}

// Address is where the server listens.
func (s *Server) Address() string {
	return strings.Join([]string{"127.0.0.1", strconv.Itoa(s.port)}, ":")
}
