package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// A message takes the bytes of HTTP/1.1 messages, one after the other, and says where each ends. It trusts its peers:
// they are ours, or are being measured.
type message struct {
	first   []byte // the request or status line; valid until the next message
	closes  bool
	body    func(data []byte) // gets the body without its framing, if set
	state   state
	left    int64
	chunked bool
	held    []byte // the beginning of a head or of a chunk's line
}

type state int

const (
	inHead state = iota
	inBody
	inChunkSize
	inChunk
	inTrailer
)

const mostHeld = 64 << 10

var errHead = errors.New("a head or a line that is too long or malformed")

// feed takes some bytes and gives those after the message's end, if that is among them.
func (m *message) feed(data []byte) (rest []byte, done bool, err error) {
	for {
		var more bool
		switch m.state {
		case inHead:
			data, more, done, err = m.feedHead(data)
		case inBody, inChunk:
			data, more, done = m.feedBody(data)
		case inChunkSize, inTrailer:
			data, more, done, err = m.feedLine(data)
		}
		if done || err != nil || !more {
			return data, done, err
		}
	}
}

func (m *message) feedHead(data []byte) (rest []byte, more, done bool, err error) {
	head, rest, found := m.until(data, []byte("\r\n\r\n"))
	if !found {
		return nil, false, false, m.tooMuch()
	}
	if err := m.readHead(head); err != nil {
		return nil, false, false, err
	}
	switch {
	case m.chunked:
		m.state = inChunkSize
	case m.left > 0:
		m.state = inBody
	default:
		return rest, false, true, nil
	}
	return rest, true, false, nil
}

func (m *message) feedBody(data []byte) (rest []byte, more, done bool) {
	part := data[:min(m.left, int64(len(data)))]
	if m.body != nil && len(part) > 0 {
		m.body(part)
	}
	m.left -= int64(len(part))
	rest = data[len(part):]
	if m.left > 0 {
		return rest, false, false
	}
	if m.state == inBody {
		m.state = inHead
		return rest, false, true
	}
	m.state = inChunkSize
	return rest, true, false
}

// feedLine reads a chunk's size, the empty line after a chunk's data, or a trailer.
func (m *message) feedLine(data []byte) (rest []byte, more, done bool, err error) {
	line, rest, found := m.until(data, []byte("\r\n"))
	if !found {
		return nil, false, false, m.tooMuch()
	}
	if m.state == inTrailer {
		if len(line) > 0 {
			return rest, true, false, nil
		}
		m.state = inHead
		return rest, false, true, nil
	}
	if len(line) == 0 {
		return rest, true, false, nil
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	m.left, err = strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 64)
	m.state = inChunk
	if m.left == 0 {
		m.state = inTrailer
	}
	return rest, true, false, err
}

// until gives what comes before the mark, without a copy if it came in one piece.
func (m *message) until(data, mark []byte) (before, after []byte, found bool) {
	if len(m.held) == 0 {
		if at := bytes.Index(data, mark); at >= 0 {
			return data[:at], data[at+len(mark):], true
		}
		m.held = append(m.held, data...)
		return nil, nil, false
	}
	known := len(m.held)
	m.held = append(m.held, data...)
	from := max(0, known-len(mark)+1)
	at := bytes.Index(m.held[from:], mark)
	if at < 0 {
		return nil, nil, false
	}
	before = m.held[:from+at]
	after = data[from+at+len(mark)-known:]
	m.held = m.held[len(m.held):] // what `before` shows is not overwritten
	return before, after, true
}

func (m *message) tooMuch() error {
	if len(m.held) > mostHeld {
		return errHead
	}
	return nil
}

func (m *message) readHead(head []byte) error {
	m.left, m.chunked, m.closes = 0, false, false
	first, fields, _ := bytes.Cut(head, []byte("\r\n"))
	m.first = append(m.first[:0], first...)
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return errHead
		}
		if err := m.readField(name, bytes.TrimSpace(value)); err != nil {
			return err
		}
	}
	return nil
}

func (m *message) readField(name, value []byte) (err error) {
	switch {
	case len(name) == 14 && bytes.EqualFold(name, []byte("content-length")):
		m.left, err = strconv.ParseInt(string(value), 10, 64)
	case len(name) == 17 && bytes.EqualFold(name, []byte("transfer-encoding")):
		m.chunked = bytes.EqualFold(value, []byte("chunked"))
	case len(name) == 10 && bytes.EqualFold(name, []byte("connection")):
		m.closes = bytes.EqualFold(value, []byte("close"))
	}
	if err != nil {
		return fmt.Errorf("the field %s: %w", name, err)
	}
	return nil
}

// status is that of a response.
func (m *message) status() int {
	if len(m.first) < 12 {
		return 0
	}
	status, err := strconv.Atoi(string(m.first[9:12]))
	if err != nil {
		return 0
	}
	return status
}
