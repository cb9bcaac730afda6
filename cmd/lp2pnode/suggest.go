package main

import "fmt"

// didYouMean returns " (did you mean NAME?)" for the name nearest to got, or
// "" if none is near.
func didYouMean(got string, names []string) string {
	best, nearest := "", 3 // letters changed, added or left out
	for _, name := range names {
		if d := distance(got, name); d < nearest && 2*d <= len(name) {
			best, nearest = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance returns the Levenshtein distance of a and b in bytes; of texts of
// very different length only that difference.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 3 || d < -3 {
		return max(d, -d)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
