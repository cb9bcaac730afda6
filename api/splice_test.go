package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestPagesAreBoundedAndHoldOneAtLeast(t *testing.T) {
	hashes := make([]chain.Hash, 5)
	for _, row := range []struct{ size, want int }{
		{10, 5},
		{maxPageBytes / 5, 4}, // what goes between them counts
		{maxPageBytes/5 - 2, 5},
		{maxPageBytes / 2, 1},
		{maxPageBytes + 1, 1},
	} {
		t.Run(fmt.Sprint(row.size), func(t *testing.T) {
			raw := bytes.Repeat([]byte{'7'}, row.size)
			body, n, err := splice(t.Context(), hashes, func(chain.Hash) ([]byte, error) { return raw, nil })
			if err != nil || n != row.want {
				t.Fatalf("want %d of %d bytes, got %d, %v", row.want, row.size, n, err)
			}
			if size := n*(row.size+1) + 1; len(body) != size {
				t.Errorf("want %d bytes, got %d", size, len(body))
			}
			if len(body) > maxPageBytes && n > 1 {
				t.Errorf("a page of %d blocks has %d bytes", n, len(body))
			}
		})
	}
}

func TestPagesStopWhenNobodyWaits(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	reads := 0
	_, _, err := splice(ctx, make([]chain.Hash, 5), func(chain.Hash) ([]byte, error) {
		reads++
		leave()
		return []byte("7"), nil
	})
	if !errors.Is(err, context.Canceled) || reads != 1 {
		t.Errorf("got %v after %d reads", err, reads)
	}
}
