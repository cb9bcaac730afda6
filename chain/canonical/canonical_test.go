package canonical_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

type inner struct {
	A uint64   `json:"a"`
	B string   `json:"b"`
	C []uint64 `json:"c"`
}

func TestOnlyCanonicalBytesAreRead(t *testing.T) {
	for _, good := range []string{
		`{"a":0,"b":"","c":[]}`,
		`{"a":9007199254740991,"b":"é\"\\\b\t\n\f\r\u0000\u001f/<>&` + "\x7f\u2028\u2029\uffff\U0010ffff" + `","c":[0,1]}`,
	} {
		var v inner
		if err := canonical.Unmarshal([]byte(good), &v); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		if again, err := canonical.Marshal(v); err != nil || string(again) != good {
			t.Errorf("%s is written again as %s (%v)", good, again, err)
		}
	}
	for _, bad := range []string{
		``, `{}`, `[]`, `null`, `0`, `""`,
		` {"a":0,"b":"","c":[]}`, `{"a":0,"b":"","c":[]} `, `{"a":0,"b":"","c":[]}{}`, "\xef\xbb\xbf" + `{"a":0,"b":"","c":[]}`,
		`{"a": 0,"b":"","c":[]}`, `{"b":"","a":0,"c":[]}`, `{"a":0,"b":"","c":[],"d":0}`, `{"a":0,"a":0,"b":"","c":[]}`,
		`{"A":0,"b":"","c":[]}`, `{"a":0,"b":""}`, `{"a":0,"b":"","c":null}`, `{"a":0,"b":null,"c":[]}`, `{"a":null,"b":"","c":[]}`,
		`{"a":-0,"b":"","c":[]}`, `{"a":-1,"b":"","c":[]}`, `{"a":+1,"b":"","c":[]}`, `{"a":01,"b":"","c":[]}`, `{"a":1.0,"b":"","c":[]}`,
		`{"a":1e0,"b":"","c":[]}`, `{"a":"1","b":"","c":[]}`, `{"a":9007199254740992,"b":"","c":[]}`,
		`{"a":18446744073709551616,"b":"","c":[]}`, `{"a":` + strings.Repeat("9", 1<<16) + `,"b":"","c":[]}`,
		`{"a":0,"b":"\u0041","c":[]}`, `{"a":0,"b":"\/","c":[]}`, `{"a":0,"b":"\u001F","c":[]}`, `{"a":0,"b":"\u0008","c":[]}`,
		`{"a":0,"b":"\u00e9","c":[]}`, `{"a":0,"b":"\ud83d\udd17","c":[]}`, `{"a":0,"b":"\ud800","c":[]}`, `{"a":0,"b":"` + "\xed\xa0\x80" + `","c":[]}`,
		`{"a":0,"b":"` + "\xff" + `","c":[]}`, `{"a":0,"b":"` + "\x01" + `","c":[]}`, `{"a":0,"b":"","c":[1,]}`, `{"a":0,"b":"","c":[1 ]}`,
		strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<18), `{"a":0,"b":"","c":` + strings.Repeat("[", 1<<18),
	} {
		var v inner
		if err := canonical.Unmarshal([]byte(bad), &v); !errors.Is(err, canonical.ErrForm) {
			t.Errorf("%.60q: want ErrForm, got %v", bad, err)
		}
	}
}

func TestWhatPeopleWriteMayHaveWhiteSpaceAndAnyOrder(t *testing.T) {
	var v inner
	if err := canonical.Read([]byte("{\n \"c\": [1, 2], \"b\": \"\\u0041\", \"a\": 7 }\n"), &v); err != nil || fmt.Sprint(v) != "{7 A [1 2]}" {
		t.Errorf("read %v (%v)", v, err)
	}
	for _, bad := range []string{`{"d":0}`, `{"a":0,"a":0}`, `{"a":1.5}`, `{"a":1}x`} {
		if err := canonical.Read([]byte(bad), &inner{}); !errors.Is(err, canonical.ErrForm) {
			t.Errorf("%s: want ErrForm, got %v", bad, err)
		}
	}
}

func TestStringsThatAreNotUTF8AreNotWritten(t *testing.T) {
	if raw, err := canonical.Marshal(inner{B: "\xff"}); err == nil {
		t.Errorf("written as %s", raw)
	}
}

func TestMapsAreWrittenInOrder(t *testing.T) {
	raw, err := canonical.Marshal(map[string]uint64{"b": 2, "a": 1, "B": 3, "": 0, "aa": 4})
	if want := `{"":0,"B":3,"a":1,"aa":4,"b":2}`; err != nil || string(raw) != want {
		t.Errorf("written as %s (%v), want %s", raw, err, want)
	}
}

func TestSameNamesTheFirstByteThatDiffers(t *testing.T) {
	if err := canonical.Same([]byte("abc"), []byte("abc")); err != nil {
		t.Error(err)
	}
	for _, row := range []struct {
		got, want string
		at        int
	}{{"abc", "abd", 2}, {"", "a", 0}, {"abc", "ab", 2}} {
		err := canonical.Same([]byte(row.got), []byte(row.want))
		if !errors.Is(err, canonical.ErrForm) || !strings.HasSuffix(err.Error(), fmt.Sprintf("byte %d", row.at)) {
			t.Errorf("%q for %q: %v, want byte %d", row.got, row.want, err, row.at)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"é\"\\\b\u0000","c":[0,9007199254740991]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v inner
		if err := canonical.Unmarshal(raw, &v); err != nil {
			if !errors.Is(err, canonical.ErrForm) {
				t.Fatal(err)
			}
			return
		}
		if again, err := canonical.Marshal(v); err != nil || string(again) != string(raw) {
			t.Fatalf("%s is written again as %s (%v)", raw, again, err)
		}
	})
}
