package chain_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestRecordedHashesAreTheDatasOwnAndThoseNamedInIt(t *testing.T) {
	one, two := strings.Repeat("ab", 32), strings.Repeat("0F", 32)
	for name, row := range map[string]struct {
		data  string
		named []string
	}{
		"text":                     {"hello", nil},
		"a bare hash":              {one, []string{one}},
		"a file's record":          {`{"name":"a.pdf","sha256":"` + one + `","size":3}`, []string{one}},
		"a list, either case":      {one + "  a\n" + two + "  b\n" + one + "  c", []string{one, two}},
		"63 digits":                {one[1:], nil},
		"65 digits":                {"a" + one, nil},
		"a hash at either end":     {one + "x" + two, []string{one, two}},
		"digits that run together": {one + two, nil},
	} {
		want := []chain.Hash{sha256.Sum256([]byte(row.data))}
		for _, text := range row.named {
			h, err := chain.ParseHash(strings.ToLower(text))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, h)
		}
		got := chain.RecordedHashes(row.data)
		for _, h := range want {
			if !slices.Contains(got, h) {
				t.Errorf("%s: %s is missing", name, h)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d hashes, want %d", name, len(got), len(want))
		}
	}
	if got := chain.RecordedHashes(""); len(got) != 0 {
		t.Errorf("empty data record %v", got)
	}
}
