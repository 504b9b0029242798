package main

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

func TestPercentilesAreNeverFlatteringAndAtMostOnePercentHigh(t *testing.T) {
	h := &histogram{}
	for value := range int64(100_000) {
		h.add(value * 1000)
	}
	for share, exact := range map[float64]float64{0.5: 49_999, 0.9: 89_999, 0.99: 98_999, 0.999: 99_899, 1: 99_999} {
		found := float64(h.percentile(share)) / 1000
		if found < exact || found > exact*1.01 {
			t.Errorf("percentile(%v) is %v, exactly it is %v", share, found, exact)
		}
	}
}

func TestEveryValueIsInTheBucketThatEndsAtOrAfterIt(t *testing.T) {
	for shift := range 62 {
		for _, value := range []int64{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			bucket := bucketOf(value)
			if upper(bucket) < value || bucket > 0 && upper(bucket-1) >= value {
				t.Errorf("%d is in bucket %d, which ends at %d, after %d", value, bucket, upper(bucket), upper(bucket-1))
			}
		}
	}
}

func TestNothingMeasuredHasNoPercentiles(t *testing.T) {
	if found := (&histogram{}).summary(); found != nil {
		t.Errorf("got %+v", found)
	}
}

func TestMessagesEndWhereTheyEndHoweverTheyAreCut(t *testing.T) {
	whole := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" +
		"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n" +
		"HTTP/1.1 204 None\r\n\r\n"
	wanted := []string{"200 hello false", "503 abc0123456789 true", "204  false"}
	for size := 1; size <= len(whole); size++ {
		if found := messagesIn([]byte(whole), size); !slices.Equal(found, wanted) {
			t.Fatalf("in pieces of %d bytes: %q", size, found)
		}
	}
}

func messagesIn(whole []byte, size int) (found []string) {
	var body []byte
	m := message{body: func(data []byte) { body = append(body, data...) }}
	for piece := range slices.Chunk(whole, size) {
		for len(piece) > 0 {
			rest, done, err := m.feed(piece)
			if err != nil {
				return append(found, err.Error())
			}
			piece = rest
			if done {
				found = append(found, fmt.Sprintf("%d %s %v", m.status(), body, m.closes))
				body = nil
			}
		}
	}
	return found
}

func TestStampsAreFoundInChunksWrittenAnew(t *testing.T) {
	_, line, _ := bytes.Cut(chunk(123456789, 0), []byte("data: "))
	for _, text := range []string{string(line), `{"content": "@123456789 x"}`} {
		if sent, found := stamp([]byte(text)); !found || sent != 123456789 {
			t.Errorf("%q has %d", text, sent)
		}
	}
	if _, found := stamp([]byte(`{"delta":{},"finish_reason":"stop"}`)); found {
		t.Error("there is none in the last chunk")
	}
}

func TestPromptsSayWhatTheUpstreamDoes(t *testing.T) {
	for body, wanted := range map[string]script{
		`{"content":"hello"}`:                                     {},
		`{"stream":true}`:                                         {streams: true, chunks: 16},
		`{"stream": false,"content":"[[bytes=9]]"}`:               {bytes: 9},
		`{"content":"[[chunks=3 gap=7 cut=1]]","stream" : true}`:  {streams: true, chunks: 3, gap: 7000, cut: 1},
		`{"stream":true,"stream_options":{"include_usage":true}}`: {streams: true, chunks: 16, usage: true},
		`{"content":"[[status=503 nonsense=x"}`:                   {},
	} {
		if found := read([]byte(body)); found != wanted {
			t.Errorf("%s: %+v", body, found)
		}
	}
}

func TestTheSameSeedDealsTheSameRequests(t *testing.T) {
	deal := func(seed uint64) (all []byte) {
		m := newMixer(&options{seed: seed, model: "chat"}, []string{"a", "b"})
		for range 200 {
			all = append(all, m.draw().request...)
		}
		return all
	}
	if !bytes.Equal(deal(1), deal(1)) || bytes.Equal(deal(1), deal(2)) {
		t.Error("requests must depend on the seed alone")
	}
}

func TestTheMixHasItsShares(t *testing.T) {
	m := newMixer(&options{seed: 1, model: "chat"}, []string{"a"})
	counts := map[string]float64{}
	const all = 20_000
	for range all {
		drawn := m.draw()
		counts["streams"] += one(drawn.streams)
		counts["aborts"] += one(drawn.leaves != stays && drawn.leaves != afterwards)
		counts["upsets"] += one(drawn.upset != "")
	}
	for what, share := range map[string]float64{"streams": streamShare, "aborts": abortShare, "upsets": upsetShare} {
		if found := counts[what] / all; found < share*0.8 || found > share*1.2 {
			t.Errorf("%s: %v of all, not %v", what, found, share)
		}
	}
}

func one(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
