package main

import (
	"fmt"
	"net/netip"
)

// unary keeps each connection busy with one request after the other: how many can be answered?
func unary(o options) error {
	if o.tls {
		return unaryTLS(o)
	}
	l, err := newLoop()
	if err != nil {
		return err
	}
	address, err := o.address()
	if err != nil {
		return err
	}
	w := &window{}
	for range o.connections {
		c := &caller{loop: l, address: address, request: o.request(o.key, bodySize, false, "Say something."), window: w}
		c.idle = c.ask
		if err := c.connect(); err != nil {
			return err
		}
		c.ask()
	}
	w.measure(l, &o, l.stop)
	if err := l.run(); err != nil {
		return err
	}
	w.tell()
	return nil
}

// A caller makes one request at a time.
type caller struct {
	loop    *loop
	address netip.AddrPort
	conn    *conn
	message message
	request []byte
	window  *window
	asked   int64 // when the request was written, or ought to have been
	busy    bool
	idle    func() // the answer is there
}

func (c *caller) connect() error {
	made, err := dial(c.loop, c.address, c)
	if err != nil {
		return err
	}
	c.conn, c.message = made, message{}
	return nil
}

func (c *caller) ask() { c.askAt(nanotime()) }

func (c *caller) askAt(at int64) {
	c.asked, c.busy = at, true
	c.conn.write(c.request)
}

func (c *caller) received(data []byte) {
	rest, done, err := c.message.feed(data)
	switch {
	case err != nil || len(rest) > 0:
		c.conn.close()
		c.lost(fmt.Errorf("a malformed answer"))
	case done:
		c.busy = false
		c.window.answered(c.message.status(), nanotime()-c.asked)
		if c.message.closes {
			c.conn.close()
			c.again()
		}
		c.idle()
	}
}

// lost goes on with a new connection. A server may end one that is idle.
func (c *caller) lost(err error) {
	wasBusy := c.busy
	c.busy = false
	if wasBusy {
		c.window.problem("connection lost: " + err.Error())
	}
	c.again()
	if wasBusy {
		c.idle()
	}
}

// again connects anew, unless nobody is there any more: then the process ends, since nothing can be measured.
func (c *caller) again() {
	if err := c.connect(); err != nil {
		c.window.problem(err.Error())
		c.window.ended = true
		c.loop.stop()
		c.conn = &conn{closed: true}
	}
}
