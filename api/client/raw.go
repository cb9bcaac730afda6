package client

import (
	"context"
	"net/http"
	"net/url"
)

// Raw returns the answer to GET path as the node sent it, for those who hand it
// on and want also what this client does not know.
func (c *Client) Raw(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return c.fetch(ctx, http.MethodGet, path, query, nil)
}
