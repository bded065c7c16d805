package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"testing"
)

// The committed table is what the CSV makes.
func TestTableIsFresh(t *testing.T) {
	in, err := os.Open("../../avl-ids.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got, err := generate(rows[1:])
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../avl_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("avl_gen.go is not what avl-ids.csv makes: run go generate ./protocols/teltonika")
	}
}

func TestDecimal(t *testing.T) {
	f := func(s string, factor int64, scale int) {
		t.Helper()
		if v, n, err := decimal(s); v != factor || n != scale || err != nil {
			t.Errorf("%q: %d, %d, %v", s, v, n, err)
		}
	}
	f("", 1, 0)
	f("1", 1, 0)
	f("10", 10, 0)
	f("0.001", 1, 3)
	f("0.1", 1, 1)
	if _, _, err := decimal("x"); err == nil {
		t.Error("x is a number")
	}
}
