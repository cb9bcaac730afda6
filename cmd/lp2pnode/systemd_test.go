package main_test

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager is a service manager's end of the socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// listenAsManager makes the socket that the processes of a test are told of.
func listenAsManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return &manager{t, conn}
}

// hears waits for a message with all these words and returns it.
func (m *manager) hears(words ...string) string {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buffer)
		if err != nil {
			m.t.Fatalf("never heard %v: %v", words, err)
		}
		message, all := string(buffer[:n]), true
		for _, w := range words {
			all = all && strings.Contains(message, w)
		}
		if all {
			return message
		}
	}
}

// TestServiceManagerHearsHowTheNodeIs: over systemd's own socket, from a node
// that is ready to its end.
func TestServiceManagerHearsHowTheNodeIs(t *testing.T) {
	needProcesses(t)
	m := listenAsManager(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	node := start(t, "node", "--mine=false")
	m.hears("READY=1", "STATUS=height 0, 0 peers, ready")
	for range 3 {
		m.hears("WATCHDOG=1", "STATUS=height 0")
	}
	if err := node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.hears("RELOADING=1", "MONOTONIC_USEC=")
	m.hears("READY=1")
	if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.hears("STOPPING=1")
	if err := node.cmd.Wait(); err != nil {
		t.Errorf("want a clean end, got %v", err)
	}
}

// TestStatusForTheServiceManagerNamesWhatFails: a node that misses its peers
// says so where an operator looks first, and lives.
func TestStatusForTheServiceManagerNamesWhatFails(t *testing.T) {
	needProcesses(t)
	m := listenAsManager(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	start(t, "node", "--mine=false", "--bootstrap", "/ip4/127.0.0.1/tcp/1")
	m.hears("WATCHDOG=1", "not ready: peers: none connected")
}
