package main_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"testing"
)

// table reads a CSV file, its header first.
func table(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// entry returns a value of a table.
func entry(t *testing.T, rows [][]string, row int, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(rows[row][slices.Index(rows[0], column)], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
