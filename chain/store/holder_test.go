package store

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzHolder: node.json of whoever holds a directory is only told to people, and
// may be anything.
func FuzzHolder(f *testing.F) {
	f.Add([]byte(`{"pid":12,"api":"http://127.0.0.1:9471","started":"2026-11-28T09:00:00Z"}`))
	f.Add([]byte(`{"pid":1e400}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		fs := vfs.NewMem()
		if err := writeFile(fs, holderName, raw); err != nil {
			t.Fatal(err)
		}
		holder, err := LockDir("", fs)
		if err != nil {
			t.Fatal(err)
		}
		defer holder.Close()
		h, err := readHolder("", fs)
		if err != nil {
			return
		}
		if len(h.API) > 512 {
			return // what is no UTF-8 is written as three bytes, < as six, and a file is read up to 4,096
		}
		if err := holder.SetHolder(h); err != nil {
			return // years that JSON has no form for
		}
		again, err := readHolder("", fs)
		if err != nil || again.PID != h.PID || again.API != h.API || !again.Started.Equal(h.Started) {
			t.Errorf("%+v came back as %+v (%v)", h, again, err)
		}
	})
}
