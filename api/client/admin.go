package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Backup has the node write a copy of its chain to a new directory on its own
// machine, an absolute path, and prove it; progress, if not nil, is told how
// much of a total is done. It takes the token, and no longer than ctx.
func (c *Client) Backup(ctx context.Context, dir string, progress func(done, total uint64)) (*Backup, error) {
	order, err := json.Marshal(BackupOrder{Dir: dir})
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	last, err := c.work(ctx, "/v1/admin/backup", order, progress)
	if err != nil {
		return nil, err
	}
	if last.Backup == nil {
		return nil, fmt.Errorf("%s/v1/admin/backup: the answer ends without a backup", c.base)
	}
	return last.Backup, nil
}

// Verify has the node prove its whole store anew. An error that is a
// *ProofError says what is wrong with it. Otherwise it is as Backup.
func (c *Client) Verify(ctx context.Context, progress func(done, total uint64)) error {
	_, err := c.work(ctx, "/v1/admin/verify", []byte("{}"), progress)
	return err
}

// Explain has the node run every rule on the canonical bytes of a block or
// transaction, known there or not, and returns what each wants and found, in
// the order in which they are met.
func (c *Client) Explain(ctx context.Context, raw []byte) ([]chain.Finding, error) {
	return post[[]chain.Finding](ctx, c, "/v1/explain", raw)
}

// ProofError is what the node says of work that it could not do, or of a store
// that does not hold.
type ProofError struct{ Detail string }

func (e *ProofError) Error() string { return e.Detail }

// maxWorkLine bounds a line of the answer, in bytes.
const maxWorkLine = 64 << 10

// work asks for what takes long and returns the last line of the answer.
func (c *Client) work(ctx context.Context, path string, body []byte, progress func(done, total uint64)) (*Work, error) {
	req, err := c.request(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "application/x-ndjson" || resp.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxWorkLine))
		if err != nil {
			return nil, fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
		}
		if err := c.judge(resp, raw); err != nil {
			return nil, err
		}
		return nil, c.stranger(resp, raw)
	}
	last, err := readWork(resp.Body, progress)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
	}
	if last.Error != "" {
		return nil, &ProofError{last.Error}
	}
	return last, nil
}

// readWork reads lines up to the last.
func readWork(r io.Reader, progress func(done, total uint64)) (*Work, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxWorkLine)
	for lines.Scan() {
		var w Work
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, err
		}
		if w.Finished {
			return &w, nil
		}
		if progress != nil {
			progress(w.Done, w.Total)
		}
	}
	return nil, errors.Join(lines.Err(), errors.New("it ends before the work does: did the node stop?"))
}
