package lp2pnode_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArchitectureShowsThePlan: in docs/architecture.md the drawing has every
// room of the plan above all that it may import, and the table says of each what
// that is.
func TestArchitectureShowsThePlan(t *testing.T) {
	raw, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "```text\n")
	drawing, rest, whole := strings.Cut(rest, "```\n")
	if !whole {
		t.Fatal("there is no drawing in docs/architecture.md")
	}
	level := levels(drawing)
	for from, allowed := range arrows {
		if from == "." {
			continue
		}
		if _, drawn := level[from]; !drawn {
			t.Errorf("room %s is not in the drawing of docs/architecture.md", from)
		}
		for _, to := range allowed {
			if level[from] >= level[to] {
				t.Errorf("the drawing has %s not above %s, which it may import", from, to)
			}
		}
		if got, want := tableRow(t, rest, from), slices.Sorted(slices.Values(allowed)); !slices.Equal(got, want) {
			t.Errorf("docs/architecture.md says that %s may import %v, the plan %v", from, got, want)
		}
	}
	for name := range level {
		if _, known := arrows[name]; !known {
			t.Errorf("the drawing shows %s, which is no room of the plan", name)
		}
	}
}

// levels returns the line of each room in the drawing, beginning at 1; what
// stands to the left of the rooms is a caption.
func levels(drawing string) map[string]int {
	const caption = 22
	level := map[string]int{}
	for i, line := range strings.Split(drawing, "\n") {
		if len(line) < caption {
			continue
		}
		for _, name := range strings.Fields(line[caption:]) {
			if name != "|" {
				level[name] = i + 1
			}
		}
	}
	return level
}

var quoted = regexp.MustCompile("`([^`]+)`")

// tableRow reads what the table says a room may import, with its words: "every
// room but", "and what is below it", "nothing".
func tableRow(t *testing.T, table, from string) []string {
	t.Helper()
	_, row, found := strings.Cut(table, "\n| `"+from+"` |")
	if !found {
		t.Errorf("room %s is not in the table of docs/architecture.md", from)
		return nil
	}
	row, _, _ = strings.Cut(row, "\n")
	cells := strings.Split(row, "|")
	text := cells[len(cells)-2]
	var named []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	may := map[string]bool{}
	for _, n := range named {
		may[n] = true
	}
	switch {
	case strings.Contains(text, "every room but"):
		for name := range arrows {
			may[name] = name != "." && name != from && !slices.Contains(named, name)
		}
	case strings.Contains(text, "what is below"):
		for _, n := range named {
			for _, to := range under(n) {
				may[to] = true
			}
		}
	}
	var all []string
	for n, yes := range may {
		if yes {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// under lists what the rooms under one may be, all the way down, for the groups
// in which imports_test.go counts.
func under(room string) []string {
	switch room {
	case "node":
		return below
	case "p2p", "bootstrap", "miner":
		return ledger
	}
	return nil
}
