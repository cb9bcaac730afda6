package api_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
)

// listen serves a node on an address until the test ends, and returns where.
func listen(t *testing.T, addr string, cfg api.Config) string {
	t.Helper()
	s, err := api.New(newNode(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestProfilesAreServedOnlyWhenAskedFor(t *testing.T) {
	for debug, want := range map[bool]int{false: http.StatusNotFound, true: http.StatusOK} {
		addr := listen(t, "127.0.0.1:0", api.Config{Debug: debug})
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline"} {
			if resp, body := call(t, http.MethodGet, "http://"+addr+path); resp.StatusCode != want {
				t.Errorf("debug %t, %s: want %d, got %s %.80q", debug, path, want, resp.Status, body)
			}
		}
	}
}

// TestProfilesAreForThisMachineOnly: whoever calls by another name than a
// loopback one, a proxy's or the machine's, comes from elsewhere.
func TestProfilesAreForThisMachineOnly(t *testing.T) {
	addr := listen(t, "127.0.0.1:0", api.Config{Debug: true, Hosts: []string{"ledger.example"}})
	resp, body := call(t, http.MethodGet, "http://"+addr+"/debug/pprof/", "Host: ledger.example")
	wantProblem(t, resp, body, http.StatusForbidden, "this machine only")
	for _, ip := range machineIPs(t) {
		addr := listen(t, net.JoinHostPort(ip, "0"), api.Config{Debug: true})
		resp, body := call(t, http.MethodGet, "http://"+addr+"/debug/pprof/heap")
		wantProblem(t, resp, body, http.StatusForbidden, "this machine only")
	}
}

// machineIPs returns this machine's IPv4 addresses beyond loopback.
func machineIPs(t *testing.T) []string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var ips []string
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !strings.Contains(ip.IP.String(), ":") {
			ips = append(ips, ip.IP.String())
		}
	}
	return ips
}
