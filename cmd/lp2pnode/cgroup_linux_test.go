package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// memoryGroup makes a cgroup of this process's, of version 2 or 1, that may use
// so many bytes, or skips the test where that is not allowed.
func memoryGroup(t *testing.T, bytes int) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	mount, file, path := "", "", ""
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) == 3 && parts[1] == "memory":
			mount, file, path = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", parts[2]
		case len(parts) == 3 && parts[1] == "" && mount == "":
			mount, file, path = "/sys/fs/cgroup", "memory.max", parts[2]
		}
	}
	group := filepath.Join(mount, path, fmt.Sprintf("lp2ptest%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no cgroup can be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(group, file), fmt.Append(nil, bytes), 0o600); err != nil {
		t.Skipf("no limit can be set on a cgroup here: %v", err)
	}
	return group
}

func TestLimitOfTheCgroupCounts(t *testing.T) {
	group := memoryGroup(t, 512<<20)
	out, err := exec.CommandContext(t.Context(), "sh", "-c",
		`echo $$ >"$1"/cgroup.procs && exec lp2pnode config --data-dir /nowhere --profile server`, "sh", group).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"profile server, 512 MiB of memory", "64 "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q, got\n%s", want, out)
		}
	}
}
