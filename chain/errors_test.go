package chain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestRuleErrorsAreReadable: numbers as numbers, hashes as hex, and however
// much a stranger sent, little of it comes back.
func TestRuleErrorsAreReadable(t *testing.T) {
	hash := chain.Hash{0xab}
	for _, row := range []struct {
		want, got any
		text      string
	}{
		{1, uint64(2), "rule form: want 1, got 2"},
		{uint64(maxInteger), -1, "rule form: want 9007199254740991, got -1"},
		{hash, chain.Address("x"), "rule form: want " + hash.String() + ", got x"},
		{"an address", errors.New("none"), "rule form: want an address, got none"},
		{"at most", strings.Repeat("y", 1<<20), "rule form: want at most, got " + strings.Repeat("y", 200)},
	} {
		for _, err := range []error{chain.Invalid(chain.RuleForm, row.want, row.got), chain.Unfit(chain.RuleForm, row.want, row.got)} {
			if err.Error() != row.text {
				t.Errorf("%.300s\nwant\n%s", err, row.text)
			}
		}
	}
	s := newScene(t)
	err := s.header(func(h *chain.Header) { h.Difficulty = 2 })
	if broken, ok := errors.AsType[*chain.RuleError](err); !ok || broken.Want != "1" || broken.Got != "2" {
		t.Errorf("a difficulty of 2 for 1 is answered with: %v", err)
	}
}
