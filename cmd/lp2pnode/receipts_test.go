package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// vectorReceipts returns the canonical receipts of the protocol's vectors.
func vectorReceipts(t *testing.T) [][]byte {
	t.Helper()
	raw, err := os.ReadFile("../../chain/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Receipts []chain.Receipt `json:"receipts"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	var receipts [][]byte
	for _, r := range vectors.Receipts {
		receipts = append(receipts, r.Canonical())
	}
	if len(receipts) == 0 {
		t.Fatal("the vectors hold no receipt")
	}
	return receipts
}

// tipOf returns the hash of the tip that a receipt was made against.
func tipOf(t *testing.T, raw []byte) string {
	t.Helper()
	r, err := chain.DecodeReceipt(raw, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Tip.Hash.String()
}

// verified runs verify on a receipt at standard input.
func verified(t *testing.T, raw []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = run(t.Context(), append([]string{"verify", "-"}, args...), bytes.NewReader(raw), &out, &err)
	return code, out.String(), err.String()
}

func TestReceiptsOfTheVectorsVerify(t *testing.T) {
	for i, raw := range vectorReceipts(t) {
		for _, end := range []string{"", "\n"} {
			code, out, err := verified(t, append(bytes.Clone(raw), end...), "--trust", tipOf(t, raw))
			if code != exitDone || err != "" || !strings.Contains(out, "trusted") {
				t.Errorf("receipt %d ending in %q: %d %s%s", i, end, code, out, err)
			}
		}
	}
}

// TestEveryChangedByteIsTold: verify fails on each changed byte, with one line
// that says which step does not hold.
func TestEveryChangedByteIsTold(t *testing.T) {
	raw := vectorReceipts(t)[1]
	tip := tipOf(t, raw)
	steps := map[string]int{}
	for at := range raw {
		changed := bytes.Clone(raw)
		changed[at] ^= 1
		code, out, err := verified(t, changed, "--trust", tip)
		if code != exitFailure || out != "" || strings.Count(err, "\n") != 1 {
			t.Fatalf("byte %d (%q) changed to %q: exit %d, %q, %q", at, raw[at], changed[at], code, out, err)
		}
		_, reason, ok := strings.Cut(err, "lp2pnode: - does not hold: ")
		if !ok {
			t.Fatalf("byte %d: %q", at, err)
		}
		step, _, _ := strings.Cut(reason, ":")
		steps[step]++
	}
	for _, step := range []string{"form", "hashes", "proof"} {
		if steps[step] == 0 {
			t.Errorf("no byte fails at step %s: %v", step, steps)
		}
	}
	for _, end := range []string{"\n\n", " ", "\r\n", "{}"} {
		if code, _, err := verified(t, append(bytes.Clone(raw), end...), "--trust", tip); code != exitFailure {
			t.Errorf("with %q after it: exit %d, %s", end, code, err)
		}
	}
}

// TestWorkIsToldApart: a header that hashes to what it says and carries no work.
func TestWorkIsToldApart(t *testing.T) {
	r, err := chain.DecodeReceipt(vectorReceipts(t)[0], pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	for r.Tip.Difficulty = 1 << 40; (pow.Engine{}).Sealed(&r.Tip) == nil; r.Tip.Nonce++ {
		r.Tip.Hash = r.Tip.ComputeHash()
	}
	r.Tip.Hash = r.Tip.ComputeHash()
	code, _, stderr := verified(t, r.Canonical(), "--trust", r.Tip.Hash.String())
	if code != exitFailure || !strings.Contains(stderr, "does not hold: work: ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestEffortIsToldInPeoplesWords(t *testing.T) {
	for n, want := range map[float64]string{
		234:    "some 234 hashes, less than a second for one core at 10 MH/s",
		1.5e7:  "some 15 million hashes, about 2 seconds for one core at 10 MH/s",
		2.4e10: "some 24 billion hashes, about 40 minutes for one core at 10 MH/s",
		4e11:   "some 400 billion hashes, about 11 hours for one core at 10 MH/s",
		4e12:   "some 4 trillion hashes, about 5 days for one core at 10 MH/s",
		1e18:   "some 1 quintillion hashes, about 3169 years for one core at 10 MH/s",
	} {
		if got := fmt.Sprintf("%s, %s", hashes(n), effort(n)); got != want {
			t.Errorf("%g: want %q, got %q", n, want, got)
		}
	}
}

func TestFilesAreRecordedInOneForm(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, row := range []struct {
		name, content string
		embed         bool
		want          string
	}{
		{"hi.txt", "hi\n", false, `{"name":"hi.txt","sha256":"98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4","size":3}`},
		{"hi.txt", "hi\n", true, `{"name":"hi.txt","sha256":"98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4","size":3,"text":"hi\n"}`},
		{"bytes", "\xff\x00", true, `{"base64":"/wA=","name":"bytes","sha256":"ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f","size":2}`},
		{"nothing", "", true, `{"name":"nothing","sha256":"` + empty + `","size":0}`},
	} {
		path := write(row.name, row.content)
		got, err := recordFile(path, row.embed)
		if err != nil || got != row.want {
			t.Errorf("%s: want %s\ngot %s, %v", row.name, row.want, got, err)
		}
		if _, err := checkFile(path, got); err != nil {
			t.Errorf("%s is not what was recorded of it: %v", row.name, err)
		}
	}
	data, err := recordFile(write("a", "same size"), false)
	if err != nil {
		t.Fatal(err)
	}
	for content, says := range map[string]string{"same sire": "want SHA-256", "longer": "want 9 bytes, got 6"} {
		if _, err := checkFile(write("b", content), data); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: want an error that says %s, got %v", content, says, err)
		}
	}
	for _, bad := range []string{"", "hello", "{}", `{"name":"a","sha256":"` + empty + `","size":0} `, `{"name":"a","size":0}`} {
		if _, err := checkFile(write("nothing", ""), bad); err == nil || !strings.Contains(err.Error(), "records no file") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	huge := write("huge", "")
	if err := os.Truncate(huge, maxEmbedBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := recordFile(huge, true); err == nil || !strings.Contains(err.Error(), "leave out --embed") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := recordFile(huge, false); err != nil {
		t.Errorf("a huge file by its hash: %v", err)
	}
}
