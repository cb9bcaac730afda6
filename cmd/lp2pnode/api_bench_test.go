package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// BenchmarkAPI asks a node's process over connections that stay open. Both
// share the processors with the clients.
func BenchmarkAPI(b *testing.B) {
	needProcesses(b)
	program(b)
	const clients, senders, each = 64, 1024, 8
	b.Run("submit", func(b *testing.B) {
		for b.Loop() {
			w := newWorkload(b, 1000, senders)
			n := start(b, "node", "--genesis", w.genesis, "--mine=false")
			var requests [clients][][]byte
			for range each {
				for i, tx := range w.transactions(senders) {
					requests[i%clients] = append(requests[i%clients], request(n, "POST", "/v1/transactions", tx.Raw()))
				}
			}
			took := hammer(b, n, http.StatusAccepted, requests[:])
			n.stop()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(senders*each/took.Seconds(), "per-s")
		}
	})
	b.Run("blocks", func(b *testing.B) {
		const blocks = 10_000
		w := newWorkload(b, blocks, 0)
		n := start(b, "node", "--genesis", w.genesis, "--mine=false")
		n.stop()
		w.grow(b, n.dir, blocks, 0)
		n.run()
		var requests [16][][]byte
		for i := range 2 * blocks {
			path := fmt.Sprintf("/v1/blocks/%d", 1+i*7919%blocks)
			requests[i%len(requests)] = append(requests[i%len(requests)], request(n, "GET", path, nil))
		}
		for b.Loop() {
			took := hammer(b, n, http.StatusOK, requests[:])
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(2*blocks/took.Seconds(), "per-s")
		}
	})
}

// request returns the bytes of a request.
func request(n *process, method, path string, body []byte) []byte {
	host := strings.TrimPrefix(n.url(), "http://")
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	if body != nil {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append([]byte(head+"\r\n"), body...)
}

// skipAnswer reads an answer and returns its status. It looks at no more than it
// has to: the processors are there for the node.
func skipAnswer(in *bufio.Reader) (status int, err error) {
	size := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		value, isSize := bytes.CutPrefix(line, []byte("Content-Length: "))
		switch {
		case status == 0 && len(line) >= len("HTTP/1.1 200"):
			status, err = strconv.Atoi(string(line[len("HTTP/1.1 "):len("HTTP/1.1 200")]))
		case isSize:
			size, err = strconv.Atoi(string(value))
		case len(line) == 0 && size < 0:
			err = errors.New("an answer without length")
		case len(line) == 0:
			_, err = in.Discard(size)
			return status, err
		}
		if err != nil {
			return 0, err
		}
	}
}

// hammer sends each list of requests over a connection of its own, one after the
// answer to another, and returns how long all took.
func hammer(b *testing.B, n *process, want int, requests [][][]byte) time.Duration {
	b.Helper()
	var g errgroup.Group
	var refused atomic.Int64
	begin := time.Now()
	for _, list := range requests {
		g.Go(func() error {
			conn, err := net.Dial("tcp", strings.TrimPrefix(n.url(), "http://"))
			if err != nil {
				return err
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for _, raw := range list {
				if _, err := conn.Write(raw); err != nil {
					return err
				}
				status, err := skipAnswer(in)
				if err != nil {
					return err
				}
				if status != want {
					refused.Add(1)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	if refused := refused.Load(); refused > 0 {
		b.Fatalf("%d requests were not answered with %d", refused, want)
	}
	return took
}
