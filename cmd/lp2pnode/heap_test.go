package main_test

import "testing"

// TestHeapIsTamed: by the profile, unless the user has a limit of his own.
func TestHeapIsTamed(t *testing.T) {
	needProcesses(t)
	for _, row := range []struct {
		env, profile string
		want         float64
	}{
		{"", "laptop", 144 << 20},
		{"", "server", 1<<63 - 1},
		{"300MiB", "laptop", 300 << 20},
	} {
		t.Setenv("GOMEMLIMIT", row.env)
		n := start(t, "node", "--mine=false", "--profile", row.profile)
		if got := n.metric("go_gc_gomemlimit_bytes"); got != row.want {
			t.Errorf("profile %s and GOMEMLIMIT=%s: want a limit of %.0f bytes, got %.0f", row.profile, row.env, row.want, got)
		}
		n.stop()
	}
}
