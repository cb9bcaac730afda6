package deploy_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnitIsWhatSystemdTakes: systemd-analyze has nothing to say about it, but
// that the program is not installed here, for which another stands in. What it
// says of this machine's units that ours depends on is not judged.
func TestUnitIsWhatSystemdTakes(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT CHECKED: lp2pnode.service wants systemd-analyze (package systemd), which is not here")
	}
	unit, err := os.ReadFile("lp2pnode.service")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/lp2pnode$`)
	if len(program.FindAll(unit, -1)) != 1 {
		t.Fatal("want one line ExecStart=/usr/local/bin/lp2pnode")
	}
	ours := regexp.MustCompile(`(?m)^.*\blp2pnode\.service\b.*$`)
	verify := func(unit []byte) string {
		path := filepath.Join(t.TempDir(), "lp2pnode.service")
		if err := os.WriteFile(path, unit, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return strings.Join(ours.FindAllString(string(out), -1), "\n")
	}
	unit = program.ReplaceAll(unit, []byte("ExecStart=/bin/true"))
	if said := verify(unit); said != "" {
		t.Errorf("systemd says: %s", said)
	}
	if verify(append(unit, "\n[Service]\nMisspelt=yes\n"...)) == "" {
		t.Error("systemd finds nothing wrong with a setting that does not exist")
	}
}
