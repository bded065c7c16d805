package load

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets: they follow each other without a gap and none is wider than 1/32 of its value.
func TestBuckets(t *testing.T) {
	for i := range buckets - 1 {
		top := upper(i)
		if bucketOf(uint64(top)) != i || bucketOf(uint64(top+1)) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d; the next is in %d", i, top, bucketOf(uint64(top)), bucketOf(uint64(top+1)))
		}
		if i > 0 {
			if width := top - upper(i-1); width > 1 && width*32 > top {
				t.Fatalf("bucket %d is %d wide at %d", i, width, top)
			}
		}
	}
	if got := bucketOf(math.MaxUint64); got != buckets-1 {
		t.Errorf("the longest is in bucket %d of %d", got, buckets)
	}
}

// TestQuantile compares with sorted values, after a journey through JSON and a merge.
func TestQuantile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	parts := [2]Histogram{}
	for i := range 20_000 {
		d := time.Duration(math.Exp(random.NormFloat64()*2+9)) * time.Microsecond
		all = append(all, d)
		parts[i%2].Add(d, 1)
	}
	slices.Sort(all)
	var h Histogram
	for i := range parts {
		raw, err := json.Marshal(&parts[i])
		if err != nil {
			t.Fatal(err)
		}
		var back Histogram
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		h.Merge(&back)
	}
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(len(all)-1, int(q*float64(len(all))))]
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*1.04+1000 {
			t.Errorf("quantile %v: got %v, want %v", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Quantile(1) != h.Max() {
		t.Errorf("max %v, quantile 1 %v, want %v", h.Max(), h.Quantile(1), all[len(all)-1])
	}
	if got := new(Histogram).Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	var few Histogram
	few.Add(3*time.Millisecond, 20)
	few.Add(time.Hour, 1)
	if few.Quantile(0.5) > 4*time.Millisecond || few.Max() != time.Hour {
		t.Errorf("weighted: p50 %v, max %v", few.Quantile(0.5), few.Max())
	}
}
