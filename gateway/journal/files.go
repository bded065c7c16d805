package journal

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileOps are the operations that may fail or be slow on a real disk; tests replace them.
type fileOps struct {
	write    func(f *os.File, p []byte, off int64) error
	sync     func(f *os.File) error // data, and the metadata needed to read it again
	syncDir  func(dir string) error
	allocate func(f *os.File, size int64) error // fails with ENOSPC before anything is written
	free     func(dir string) (int64, error)    // bytes that the file system has left for us
}

func diskOps() *fileOps {
	return &fileOps{
		write: func(f *os.File, p []byte, off int64) error {
			_, err := f.WriteAt(p, off)
			return err
		},
		sync:     fdatasync,
		syncDir:  syncDir,
		allocate: allocate,
		free:     freeBytes,
	}
}

func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// syncDir makes created and renamed names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// noSpace tells a full disk or an exhausted quota from a broken disk.
func noSpace(err error) bool {
	return isErrno(err, syscall.ENOSPC) || isErrno(err, syscall.EDQUOT)
}

// replaceFile writes a small file so that after a crash either the old or the new content is there.
func replaceFile(ops *fileOps, dir, path string, content []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	err = ops.write(f, content, 0)
	if err == nil {
		err = ops.sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return ops.syncDir(dir)
}
