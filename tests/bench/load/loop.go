package main

import (
	"container/heap"
	"fmt"
	"syscall"
	"unsafe"
)

// A loop serves all connections of a process on one thread. Goroutines would cost several microseconds more for each
// request, and what this program uses is taken from the core that it shares with nothing but itself.
type loop struct {
	epoll    int
	sources  []source // by file descriptor
	timers   timers
	events   [256]syscall.EpollEvent
	buffer   [64 << 10]byte
	now      int64 // when the loop last woke, for what need not be exact
	stopping bool
}

// A source is told that its file descriptor can be read, written, or is at its end.
type source interface {
	ready(events uint32)
}

type timer struct {
	at    int64
	index int // in the heap; -1 if it isn't set
	fire  func()
}

type timers []*timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i]; t[i].index = i; t[j].index = j }
func (t *timers) Push(x any)        { added := x.(*timer); added.index = len(*t); *t = append(*t, added) }

func (t *timers) Pop() any {
	last := len(*t) - 1
	removed := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	removed.index = -1
	return removed
}

const sysEpollPwait2 = 441 // Linux 5.11; epoll_wait counts in milliseconds, and chunks are paced finer than that

func newLoop() (*loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &loop{epoll: epoll, now: nanotime()}, nil
}

func newTimer(fire func()) *timer { return &timer{index: -1, fire: fire} }

func (l *loop) set(t *timer, at int64) {
	if t.index >= 0 {
		t.at = at
		heap.Fix(&l.timers, t.index)
		return
	}
	t.at = at
	heap.Push(&l.timers, t)
}

func (l *loop) unset(t *timer) {
	if t.index >= 0 {
		heap.Remove(&l.timers, t.index)
	}
}

func (l *loop) add(fd int, s source, events uint32) error {
	for fd >= len(l.sources) {
		l.sources = append(l.sources, nil)
	}
	l.sources[fd] = s
	return l.control(syscall.EPOLL_CTL_ADD, fd, events)
}

func (l *loop) watch(fd int, events uint32) error {
	return l.control(syscall.EPOLL_CTL_MOD, fd, events)
}

func (l *loop) control(operation int, fd int, events uint32) error {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.epoll, operation, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// Closing takes a file descriptor out of epoll by itself.
func (l *loop) closed(fd int) { l.sources[fd] = nil }

func (l *loop) stop() { l.stopping = true }

func (l *loop) run() error {
	for !l.stopping {
		count, err := l.wait()
		if err != nil {
			return err
		}
		l.now = nanotime()
		for i := range count {
			event := &l.events[i]
			if s := l.sources[event.Fd]; s != nil {
				s.ready(event.Events)
			}
		}
		l.fire()
	}
	return nil
}

func (l *loop) fire() {
	for len(l.timers) > 0 && l.timers[0].at <= l.now && !l.stopping {
		heap.Pop(&l.timers).(*timer).fire()
	}
}

func (l *loop) wait() (int, error) {
	var limit *syscall.Timespec
	if len(l.timers) > 0 {
		span := syscall.NsecToTimespec(max(0, l.timers[0].at-nanotime()))
		limit = &span
	}
	count, _, errno := syscall.Syscall6(sysEpollPwait2, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])),
		uintptr(len(l.events)), uintptr(unsafe.Pointer(limit)), 0, 0)
	switch errno {
	case 0:
		return int(count), nil
	case syscall.EINTR:
		return 0, nil
	case syscall.ENOSYS:
		return 0, fmt.Errorf("epoll_pwait2 is missing; Linux 5.11 or newer is needed")
	}
	return 0, fmt.Errorf("epoll_pwait2: %w", errno)
}

// nanotime is CLOCK_MONOTONIC, which is one clock for all processes of a machine.
func nanotime() int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}
