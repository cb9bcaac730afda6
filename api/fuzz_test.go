package api

import (
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// FuzzRef: what is taken for a block's name reads back the same.
func FuzzRef(f *testing.F) {
	for _, seed := range []string{"latest", "0", "9007199254740991", "9007199254740992", "007", "-1", "", strings.Repeat("0", 64), strings.Repeat("aF", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRef(s)
		if err == nil && r.String() != s {
			t.Errorf("%q was read as %s", s, r)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: the error has several lines: %q", s, err)
		}
	})
}

// FuzzGuard: no Host but a loopback address or localhost passes on loopback,
// and no Origin but that host's.
func FuzzGuard(f *testing.F) {
	for _, seed := range [][2]string{
		{"localhost:9471", "http://localhost:9471"},
		{"127.0.0.1", "null"},
		{"[::1]:80", ""},
		{"evil.example", ""},
		{"127.1", ""},
		{"0x7f.1", ""},
		{"localhost@evil.example", ""},
		{"localhost/evil", ""},
		{"[::ffff:127.0.0.1]", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	g := guard{}
	f.Fuzz(func(t *testing.T, host, origin string) {
		name, ok := hostName(host)
		if ok && g.ours(name, true) {
			u, err := url.Parse("http://" + host + "/")
			if err != nil || u.Hostname() == "" {
				t.Fatalf("host %q passes and is none: %v", host, err)
			}
			h := strings.ToLower(u.Hostname())
			if !strings.HasPrefix(h, "localhost") && !strings.HasPrefix(h, "127.") && !strings.Contains(h, ":") {
				t.Errorf("host %q passes", host)
			}
		}
		if sameOrigin(origin, host) && !strings.HasSuffix(strings.ToLower(origin), "://"+strings.ToLower(host)) {
			t.Errorf("origin %q passes for host %q", origin, host)
		}
	})
}

// FuzzMatches: a header names a tag only if it holds it, or a star.
func FuzzMatches(f *testing.F) {
	f.Add(`"a", W/"b"`, `"b"`)
	f.Add("*", `"b"`)
	f.Fuzz(func(t *testing.T, header, tag string) {
		if matches(header, `"`+tag+`"`) && !strings.Contains(header, `"`+tag+`"`) && !strings.Contains(header, "*") {
			t.Errorf("%q names %q", header, tag)
		}
	})
}

// FuzzPlace: what is taken for a place reads back the same.
func FuzzPlace(f *testing.F) {
	for _, seed := range []string{"0:" + strings.Repeat("0", 64), "1:", ":", "", "genesis", "01:" + strings.Repeat("a", 64), "9007199254740992:" + strings.Repeat("a", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parsePlace(s)
		if err == nil && placeOf(at) != s {
			t.Errorf("%q was read as %s", s, placeOf(at))
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: the error has several lines: %q", s, err)
		}
	})
}

// FuzzBefore: what is taken for a place in an account's history is one.
func FuzzBefore(f *testing.F) {
	for _, seed := range []string{"", "1:2", "9007199254740992:0", "1:4294967296", ":", "-1:0", "1:2:3", "+1:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseBefore(s)
		switch {
		case err != nil && strings.ContainsAny(err.Error(), "\n\r"):
			t.Errorf("%q: the error has several lines: %q", s, err)
		case err == nil && (at == nil) != (s == ""):
			t.Errorf("%q was read as %v", s, at)
		case err == nil && at != nil && (at.Height > canonical.MaxInteger || at.Index > math.MaxUint32):
			t.Errorf("%q was read as %+v", s, *at)
		}
	})
}
