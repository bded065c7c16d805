// Package rawio makes system calls on descriptors that never block, without a word to Go's scheduler.
//
// To the scheduler a call into the kernel is a place where a thread may stay: its watchman wakes up for the first one after a pause, looks after all that
// follow, and gives the processor of one that takes longer than some µs to another thread. On a machine that is not busy that is a tenth of all that a
// fanout node does for an event, and nearly as much of a gateway's answer. No call of this package takes longer than a few µs, as any other stretch of a
// goroutine's work; what may wait for a disk does not belong here.
//
// Errors are the kernel's own, a syscall.Errno; EAGAIN says that the descriptor is not ready.
package rawio
