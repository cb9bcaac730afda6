package main

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// OpenTerminal returns both ends of a terminal, which are closed with the test at
// the latest.
func OpenTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// TestTerminalThatIsGoneIsNoticed: SIGHUP from a closed terminal ends a node,
// SIGHUP from an operator reloads it.
func TestTerminalThatIsGoneIsNoticed(t *testing.T) {
	master, slave := OpenTerminal(t)
	tty := findTerminal(slave)
	if tty.fd < 0 || tty.gone() {
		t.Errorf("want a terminal that is there, got %+v, gone %t", tty, tty.gone())
	}
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	if !tty.gone() {
		t.Error("want a terminal that is gone")
	}
	pipe, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if none := findTerminal(pipe); none.gone() {
		t.Error("what was never a terminal cannot be gone")
	}
}
