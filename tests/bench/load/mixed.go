package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// mixed asks as many clients with little in common would: of many tenants, in all sizes, some for streams; some of
// them leave, and some of what they ask for fails. The seed says which; only the order of arrival is by chance.
func mixed(o options) error {
	l, err := newLoop()
	if err != nil {
		return err
	}
	address, err := o.address()
	if err != nil {
		return err
	}
	keys, err := readKeys(o.keys, o.key)
	if err != nil {
		return err
	}
	m := newMixer(&o, keys)
	m.loop, m.address, m.input = l, address, bufio.NewReader(os.Stdin)
	before := cpu()
	began := nanotime()
	say(event{Event: "begin"})
	for range o.connections {
		p := &player{mixer: m}
		p.leave = newTimer(p.gone)
		m.idle = append(m.idle, p)
	}
	m.play()
	if err := l.run(); err != nil {
		return err
	}
	if m.failure != nil {
		return m.failure
	}
	say(event{Event: "result", Result: &result{
		Seconds: float64(nanotime()-began) / 1e9, CPU: cpu() - before,
		Requests: uint64(m.begun), Outcomes: m.outcomes,
	}})
	return nil
}

func readKeys(file, only string) ([]string, error) {
	if file == "" {
		return []string{only}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--keys: %w", err)
	}
	return strings.Fields(string(text)), nil
}

// A mixer deals out requests to players. At a checkpoint it lets all of them come to an end first.
type mixer struct {
	options  *options
	loop     *loop
	address  netip.AddrPort
	keys     []string
	random   *rand.Rand
	idle     []*player
	begun    int
	paused   int
	outcomes map[string]int
	input    *bufio.Reader
	failure  error
}

func newMixer(o *options, keys []string) *mixer {
	return &mixer{options: o, keys: keys, random: rand.New(rand.NewPCG(o.seed, 0)), outcomes: map[string]int{}}
}

func (m *mixer) play() {
	for len(m.idle) > 0 && m.failure == nil {
		if m.isAtCheckpoint() {
			if len(m.idle) < m.options.connections {
				return
			}
			m.pause()
		}
		if m.begun == m.options.requests {
			if len(m.idle) == m.options.connections {
				m.loop.stop()
			}
			return
		}
		last := len(m.idle) - 1
		p := m.idle[last]
		m.idle = m.idle[:last]
		m.begun++
		p.begin(m.draw())
	}
}

func (m *mixer) isAtCheckpoint() bool {
	every := m.options.checkpoint
	return every > 0 && m.begun%every == 0 && m.paused < m.begun/every
}

func (m *mixer) pause() {
	m.paused++
	say(event{Event: "checkpoint", Done: m.begun})
	if _, err := m.input.ReadString('\n'); err != nil {
		m.fail(fmt.Errorf("waiting for a line of input: %w", err))
	}
}

func (m *mixer) fail(err error) {
	m.failure = err
	m.loop.stop()
}

// A part is one request in the mix.
type part struct {
	request []byte
	streams bool
	leaves  leaving
	upset   string // what the upstream was asked to do wrong
}

type leaving int

const (
	stays         leaving = iota
	beforeSent            // with half of the request sent
	beforeAnswer          // a little after it was sent
	withinAnswer          // at the first bytes of the answer
	afterwards            // when all is over, as clients without keep-alive do
	waysOfLeaving = 3
)

const (
	streamShare = 0.20
	abortShare  = 0.05
	upsetShare  = 0.05
	closeShare  = 0.02
	hugeShare   = 0.001
)

const cutOff = "cut=2"

// Few are the backend's fault: a gateway that takes it for broken would answer the rest by itself.
var upsets = []string{"status=400", "status=409", "status=422", "status=503", cutOff}

func (m *mixer) draw() part {
	r := m.random
	drawn := part{streams: r.Float64() < streamShare}
	script := fmt.Sprintf("bytes=%d", m.size(100, 16<<10))
	if drawn.streams {
		script = fmt.Sprintf("chunks=%d bytes=%d gap=%d", 1+r.IntN(40), m.size(200, 1000), r.IntN(10)/9*1000)
	}
	switch chance := r.Float64(); {
	case chance < abortShare:
		drawn.leaves = beforeSent + leaving(r.IntN(waysOfLeaving))
	case chance < abortShare+upsetShare:
		drawn.upset = upsets[r.IntN(len(upsets))]
		if drawn.upset == cutOff && !drawn.streams {
			drawn.upset = "status=500"
		}
		script += " " + drawn.upset
	case chance < abortShare+upsetShare+closeShare:
		drawn.leaves = afterwards
	}
	size := m.size(300, 16<<10)
	if r.Float64() < hugeShare {
		size = m.size(16<<10, 2<<20)
	}
	key := m.keys[r.IntN(len(m.keys))]
	drawn.request = m.options.request(key, size, drawn.streams, "[["+script+"]]")
	return drawn
}

// size is as likely between 1 and 2 kB as between 10 and 20.
func (m *mixer) size(least, most float64) int {
	return int(least * math.Pow(most/least, m.random.Float64()))
}

// A player makes one request after the other, on one connection for as long as that lasts.
type player struct {
	mixer   *mixer
	conn    *conn
	message message
	part    part
	leave   *timer
	playing bool
}

const patience = 500_000 // nanoseconds after which one who leaves has left

func (p *player) begin(drawn part) {
	p.part, p.playing = drawn, true
	if p.conn == nil || p.conn.closed {
		made, err := dial(p.mixer.loop, p.mixer.address, p)
		if err != nil {
			p.mixer.fail(err)
			return
		}
		p.conn, p.message = made, message{}
	}
	switch drawn.leaves {
	case beforeSent:
		p.conn.write(drawn.request[:len(drawn.request)/2])
		p.mixer.loop.set(p.leave, nanotime()+patience)
	case beforeAnswer:
		p.conn.write(drawn.request)
		p.mixer.loop.set(p.leave, nanotime()+patience)
	default:
		p.conn.write(drawn.request)
	}
}

func (p *player) received(data []byte) {
	if p.part.leaves == withinAnswer {
		p.gone()
		return
	}
	rest, done, err := p.message.feed(data)
	switch {
	case err != nil || len(rest) > 0:
		p.conn.reset()
		p.end("malformed answer")
	case done:
		if p.part.leaves == afterwards || p.message.closes {
			p.conn.close()
		}
		p.end(p.outcome())
	}
}

func (p *player) outcome() string {
	kind := "answer"
	if p.part.streams {
		kind = "stream"
	}
	return kind + " " + strconv.Itoa(p.message.status())
}

func (p *player) gone() {
	p.conn.reset()
	p.end("left")
}

func (p *player) lost(error) {
	switch {
	case !p.playing: // the server has closed an idle connection
	case p.part.upset == cutOff:
		p.end("cut off, as asked")
	default:
		p.end("connection lost")
	}
}

// end makes room for the next request, which begins when the loop comes to it: ends may come one within the other.
func (p *player) end(outcome string) {
	if !p.playing {
		return
	}
	p.playing = false
	p.mixer.loop.unset(p.leave)
	p.mixer.outcomes[outcome]++
	p.mixer.idle = append(p.mixer.idle, p)
	p.mixer.loop.set(newTimer(p.mixer.play), 0)
}
