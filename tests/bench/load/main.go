// Load is what `make bench` loads gateways with: a scripted upstream, and clients that measure.
//
//	load upstream --listen 127.0.0.1:9000
//	load unary    --target 127.0.0.1:8080 --connections 32 --warm-up 1s --time 4s
//	load open     --target 127.0.0.1:8080 --rate 10000 --time 5s
//	load streams  --target 127.0.0.1:8080 --streams 500 --gap 20ms --time 10s
//	load mixed    --target 127.0.0.1:8080 --keys FILE --requests 1000000 --checkpoint 100000
//
// It writes JSON lines: {"event":"begin"} when measuring begins, and {"event":"result", ...} at its end.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// An event is one line of output.
type event struct {
	Event  string  `json:"event"`
	Done   int     `json:"done,omitempty"`
	Result *result `json:"result,omitempty"`
}

// A result is what was measured between "begin" and now; each kind of load fills its part. Times are in microseconds.
type result struct {
	Seconds  float64        `json:"seconds"`
	Requests uint64         `json:"requests"`
	Chunks   uint64         `json:"chunks"`
	Errors   uint64         `json:"errors"`
	Problems map[string]int `json:"problems,omitempty"`
	Outcomes map[string]int `json:"outcomes,omitempty"`
	Unsent   int            `json:"unsent"`
	Latency  *summary       `json:"latency,omitempty"`
	TTFT     *summary       `json:"ttft,omitempty"`
	Gap      *summary       `json:"gap,omitempty"`
	Added    *summary       `json:"added,omitempty"`
	CPU      float64        `json:"cpu"` // seconds of this process
}

type options struct {
	target, key, model, body   string
	headers                    headers
	connections, rate, streams int
	chunks, requests           int
	checkpoint                 int
	seed                       uint64
	keys                       string
	tls                        bool
	gap, warmUp, time          time.Duration
}

type headers []string

func (h *headers) String() string         { return fmt.Sprint(*h) }
func (h *headers) Set(value string) error { *h = append(*h, value); return nil }

func main() {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	debug.SetGCPercent(400)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("say what: upstream, unary, open, streams or mixed")
	}
	flags := flag.NewFlagSet("load "+arguments[0], flag.ContinueOnError)
	if arguments[0] == "upstream" {
		listen := flags.String("listen", "127.0.0.1:9000", "the first address to listen on")
		addresses := flags.Int("addresses", 1, "how many addresses in a row, as if there were as many engines")
		if err := flags.Parse(arguments[1:]); err != nil {
			return err
		}
		address, err := netip.ParseAddrPort(*listen)
		if err != nil {
			return err
		}
		return serveUpstream(address, *addresses)
	}
	o := options{}
	o.define(flags)
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	measure, found := map[string]func(options) error{
		"unary": unary, "open": open, "streams": streams, "mixed": mixed,
	}[arguments[0]]
	if !found {
		return fmt.Errorf("there is no %q", arguments[0])
	}
	return measure(o)
}

func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.target, "target", "127.0.0.1:8080", "the address of the gateway")
	flags.StringVar(&o.key, "key", "sk-bench", "the API key")
	flags.StringVar(&o.keys, "keys", "", "a file of API keys, one a line (mixed)")
	flags.StringVar(&o.model, "model", "chat", "the model to ask for")
	flags.Var(&o.headers, "header", "a header line more; may be repeated")
	flags.BoolVar(&o.tls, "tls", false, "speak TLS, and trust anybody (unary)")
	flags.IntVar(&o.connections, "connections", 32, "connections (unary, open, mixed)")
	flags.IntVar(&o.rate, "rate", 10000, "requests per second (open)")
	flags.IntVar(&o.streams, "streams", 500, "streams at the same time (streams)")
	flags.IntVar(&o.chunks, "chunks", 100, "chunks of each stream (streams)")
	flags.IntVar(&o.requests, "requests", 1000, "requests in all (mixed)")
	flags.IntVar(&o.checkpoint, "checkpoint", 0, "after so many requests say so, and wait for a line of input (mixed)")
	flags.Uint64Var(&o.seed, "seed", 1, "of what is drawn (mixed)")
	flags.DurationVar(&o.gap, "gap", 20*time.Millisecond, "between the chunks of a stream (streams)")
	flags.DurationVar(&o.warmUp, "warm-up", time.Second, "not measured")
	flags.DurationVar(&o.time, "time", 4*time.Second, "measured")
}

func say(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // a program error: every field can be written
	}
	os.Stdout.Write(append(line, '\n'))
}

// cpu is what this process has used, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
