package p2p

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

const zeroHash = "0000000000000000000000000000000000000000000000000000000000000000"

func statusText(agent, work string) string {
	return fmt.Sprintf(`{"agent":"%s","genesis":"%s","height":1,"time":2,"tip":"%s","work":"%s"}`, agent, zeroHash, zeroHash, work)
}

func TestStatusLinesAreStrictAndBounded(t *testing.T) {
	good := statusText("a", "12")
	s, err := parseStatus([]byte(good))
	if err != nil || s.Height != 1 || s.Work.String() != "12" {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := string(line(s)); got != good+"\n" {
		t.Errorf("written again it is %s", got)
	}
	for name, text := range map[string]string{
		"white space":     good + " ",
		"a field more":    strings.Replace(good, `"height"`, `"heigh":1,"height"`, 1),
		"a field less":    strings.Replace(good, `"height":1,`, ``, 1),
		"upper case":      strings.Replace(good, zeroHash, strings.Repeat("A", 64), 1),
		"a long agent":    statusText(strings.Repeat("a", 65), "1"),
		"a long work":     statusText("a", strings.Repeat("1", 41)),
		"a work of 2^128": statusText("a", "340282366920938463463374607431768211456"),
		"a signed work":   statusText("a", "-1"),
		"a zero before":   statusText("a", "01"),
		"a large integer": strings.Replace(good, `"time":2`, `"time":9007199254740992`, 1),
		"nothing":         "",
	} {
		if _, err := parseStatus([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestRequestLinesAreStrictAndBounded(t *testing.T) {
	hashes := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`"`+zeroHash+`",`, n), ",")
	}
	for _, good := range []string{
		`{"limit":1,"locator":[],"type":"headers"}`,
		`{"limit":9007199254740991,"locator":[` + hashes(64) + `],"type":"headers"}`,
		`{"hashes":[` + hashes(128) + `],"type":"blocks"}`,
		`{"type":"transactions"}`,
	} {
		r, err := parseRequest([]byte(good))
		if err != nil {
			t.Errorf("%.60s: %v", good, err)
		} else if got := string(line(r)); got != good+"\n" {
			t.Errorf("written again it is %.60s", got)
		}
	}
	for _, bad := range []string{
		``, `{}`, `{"type":"peers"}`, `[]`, `null`,
		`{"limit":0,"locator":[],"type":"headers"}`,
		`{"limit":1,"locator":null,"type":"headers"}`,
		`{"limit":1,"locator":[` + hashes(65) + `],"type":"headers"}`,
		`{"hashes":[` + hashes(129) + `],"type":"blocks"}`,
		`{"hashes":["00"],"type":"blocks"}`,
		`{"type":"blocks","type":"transactions"}`,
		` {"type":"transactions"}`,
	} {
		if r, err := parseRequest([]byte(bad)); err == nil {
			t.Errorf("%.60s is accepted as %T", bad, r)
		}
	}
}

func TestLinesAreBounded(t *testing.T) {
	in := bufio.NewReaderSize(strings.NewReader("ab\n\n"+strings.Repeat("x", 50)+"\n"+strings.Repeat("y", 51)+"\n"), 16)
	for _, want := range []string{"ab", "", strings.Repeat("x", 50)} {
		if got, err := readLine(in, 50); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := readLine(in, 50); !errors.Is(err, errLongLine) {
		t.Errorf("51 bytes give %v", err)
	}
	in = bufio.NewReader(strings.NewReader("end\nhalf"))
	if _, err := readLine(in, 50); err != nil {
		t.Error(err)
	}
	if _, err := readLine(in, 50); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line gives %v", err)
	}
	if _, err := readLine(in, 50); !errors.Is(err, io.EOF) {
		t.Errorf("the end gives %v", err)
	}
}

func FuzzStatusLine(f *testing.F) {
	f.Add([]byte(statusText("a", "12")))
	f.Add([]byte(statusText(`\u0000é`, "0")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseStatus(raw)
		if err != nil {
			return
		}
		if got := line(s); !bytes.Equal(got, append(bytes.Clone(raw), '\n')) {
			t.Errorf("%q is written again as %q", raw, got)
		}
	})
}

func FuzzRequestLine(f *testing.F) {
	f.Add([]byte(`{"limit":1,"locator":["` + zeroHash + `"],"type":"headers"}`))
	f.Add([]byte(`{"hashes":["` + zeroHash + `"],"type":"blocks"}`))
	f.Add([]byte(`{"type":"transactions"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRequest(raw)
		if err != nil {
			line(refusal{strings.ToValidUTF8(err.Error(), "?")}) // can be told
			return
		}
		if got := line(r); !bytes.Equal(got, append(bytes.Clone(raw), '\n')) {
			t.Errorf("%q is written again as %q", raw, got)
		}
	})
}

// FuzzAnswer reads arbitrary bytes as an answer of each kind.
func FuzzAnswer(f *testing.F) {
	rules := testRules(f, "one")
	b := child(rules.GenesisState(), "seed")
	f.Add(append(b.Raw(), '\n'))
	f.Add(append(b.Canonical(), '\n'))
	f.Add(line(refusal{"busy"}))
	f.Add(append(rules.Sign(chain.Transaction{Data: "x"}, make([]byte, 32)).Raw(), '\n'))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(raw), 16)
		for {
			got, err := readLine(in, maxLine)
			if err != nil {
				return
			}
			if text, refused := parseRefusal(got); refused && len(text) > maxLine {
				t.Error("a refusal longer than its line")
			}
			if h, err := rules.DecodeHeader(got); err == nil && !bytes.Equal(h.Canonical(), got) {
				t.Errorf("header %q has another canonical form", got)
			}
			if b, err := rules.DecodeBlock(got); err == nil {
				_ = rules.VerifyTransactions(b.Transactions)
			}
			_, _ = rules.DecodeTransaction(got)
		}
	})
}
