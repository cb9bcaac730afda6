package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// Timeout bounds one call that is not a stream, where its context does not.
	Timeout = 30 * time.Second
	// maxAnswerBytes bounds an answer: a page of blocks and one block more.
	maxAnswerBytes = 32 << 20
)

// Client calls the API of one node. It is safe for concurrent use. Every
// method fails with a *Problem when the node says no, with an
// *UnreachableError when there is no node, and with the context's error.
type Client struct {
	// HTTP sends the requests. It may be replaced before the first call.
	HTTP *http.Client
	// Token is what a node wants for writing from elsewhere than its own
	// machine, and for all that works on the node itself; it stands in the file
	// api.token of its data directory. It may be set before the first call, and
	// goes out with these calls only.
	Token string

	base string // without the last slash
	err  error  // of the base URL
}

// New returns a client of the API at a URL such as "http://127.0.0.1:9471".
// Without a scheme it means http. A bad URL is the error of every call.
func New(baseURL string) *Client {
	base := baseURL
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	base = strings.TrimRight(base, "/")
	c := &Client{HTTP: &http.Client{CheckRedirect: noRedirect}, base: base}
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		c.err = fmt.Errorf("API address %.100q: want a URL such as http://127.0.0.1:9471", baseURL)
	}
	return c
}

// noRedirect: the API has none, and a token must not travel.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// URL returns the address that the client calls.
func (c *Client) URL() string { return c.base }

// UnreachableError says that nobody answers at a URL.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	if errors.Is(e.Err, syscall.ECONNREFUSED) {
		return fmt.Sprintf("no node answers at %s; start one with `lp2pnode`, or name another with --api", e.URL)
	}
	return fmt.Sprintf("cannot reach a node at %s: %v", e.URL, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Status returns what the node says of itself.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return get[*Status](ctx, c, "/v1/status", nil)
}

// Peers returns the connected peers and those that are gone or were refused.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	return get[[]Peer](ctx, c, "/v1/peers", nil)
}

// Forks returns all known blocks, side branches too, of the last depth heights
// below the tip and of all above, by height, and of one height the best
// chain's first. Depth 0 leaves the number to the node.
func (c *Client) Forks(ctx context.Context, depth uint64) ([]Fork, error) {
	q := url.Values{}
	if depth > 0 {
		q.Set("depth", strconv.FormatUint(depth, 10))
	}
	return get[[]Fork](ctx, c, "/v1/forks", q)
}

// Ready returns the node's readiness by its parts; it is no error not to be.
func (c *Client) Ready(ctx context.Context) (*Health, error) {
	return get[*Health](ctx, c, "/readyz", nil)
}

// get fetches JSON into a T.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var v T
	raw, err := c.fetch(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return v, err
	}
	return v, c.parse(path, raw, &v)
}

// post sends JSON and fetches JSON into a T.
func post[T any](ctx context.Context, c *Client, path string, body []byte) (T, error) {
	var v T
	raw, err := c.fetch(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return v, err
	}
	return v, c.parse(path, raw, &v)
}

func (c *Client) parse(path string, raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s%s: the answer is not what this client knows: %w", c.base, path, err)
	}
	return nil
}

// adminPath is where the node itself is worked on, always with the token.
const adminPath = "/v1/admin/"

// request makes a request; one that writes carries JSON and the token.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	if c.err != nil {
		return nil, c.err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("API address %s: %w", c.base, err)
	}
	req.URL.RawQuery = query.Encode()
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" && (method != http.MethodGet || strings.HasPrefix(path, adminPath)) {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

// send sends a request and returns the answer, whose body the caller closes.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &UnreachableError{URL: c.base, Err: withoutURL(err)}
	}
	return resp, nil
}

// fetch returns the bytes of an answer.
func (c *Client) fetch(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
	case len(raw) > maxAnswerBytes:
		return nil, fmt.Errorf("%s%s: the answer has more than %d bytes", c.base, path, maxAnswerBytes)
	}
	return raw, c.judge(resp, raw)
}

// judge returns nil for an answer that holds what was asked for.
func (c *Client) judge(resp *http.Response, raw []byte) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case kind == "application/problem+json":
		p := &Problem{}
		if err := json.Unmarshal(raw, p); err == nil && p.Status == resp.StatusCode {
			return p
		}
	case kind == "application/json" && (resp.StatusCode < 300 || resp.StatusCode == http.StatusServiceUnavailable):
		return nil
	}
	return c.stranger(resp, raw)
}

// stranger says that an answer is not a node's.
func (c *Client) stranger(resp *http.Response, raw []byte) error {
	return fmt.Errorf("%s answers, but not as a node does: %s, %.60q", c.base, resp.Status, bytes.TrimSpace(raw))
}

// withoutURL drops the method and URL that net/http puts before each error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
