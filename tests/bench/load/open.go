package main

import "time"

// open asks at a fixed rate, whether answers come or not. Latency counts from when a request was due, not from when
// a connection was free for it, so that a gateway that falls behind can't hide it.
func open(o options) error {
	l, err := newLoop()
	if err != nil {
		return err
	}
	address, err := o.address()
	if err != nil {
		return err
	}
	p := &pacer{loop: l, window: &window{}, every: int64(time.Second) / int64(o.rate)}
	p.timer = newTimer(p.tick)
	for range o.connections {
		c := &caller{loop: l, address: address, request: o.request(o.key, bodySize, false, "Say something."), window: p.window}
		c.idle = func() { p.free(c) }
		if err := c.connect(); err != nil {
			return err
		}
		p.ready = append(p.ready, c)
	}
	p.due = nanotime()
	p.tick()
	p.window.measure(l, &o, l.stop)
	if err := l.run(); err != nil {
		return err
	}
	p.window.result.Unsent = len(p.late)
	p.window.tell()
	return nil
}

// A pacer knows when each request is due, who is free to send it, and which are late.
type pacer struct {
	loop   *loop
	window *window
	timer  *timer
	every  int64
	due    int64
	ready  []*caller
	late   []int64
}

func (p *pacer) tick() {
	now := nanotime()
	for p.due <= now {
		p.late = append(p.late, p.due)
		p.due += p.every
	}
	p.send()
	p.loop.set(p.timer, p.due)
}

func (p *pacer) free(c *caller) {
	p.ready = append(p.ready, c)
	p.send()
}

func (p *pacer) send() {
	for len(p.late) > 0 && len(p.ready) > 0 && !p.window.ended {
		last := len(p.ready) - 1
		c, at := p.ready[last], p.late[0]
		p.ready, p.late = p.ready[:last], p.late[1:]
		c.askAt(at)
	}
}
