package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// The upstream is an OpenAI-compatible server that does what the prompt says, in words between double brackets:
//
//	[[chunks=100 gap=20000]]   with "stream": true, this many chunks of content, so many microseconds apart
//	[[bytes=4000]]             an answer, or each chunk, of about this size
//	[[status=503]]             this error
//	[[cut=3]]                  the connection ends after so many chunks
//
// Without them an answer has about 600 bytes, and a stream 16 chunks without a gap. The content of each chunk is the
// time at which it was sent.
type upstream struct {
	loop   *loop
	answer []byte
}

type script struct {
	chunks, bytes, status, cut int
	gap                        time.Duration
	streams, usage             bool
}

func serveUpstream(address netip.AddrPort, addresses int) error {
	l, err := newLoop()
	if err != nil {
		return err
	}
	u := &upstream{loop: l, answer: answer(200, completion(0))}
	for range addresses {
		if err := listen(l, address, u.accept); err != nil {
			return err
		}
		address = netip.AddrPortFrom(address.Addr().Next(), address.Port())
	}
	say(event{Event: "ready"})
	return l.run()
}

func (u *upstream) accept(fd int) {
	s := &session{upstream: u}
	s.message.body = func(data []byte) { s.body = append(s.body, data...) }
	s.timer = newTimer(s.sendChunk)
	if c, err := adopt(u.loop, fd, s); err == nil { // else it is gone already
		s.conn = c
	}
}

// A session is one connection from a gateway.
type session struct {
	upstream *upstream
	conn     *conn
	message  message
	body     []byte
	waiting  []byte // requests that were sent before the answer to the last one was over
	script   script
	sent     int
	due      int64
	timer    *timer
	busy     bool
}

func (s *session) received(data []byte) {
	if s.busy {
		s.waiting = append(s.waiting, data...)
		return
	}
	for len(data) > 0 && !s.conn.closed {
		rest, done, err := s.message.feed(data)
		if err != nil {
			s.conn.close()
			return
		}
		if !done {
			return
		}
		data = rest
		s.serve()
		s.body = s.body[:0]
		if s.busy {
			s.waiting = append(s.waiting, data...)
			return
		}
	}
}

func (s *session) lost(error) { s.upstream.loop.unset(s.timer) }

func (s *session) serve() {
	first := s.message.first
	switch {
	case !bytes.HasPrefix(first, []byte("POST ")):
		s.conn.write(answer(200, []byte(about(first))))
		return
	case bytes.Contains(first, []byte("/traces")): // of a gateway that sends its spans here
		s.conn.write([]byte("HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"))
		return
	}
	asked := read(s.body)
	switch {
	case asked.status != 0:
		s.conn.write(answer(asked.status, []byte(`{"error":{"message":"as asked","type":"server_error","param":null,"code":null}}`)))
	case asked.streams:
		s.begin(asked)
	case asked.bytes != 0:
		s.conn.write(answer(200, completion(asked.bytes)))
	default:
		s.conn.write(s.upstream.answer)
	}
}

func about(first []byte) string {
	if bytes.Contains(first, []byte("/models")) {
		return `{"object":"list","data":[{"id":"upstream-model","object":"model","created":1,"owned_by":"bench"}]}`
	}
	return `{}`
}

// begin sends the head and the first chunk in one piece, as engines do.
func (s *session) begin(asked script) {
	s.script, s.sent, s.busy = asked, 0, true
	s.due = nanotime()
	s.send([]byte("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"))
}

func (s *session) sendChunk() { s.send(nil) }

// send writes all that is due, and sets the time of the next.
func (s *session) send(out []byte) {
	for {
		if s.script.cut > 0 && s.sent == s.script.cut {
			s.conn.write(out)
			s.conn.close()
			return
		}
		if s.sent == s.script.chunks {
			s.conn.write(append(out, s.ending()...))
			s.end()
			return
		}
		out = framed(out, chunk(nanotime(), s.script.bytes))
		s.sent++
		s.due += int64(s.script.gap)
		if s.script.gap > 0 {
			s.upstream.loop.set(s.timer, s.due)
			s.conn.write(out)
			return
		}
	}
}

func (s *session) end() {
	s.busy = false
	waiting := s.waiting
	s.waiting = nil
	s.received(waiting)
}

func (s *session) ending() []byte {
	out := framed(nil, []byte(`data: {`+event0+`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"))
	if s.script.usage {
		usage := `"usage":{"prompt_tokens":200,"completion_tokens":%d,"total_tokens":%d}`
		out = framed(out, fmt.Appendf(nil, `data: {`+event0+`"choices":[],`+usage+"}\n\n", s.sent, 200+s.sent))
	}
	out = framed(out, []byte("data: [DONE]\n\n"))
	return append(out, "0\r\n\r\n"...)
}

const event0 = `"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"upstream-model",`

// stampMark comes before the time in a chunk's content.
const stampMark = `"content":"@`

func chunk(now int64, size int) []byte {
	out := append(make([]byte, 0, 256+size), "data: {"+event0+`"choices":[{"index":0,"delta":{`+stampMark...)
	out = strconv.AppendInt(out, now, 10)
	out = append(out, ' ')
	out = append(out, bytes.Repeat([]byte("x"), max(0, size-200))...)
	return append(out, "\"},\"finish_reason\":null}]}\n\n"...)
}

func framed(out, data []byte) []byte {
	out = strconv.AppendInt(out, int64(len(data)), 16)
	out = append(out, "\r\n"...)
	out = append(out, data...)
	return append(out, "\r\n"...)
}

func answer(status int, body []byte) []byte {
	head := "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
	return append(fmt.Appendf(nil, head, status, http.StatusText(status), len(body)), body...)
}

// completion is an answer of about this many bytes, by default 600.
func completion(size int) []byte {
	before := `{"id":"chatcmpl-bench","object":"chat.completion","created":1790000000,"model":"upstream-model",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"`
	after := `"},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":200,"completion_tokens":80,"total_tokens":280}}`
	if size == 0 {
		size = 600
	}
	return slicesJoin(before, string(bytes.Repeat([]byte("x"), max(1, size-len(before)-len(after)))), after)
}

func slicesJoin(parts ...string) []byte {
	var out []byte
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}

// read looks for what is asked without parsing: this must not cost more than what is measured.
func read(body []byte) script {
	asked := script{}
	if at := bytes.Index(body, []byte("[[")); at >= 0 {
		if words, _, found := bytes.Cut(body[at+2:], []byte("]]")); found {
			asked.read(words)
		}
	}
	asked.streams = says(body, `"stream"`)
	if asked.streams {
		asked.usage = says(body, `"include_usage"`)
		if asked.chunks == 0 {
			asked.chunks = 16
		}
	}
	return asked
}

func (s *script) read(words []byte) {
	for _, word := range bytes.Fields(words) {
		name, value, _ := bytes.Cut(word, []byte("="))
		number, _ := strconv.Atoi(string(value)) // what is no number asks for nothing
		switch string(name) {
		case "chunks":
			s.chunks = number
		case "gap":
			s.gap = time.Duration(number) * time.Microsecond
		case "bytes":
			s.bytes = number
		case "status":
			s.status = number
		case "cut":
			s.cut = number
		}
	}
}

// says whether a member is true, with or without a space.
func says(body []byte, name string) bool {
	_, after, found := bytes.Cut(body, []byte(name))
	if !found {
		return false
	}
	after = bytes.TrimLeft(after, " \t\r\n")
	return bytes.HasPrefix(after, []byte(":")) && bytes.HasPrefix(bytes.TrimLeft(after[1:], " \t\r\n"), []byte("true"))
}
