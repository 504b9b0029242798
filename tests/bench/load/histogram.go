package main

import "math/bits"

// A histogram of nanoseconds whose buckets are at most 1/128 of their value wide, like those of HdrHistogram. Each
// percentile is the upper bound of its bucket, so it is never flattering.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	most   int64
}

const (
	precision = 7 // bits kept of each value
	half      = 1 << precision
	buckets   = (64 - precision) * half
)

func (h *histogram) add(value int64) {
	value = max(0, value)
	h.counts[bucketOf(value)]++
	h.total++
	h.most = max(h.most, value)
}

func bucketOf(value int64) int {
	shift := max(0, bits.Len64(uint64(value))-precision-1)
	return shift*half + int(value>>shift)
}

// upper is the greatest value in a bucket.
func upper(bucket int) int64 {
	shift := max(0, bucket/half-1)
	return (int64(bucket-shift*half)+1)<<shift - 1
}

// percentile gives the least value that at least this share of all is not above.
func (h *histogram) percentile(share float64) int64 {
	wanted := max(1, uint64(share*float64(h.total)+0.999999))
	seen := uint64(0)
	for bucket, count := range h.counts {
		seen += count
		if seen >= wanted {
			return min(upper(bucket), h.most)
		}
	}
	return h.most
}

// A summary is in microseconds. Without any values it is absent, not zero.
type summary struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99_9"`
	Max   float64 `json:"max"`
}

func (h *histogram) summary() *summary {
	if h.total == 0 {
		return nil
	}
	micros := func(value int64) float64 { return float64(value) / 1000 }
	return &summary{
		Count: h.total,
		P50:   micros(h.percentile(0.50)),
		P90:   micros(h.percentile(0.90)),
		P99:   micros(h.percentile(0.99)),
		P999:  micros(h.percentile(0.999)),
		Max:   micros(h.most),
	}
}
