package main_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSecondSignalEndsAtOnce: a node that waits for somebody who is still being
// answered ends at a second signal, with the exit code of an interruption.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	needProcesses(t)
	node := start(t, "node", "--mine=false")
	addr := strings.TrimPrefix(node.url(), "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A body that never comes: the node has asked for it, so it waits.
	fmt.Fprintf(conn, "POST /v1/transactions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 300\r\nExpect: 100-continue\r\n\r\n", addr)
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("want to be asked for the body, got %q, %v", line, err)
	}
	for range 2 {
		if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		node.await("its API to be closed", 5*time.Second, func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
	}
	begin := time.Now()
	err = node.cmd.Wait()
	if code := node.cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("want exit code 130, got %d, %v", code, err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %s to end", took)
	}
}

// TestNodeSaysOnWhichSignalItStops: in one line of its log.
func TestNodeSaysOnWhichSignalItStops(t *testing.T) {
	needProcesses(t)
	for signal, name := range map[os.Signal]string{syscall.SIGTERM: "SIGTERM", os.Interrupt: "SIGINT"} {
		node := start(t, name, "--mine=false")
		if err := node.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := node.cmd.Wait(); err != nil {
			t.Errorf("want a clean end, got %v", err)
		}
		if log := node.log.String(); strings.Count(log, "msg=stopping on="+name+"\n") != 1 || !strings.Contains(log, "level=INFO msg=stopping") {
			t.Errorf("want one line that it stops on %s, got\n%s", name, log)
		}
	}
}

// TestSignalToldTwiceEndsCleanly: timeout(1) signals a process and its group.
func TestSignalToldTwiceEndsCleanly(t *testing.T) {
	needProcesses(t)
	node := start(t, "node", "--mine=false")
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		if err := node.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.cmd.Wait(); err != nil {
		t.Errorf("want a clean end, got %v", err)
	}
	if _, err := os.Stat(filepath.Join(node.dir, "node.json")); !os.IsNotExist(err) {
		t.Errorf("want the directory given free, got %v", err)
	}
}
