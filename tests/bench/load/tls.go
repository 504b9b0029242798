package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// unaryTLS is unary over TLS, with a goroutine for each connection. It costs more than the loop does.
func unaryTLS(o options) error {
	request := o.request(o.key, bodySize, false, "Say something.")
	t := &talkers{}
	var all sync.WaitGroup
	for range o.connections {
		connection, err := tls.Dial("tcp", o.target, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			return fmt.Errorf("TLS to %s: %w", o.target, err)
		}
		all.Go(func() { t.talk(connection, request) })
	}
	time.Sleep(o.warmUp)
	t.lock.Lock()
	t.window.begin()
	t.lock.Unlock()
	time.Sleep(o.time)
	t.lock.Lock()
	t.window.end()
	t.lock.Unlock()
	t.over.Store(true)
	all.Wait()
	t.window.tell()
	return nil
}

type talkers struct {
	lock   sync.Mutex
	window window
	over   atomic.Bool
}

func (t *talkers) talk(connection net.Conn, request []byte) {
	defer connection.Close()
	buffer := make([]byte, 16<<10)
	m := message{}
	for !t.over.Load() {
		asked := nanotime()
		err := exchange(connection, request, &m, buffer)
		t.lock.Lock()
		if err != nil {
			t.window.problem(err.Error())
			t.lock.Unlock()
			return
		}
		t.window.answered(m.status(), nanotime()-asked)
		t.lock.Unlock()
	}
}

func exchange(connection net.Conn, request []byte, m *message, buffer []byte) error {
	if err := connection.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := connection.Write(request); err != nil {
		return err
	}
	for {
		count, err := connection.Read(buffer)
		if err != nil && !(errors.Is(err, io.EOF) && count > 0) {
			return err
		}
		if _, done, err := m.feed(buffer[:count]); done || err != nil {
			return err
		}
	}
}
