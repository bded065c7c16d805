package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const benchRecord = 120 // bytes, about a Teltonika record of 13 elements with our header

var benchBatches = []int{1, 16, 128, 1024}

// BenchmarkAppend is one durable commit per operation, beside the least that the disk can do: pwrite and fdatasync of as many bytes
// in a file filled with zeros.
func BenchmarkAppend(b *testing.B) {
	head, frame := make([]byte, 20), make([]byte, benchRecord-20)
	for _, n := range benchBatches {
		var limit float64
		b.Run(fmt.Sprintf("batch=%d/limit", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			ops := diskOps()
			const size = 64 << 20
			if err := zeroFill(ops, f, 0, size); err != nil {
				b.Fatal(err)
			}
			p := make([]byte, n*benchRecord)
			off := int64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for i := range n {
					copy(p[i*benchRecord:], frame)
				}
				if err := ops.write(f, p, off); err != nil {
					b.Fatal(err)
				}
				if err := ops.sync(f); err != nil {
					b.Fatal(err)
				}
				if off += int64(len(p)); off+int64(len(p)) > size {
					off = 0
				}
			}
			limit = float64(n) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(limit, "rec/s")
		})
		b.Run(fmt.Sprintf("batch=%d/ours", n), func(b *testing.B) {
			l := mustOpen(b, Config{Dir: b.TempDir(), MaxBytes: 256 << 20})
			if err := l.prepare(); err != nil {
				b.Fatal(err)
			}
			batch := l.NewBatch()
			commit := func() {
				batch.Reset()
				for range n {
					if err := batch.Add(head, frame); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := l.Append(batch); err != nil {
					b.Fatal(err)
				}
				l.Release(l.Next())
			}
			commit()
			if err := l.prepare(); err != nil { // not beside the first commits
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				commit()
			}
			rate := float64(n) * float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "rec/s")
			b.ReportMetric(rate/limit, "ratio")
		})
	}
}

// benchJournal holds 1.28 million records in blocks of 128.
func benchJournal(b *testing.B) Config {
	cfg := Config{Dir: b.TempDir(), ops: fastOps()}
	l := mustOpen(b, cfg)
	batch, frame := l.NewBatch(), make([]byte, benchRecord)
	for range 128 {
		if err := batch.Add(frame); err != nil {
			b.Fatal(err)
		}
	}
	for range 10000 {
		if _, err := l.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	l.Close()
	return cfg
}

// BenchmarkScan is one record per operation, read in order.
func BenchmarkScan(b *testing.B) {
	l := mustOpen(b, benchJournal(b))
	r, err := l.NewReader(0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(benchRecord)
	b.ResetTimer()
	for range b.N {
		_, _, ok, err := r.TryNext()
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			r.Close()
			if r, err = l.NewReader(0); err != nil {
				b.Fatal(err)
			}
		}
	}
	r.Close()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rec/s")
}

// BenchmarkPage finds an offset and reads 1,000 records from there.
func BenchmarkPage(b *testing.B) {
	l := mustOpen(b, benchJournal(b))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		r, err := l.NewReader(uint64(i) * 7919 % (l.Next() - 1000))
		if err != nil {
			b.Fatal(err)
		}
		for range 1000 {
			if _, _, ok, err := r.TryNext(); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		r.Close()
	}
}

// BenchmarkOpen recovers 1.28 million records.
func BenchmarkOpen(b *testing.B) {
	cfg := benchJournal(b)
	b.ReportAllocs()
	b.ResetTimer()
	bytes := 0.0
	for range b.N {
		l := mustOpen(b, cfg)
		bytes += float64(l.Next()) * benchRecord
		l.Close()
	}
	b.ReportMetric(b.Elapsed().Seconds()/(bytes/(1<<30)), "s/GiB")
}

// BenchmarkGather copies the records of one read into a batch, each by itself and all together: ns/op is per record.
func BenchmarkGather(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		records := make([]byte, n*benchRecord)
		var ends []int
		for i := range n {
			ends = append(ends, (i+1)*benchRecord)
		}
		each := func(batch *Batch) error {
			for i := range n {
				if err := batch.Add(records[i*benchRecord : ends[i]]); err != nil {
					return err
				}
			}
			return nil
		}
		together := func(batch *Batch) error {
			_, err := batch.AddAll(records, 0, ends)
			return err
		}
		for _, way := range []struct {
			name string
			add  func(*Batch) error
		}{{"each", each}, {"together", together}} {
			b.Run(fmt.Sprintf("records=%d/%s", n, way.name), func(b *testing.B) {
				batch := new(Batch)
				for done := 0; done < b.N; done += n {
					if batch.Bytes() > 1<<20 {
						batch.Reset()
					}
					if err := way.add(batch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
