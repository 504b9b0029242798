package main

import (
	"strconv"
)

// A window is the time in which what happens counts.
type window struct {
	begun, ended bool
	began        int64
	cpuBefore    float64
	result       result
	latency      histogram
}

// measure begins and ends the window while the loop runs, and calls `end` at its end.
func (w *window) measure(l *loop, o *options, end func()) {
	start := nanotime() + int64(o.warmUp)
	l.set(newTimer(w.begin), start)
	l.set(newTimer(func() {
		w.end()
		end()
	}), start+int64(o.time))
}

func (w *window) begin() {
	w.began, w.cpuBefore = nanotime(), cpu()
	w.begun = true
	say(event{Event: "begin"})
}

func (w *window) end() {
	w.ended = true
	w.result.Seconds = float64(nanotime()-w.began) / 1e9
	w.result.CPU = cpu() - w.cpuBefore
	w.result.Latency = w.latency.summary()
}

func (w *window) tell() { say(event{Event: "result", Result: &w.result}) }

func (w *window) counts() bool { return w.begun && !w.ended }

func (w *window) answered(status int, latency int64) {
	if !w.counts() {
		return
	}
	if status != 200 {
		w.problem("status " + strconv.Itoa(status))
		return
	}
	w.result.Requests++
	w.latency.add(latency)
}

// problem counts what went wrong, in words. What went wrong before the window tells as much.
func (w *window) problem(what string) {
	if w.ended {
		return
	}
	w.result.Errors++
	if w.result.Problems == nil {
		w.result.Problems = map[string]int{}
	}
	w.result.Problems[what]++
}
