package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"unsafe"
)

// A conn is one non-blocking TCP connection in a loop. What can't be written at once waits.
type conn struct {
	loop   *loop
	fd     int
	owner  owner
	unsent []byte
	closed bool
}

// An owner gets what a connection receives. `data` is only lent. After `lost` nothing more comes.
type owner interface {
	received(data []byte)
	lost(err error)
}

const interest = syscall.EPOLLIN | syscall.EPOLLRDHUP

func dial(l *loop, address netip.AddrPort, o owner) (*conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	// Blocking: on loopback it takes microseconds, and only happens outside of what is measured.
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("connect to %v: %w", address, err)
	}
	return adopt(l, fd, o)
}

func adopt(l *loop, fd int, o owner) (*conn, error) {
	c := &conn{loop: l, fd: fd, owner: o}
	err := errors.Join(
		syscall.SetNonblock(fd, true),
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		l.add(fd, c, interest),
	)
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return c, nil
}

func (c *conn) write(data []byte) {
	if c.closed {
		return
	}
	if len(c.unsent) > 0 {
		c.unsent = append(c.unsent, data...)
		return
	}
	rest, err := c.push(data)
	if err != nil {
		c.lose(err)
	} else if len(rest) > 0 {
		c.unsent = append(c.unsent, rest...)
		c.want(interest | syscall.EPOLLOUT)
	}
}

func (c *conn) close() {
	if !c.closed {
		c.closed = true
		c.loop.closed(c.fd)
		syscall.Close(c.fd)
	}
}

// reset closes so that the other side sees it at once, whatever it is sending.
func (c *conn) reset() {
	if !c.closed {
		linger := syscall.Linger{Onoff: 1, Linger: 0}
		_ = syscall.SetsockoptLinger(c.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &linger)
		c.close()
	}
}

func (c *conn) ready(events uint32) {
	if events&syscall.EPOLLOUT != 0 {
		c.drain()
	}
	if !c.closed && events&^syscall.EPOLLOUT != 0 {
		c.read()
	}
}

func (c *conn) read() {
	buffer := c.loop.buffer[:]
	count, errno := transfer(syscall.SYS_READ, c.fd, buffer)
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
	case errno != 0:
		c.lose(errno)
	case count == 0:
		c.lose(io.EOF)
	default:
		c.owner.received(buffer[:count])
	}
}

func (c *conn) drain() {
	rest, err := c.push(c.unsent)
	if err != nil {
		c.lose(err)
		return
	}
	c.unsent = append(c.unsent[:0], rest...)
	if len(rest) == 0 {
		c.want(interest)
	}
}

func (c *conn) push(data []byte) ([]byte, error) {
	for len(data) > 0 {
		count, errno := transfer(syscall.SYS_WRITE, c.fd, data)
		switch errno {
		case 0:
			data = data[count:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return data, nil
		default:
			return nil, errno
		}
	}
	return nil, nil
}

func (c *conn) want(events uint32) {
	if err := c.loop.watch(c.fd, events); err != nil {
		c.lose(err)
	}
}

func (c *conn) lose(err error) {
	if !c.closed {
		c.close()
		c.owner.lost(err)
	}
}

// transfer reads or writes without telling Go's scheduler, which need not know: the descriptor doesn't block.
func transfer(call uintptr, fd int, data []byte) (int, syscall.Errno) {
	count, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
	return int(count), errno
}

// A listener accepts for as long as the process lives.
type listener struct {
	loop   *loop
	fd     int
	accept func(fd int)
}

func listen(l *loop, address netip.AddrPort, accept func(fd int)) error {
	socket, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	file, err := socket.File()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fd := int(file.Fd())
	kept = append(kept, socket, file)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return l.add(fd, &listener{loop: l, fd: fd, accept: accept}, syscall.EPOLLIN)
}

var kept []io.Closer // lest the garbage collector closes them

func (s *listener) ready(uint32) {
	for {
		fd, _, err := syscall.Accept4(s.fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return // none left, or one that is gone again
		}
		s.accept(fd)
	}
}
