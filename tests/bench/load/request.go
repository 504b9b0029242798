package main

import (
	"bytes"
	"fmt"
	"net/netip"
)

// bodySize is that of a measured request; a short conversation has about as much.
const bodySize = 1024

// request is the bytes of a chat completion request of about this size.
func (o *options) request(key string, size int, streams bool, prompt string) []byte {
	stream := ""
	if streams {
		stream = `"stream":true,`
	}
	before := fmt.Sprintf(`{"model":%q,%s"temperature":0.7,"max_tokens":256,"messages":[`+
		`{"role":"system","content":"You answer in short sentences."},{"role":"user","content":"%s `, o.model, stream, prompt)
	after := `"}]}`
	padding := bytes.Repeat([]byte("x"), max(0, size-len(before)-len(after)))
	body := slicesJoin(before, string(padding), after)
	head := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nhost: %s\r\nauthorization: Bearer %s\r\n"+
		"content-type: application/json\r\naccept: application/json\r\ncontent-length: %d\r\n", o.target, key, len(body))
	for _, line := range o.headers {
		head += line + "\r\n"
	}
	return slicesJoin(head, "\r\n", string(body))
}

func (o *options) address() (netip.AddrPort, error) {
	address, err := netip.ParseAddrPort(o.target)
	if err != nil {
		return address, fmt.Errorf("--target: %w", err)
	}
	return address, nil
}
