package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// streams keeps many paced streams open. Each chunk holds the time at which the upstream sent it.
func streams(o options) error {
	l, err := newLoop()
	if err != nil {
		return err
	}
	address, err := o.address()
	if err != nil {
		return err
	}
	g := &gauge{ends: int64(o.chunks)}
	prompt := fmt.Sprintf("[[chunks=%d gap=%d]]", o.chunks, o.gap.Microseconds())
	request := o.request(o.key, bodySize, true, prompt)
	length := int64(o.gap) * int64(o.chunks)
	for i := range o.streams {
		r := &reader{caller: caller{loop: l, address: address, request: request, window: &g.window}, gauge: g}
		r.idle = r.next
		if err := r.connect(); err != nil {
			return err
		}
		// Spread over the length of a stream, so that at all times as many begin as end.
		l.set(newTimer(r.next), nanotime()+length*int64(i)/int64(o.streams))
	}
	g.window.measure(l, &o, l.stop)
	if err := l.run(); err != nil {
		return err
	}
	g.tell()
	return nil
}

// A gauge is what all streams measure together.
type gauge struct {
	window           window
	ends             int64
	ttft, gap, added histogram
}

func (g *gauge) tell() {
	r := &g.window.result
	r.TTFT, r.Gap, r.Added = g.ttft.summary(), g.gap.summary(), g.added.summary()
	g.window.tell()
}

// A reader reads one stream after the other.
type reader struct {
	caller
	gauge  *gauge
	begun  bool
	held   []byte // the beginning of a line
	chunks int64
	last   int64 // when the last chunk came
}

func (r *reader) connect() error {
	if err := r.caller.connect(); err != nil {
		return err
	}
	r.conn.owner = r
	r.message.body = r.read
	return nil
}

func (r *reader) next() {
	if r.begun && r.chunks != r.gauge.ends {
		r.window.problem("a stream with too few chunks")
	}
	r.begun, r.held, r.chunks, r.last = true, r.held[:0], 0, 0
	r.ask()
}

func (r *reader) lost(err error) {
	r.window.problem("stream broken: " + err.Error())
	r.begun = false
	if err := r.connect(); err != nil {
		r.window.problem(err.Error())
		r.window.ended = true
		r.loop.stop()
		return
	}
	r.next()
}

// read looks for the chunks in a piece of the body, however it was cut.
func (r *reader) read(data []byte) {
	now := nanotime()
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			r.held = append(r.held, data...)
			return
		}
		if len(r.held) > 0 {
			r.held = append(r.held, line...)
			line = r.held
		}
		if sent, found := stamp(line); found {
			r.chunk(now, sent)
		}
		r.held, data = r.held[:0], rest
	}
}

func (r *reader) chunk(now, sent int64) {
	r.chunks++
	last := r.last
	r.last = now
	if !r.window.counts() {
		return
	}
	r.window.result.Chunks++
	r.gauge.added.add(now - sent)
	if last != 0 {
		r.gauge.gap.add(now - last)
	} else if r.asked >= r.window.began {
		r.gauge.ttft.add(now - r.asked)
	}
}

// stamp finds the time in a line that holds a chunk. JSON may have been written anew, with a space.
func stamp(line []byte) (int64, bool) {
	_, after, found := bytes.Cut(line, []byte(`"content":`))
	if !found {
		return 0, false
	}
	after = bytes.TrimLeft(after, " ")
	if !bytes.HasPrefix(after, []byte(`"@`)) {
		return 0, false
	}
	digits, _, _ := bytes.Cut(after[2:], []byte(" "))
	sent, err := strconv.ParseInt(string(digits), 10, 64)
	return sent, err == nil
}
